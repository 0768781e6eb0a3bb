import { readFileSync } from "node:fs";

/** Makes the reference of fanfold.config.ts that docs/reference-config.md is, of the types that check it. */
const SOURCES = ["functions/sdk/config.ts", "functions/sdk/function-config.ts"];
/** The interfaces in the order in which a reader meets them, and where each stands in the configuration. */
const SECTIONS: readonly (readonly [name: string, place: string])[] = [
  ["FanfoldConfig", "what `defineConfig` takes"],
  ["SiteConfig", "`sites[]`"],
  ["QueueConfig", "`sites[].queues[]`"],
  ["FunctionConfig", "`sites[].functions.NAME`"],
  ["NeedsConfig", "`sites[]` and `sites[].functions.NAME`"],
  ["SecretConfig", "`secrets.NAME`"],
  ["VpcConfig", "`vpc`"],
  ["PermissionConfig", "`sites[].functions.NAME.permissions[]`"],
  ["ApiConfig", "`api`"],
  ["TablesConfig", "`tables`"],
  ["AlarmsConfig", "`alarms`"],
];
interface Field {
  readonly name: string;
  readonly type: string;
  readonly isOptional: boolean;
  readonly text: string;
}
interface Type {
  readonly text: string;
  readonly fields: readonly Field[];
}

export function configReference(): string {
  const types = typesIn(SOURCES.map((path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")).join("\n"));
  const listed = new Set(SECTIONS.map(([name]) => name));
  const forgotten = [...types.keys()].filter((name) => name.endsWith("Config") && !listed.has(name));
  if (forgotten.length > 0) throw new Error(`the reference of the configuration leaves out ${forgotten.join(", ")}`);
  return [
    "# Configuration",
    "",
    "This page is generated from the types of `fanfold.config.ts`:",
    "`npx vitest run --project short test/references.test.ts -u` writes it anew. Fields without a default are required.",
    "Schedules have [a guide of their own](guide-schedules.md).",
    "",
    ...SECTIONS.flatMap(([name, place]) => sectionOf(name, place, types.get(name))),
  ].join("\n");
}

function sectionOf(name: string, place: string, type: Type | undefined): string[] {
  if (type === undefined) throw new Error(`there is no interface ${name}`);
  return [
    `## ${name}`,
    "",
    ...wrapped(`Of ${place}: ${type.text.charAt(0).toLowerCase()}${type.text.slice(1)}`, ""),
    "",
    ...type.fields.flatMap((field) => [
      `- \`${field.name}\`${field.isOptional ? "" : " (required)"}: \`${field.type}\``,
      "",
      ...wrapped(field.text, "  "),
      "",
    ]),
  ];
}
function typesIn(source: string): ReadonlyMap<string, Type> {
  const types = new Map<string, Type>();
  for (const [, doc = "", name = "", body = ""] of source.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport interface (\w+)[^{]*\{\n([\s\S]*?)\n\}/g,
  ))
    types.set(name, { text: textOf(doc), fields: fieldsIn(body) });
  return types;
}
function fieldsIn(body: string): readonly Field[] {
  const fields = documentedIn(body);
  const declared = body.match(/^ {2}readonly /gm)?.length ?? 0;
  if (fields.length !== declared) throw new Error(`a field has no comment: ${body}`);
  return fields;
}
function documentedIn(body: string): readonly Field[] {
  return [
    ...body.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}readonly (\w+)(\??): ([\s\S]*?);(?=\n {2}\/\*\*|\s*$|\n {2}readonly)/g,
    ),
  ].map(([, doc = "", name = "", optional = "", type = ""]) => ({
    name,
    isOptional: optional === "?",
    type: type.replaceAll(/\breadonly (?=\w)/g, "").replaceAll(/\s+/g, " "),
    text: textOf(doc),
  }));
}
/** Returns the text of a comment. An example becomes its last sentence. */
function textOf(doc: string): string {
  const lines = doc.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trim());
  const [text = "", example] = lines
    .join(" ")
    .trim()
    .split(/\s*@example\s*/);
  return example === undefined ? text : `${text} For instance \`${example}\`.`;
}
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(/ (?=(?:[^`]*`[^`]*`)*[^`]*$)/)) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length + 1 > 118) lines.push(`${indent}${word}`);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
