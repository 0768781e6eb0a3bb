import type { Json, JsonObject } from "../../functions/client/index.ts";

/** One field of a workflow, as its JSON Schema says. */
export interface Field {
  readonly name: string;
  readonly kind: "text" | "number" | "integer" | "flag" | "choice" | "json";
  readonly description: string;
  readonly required: boolean;
  readonly choices: readonly Json[];
  readonly least?: number;
  readonly most?: number;
}
export function fieldsOf(schema: JsonObject): readonly Field[] {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries(objectOf(schema["properties"])).map(([name, given]) => {
    const field = objectOf(given);
    const choices = Array.isArray(field["enum"]) ? field["enum"] : [];
    const least = numberOf(field["minimum"]);
    const most = numberOf(field["maximum"]);
    return {
      name,
      kind: choices.length > 0 ? "choice" : kindOf(field["type"]),
      description: typeof field["description"] === "string" ? field["description"] : "",
      required: required.includes(name) && !("default" in field),
      choices,
      ...(least !== undefined && Math.abs(least) < Number.MAX_SAFE_INTEGER && { least }),
      ...(most !== undefined && Math.abs(most) < Number.MAX_SAFE_INTEGER && { most }),
    };
  });
}
/** Fields with their defaults. Those without one are left out until they are given. */
export function initialFields(schema: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(objectOf(schema["properties"])).flatMap(([name, field]): [string, Json][] => {
      const value = objectOf(field)["default"];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
function kindOf(type: Json | undefined): Field["kind"] {
  if (type === "string") return "text";
  if (type === "number" || type === "integer") return type;
  return type === "boolean" ? "flag" : "json";
}
function objectOf(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
function numberOf(value: Json | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
