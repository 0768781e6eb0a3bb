import { canvasJsonSchema } from "../../functions/api/canvas-schema.ts";

/** Every tracking level of a group, as the published schema of a canvas lists them. */
export function trackingLevels(): readonly string[] {
  const schema = canvasJsonSchema() as Schema;
  const levels = find(schema, "tracking", schema);
  if (levels === undefined) throw new Error("the schema of a canvas names no tracking levels");
  return levels;
}

interface Schema {
  readonly [name: string]: unknown;
}
/** Returns the values of the first property of that name, at any depth of the schema. */
function find(node: unknown, property: string, root: Schema): readonly string[] | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  for (const [name, child] of Object.entries(node)) {
    const found = (name === property ? resolve(child as Schema, root).enum : undefined) ?? find(child, property, root);
    if (found !== undefined) return found as readonly string[];
  }
  return undefined;
}
function resolve(schema: Schema, root: Schema): Schema {
  const name = typeof schema["$ref"] === "string" ? schema["$ref"].split("/").at(-1) : undefined;
  return name === undefined ? schema : ((root["$defs"] as { readonly [name: string]: Schema })[name] ?? {});
}
