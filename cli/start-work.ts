import { existsSync, readFileSync } from "node:fs";
import type { Client, Json, JsonObject, StartOptions, Submitted, WorkflowInfo } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";

export interface WorkOptions extends StartOptions {
  /** `name=value` each. */
  readonly fields: readonly string[];
}

/** Starts what the user named: a workflow with its fields, or a canvas in a JSON file (`-`: from stdin). */
export async function startWork(client: Client, name: string, { fields, ...options }: WorkOptions): Promise<Submitted> {
  if (!isFile(name)) return client.start(name, readFields(fields, await client.workflow(name)), options);
  if (fields.length > 0) throw invalid("--field", `--field is for workflows; ${name} is a canvas, which holds its arguments itself`);
  return client.submitWire(readCanvasFile(name), options);
}

function isFile(name: string): boolean {
  return name === "-" || name.endsWith(".json") || name.includes("/");
}

function readCanvasFile(path: string): unknown {
  if (path !== "-" && !existsSync(path)) throw invalid("FILE", `there is no file ${path}`);
  const text = readFileSync(path === "-" ? 0 : path, "utf8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    const what = path === "-" ? "what came from stdin" : path;
    throw new FanfoldError("invalid_json", `${what} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

/** `n=10` is a number where the workflow's schema lets it be one: `JSON if it is JSON, else text`, except for fields that are text. */
export function readFields(fields: readonly string[], workflow: WorkflowInfo): JsonObject {
  const values: [string, Json][] = [];
  for (const field of fields) {
    const equals = field.indexOf("=");
    if (equals < 1) throw invalid("--field", `--field ${field}: write it as name=value`);
    const name = field.slice(0, equals);
    if (values.some(([other]) => other === name)) throw invalid("--field", `--field ${name} is given twice`);
    values.push([name, readValue(field.slice(equals + 1), schemaOf(name, workflow))]);
  }
  return Object.fromEntries(values);
}

function readValue(text: string, schema: JsonObject): Json {
  if (schema["type"] === "string") return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
function schemaOf(name: string, { parametersSchema: { properties } }: WorkflowInfo): JsonObject {
  const known = properties !== undefined && properties !== null && Object.hasOwn(properties as object, name);
  return known ? ((properties as JsonObject)[name] as JsonObject) : {};
}

/** One line per field, as `fanfold workflows` shows them. */
export function describeFields({ parametersSchema }: WorkflowInfo): string[] {
  const properties = Object.entries((parametersSchema["properties"] ?? {}) as { [name: string]: JsonObject });
  const required = (parametersSchema["required"] ?? []) as readonly string[];
  return properties.map(([name, schema]) => {
    const type = typeof schema["type"] === "string" ? schema["type"] : "any";
    const need = "default" in schema ? `, default ${JSON.stringify(schema["default"])}` : required.includes(name) ? ", required" : "";
    const description = typeof schema["description"] === "string" ? `  ${schema["description"]}` : "";
    return `${name} (${type}${need})${description}`;
  });
}

function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
