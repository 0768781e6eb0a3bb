import type { Command } from "commander";
import { program } from "../cli/program.ts";

/** Makes the reference of commands that docs/reference-commands.md is (test/references.test.ts). */
const COMMON = ["--json", "--data", "--tasks", "--url", "--profile", "--region"];

export function commandReference(): string {
  const { commands } = program();
  const common = commands.find((command) => command.name() === "jobs")?.options ?? [];
  return [
    "# Commands",
    "",
    "This page is generated from the commands: `npx vitest run --project short test/references.test.ts -u` writes it anew.",
    "How they are used together: [operating](guide-operate.md), [the client](guide-client.md#commands).",
    "",
    "## All commands have",
    "",
    ...optionRows(common.filter(({ long }) => COMMON.includes(long ?? ""))),
    "",
    "`init`, `demo`, `dev` and `completion` work on this machine only, and take no server.",
    "",
    ...commands.flatMap(sectionOf),
  ].join("\n");
}

function sectionOf(command: Command): string[] {
  const own = command.options.filter(({ long }) => !COMMON.includes(long ?? ""));
  const args = command.registeredArguments.map((each) => {
    const name = each.required ? `<${each.name()}>` : `[${each.name()}]`;
    return { name, text: `${each.description}${choicesOf(each.argChoices)}` };
  });
  return [
    `## ${command.name()}`,
    "",
    ...wrapped(`${command.description().replaceAll("\n", " ").replace(/\.$/, "")}.`),
    "",
    ...(args.length > 0 ? [...rows("argument", args), ""] : []),
    ...(own.length > 0 ? [...optionRows(own), ""] : []),
  ];
}
type Options = readonly Command["options"][number][];
function optionRows(options: Options): string[] {
  return rows(
    "option",
    options.map(({ flags, description, argChoices, defaultValue }) => ({
      name: flags,
      text: `${description}${choicesOf(argChoices)}${defaultOf(defaultValue)}`,
    })),
  );
}
function rows(title: string, entries: readonly { readonly name: string; readonly text: string }[]): string[] {
  const safe = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  return [
    `| ${title} | what it is |`,
    "|---|---|",
    ...entries.map(({ name, text }) => `| \`${name}\` | ${safe(text)} |`),
  ];
}
const choicesOf = (choices: readonly string[] | undefined): string =>
  choices === undefined ? "" : `: ${choices.map((choice) => `\`${choice}\``).join(", ")}`;
/** A path of this machine says nothing elsewhere. */
function defaultOf(value: unknown): string {
  const isSaid = (typeof value === "string" && !value.startsWith("/")) || typeof value === "number";
  return isSaid ? ` (default: ${String(value)})` : "";
}
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length + 1 > 118) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
