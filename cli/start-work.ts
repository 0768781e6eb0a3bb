import { existsSync, readFileSync } from "node:fs";
import type {
  Client,
  JobPlan,
  Json,
  JsonObject,
  PlanOptions,
  ScheduleSpec,
  StartOptions,
  Submitted,
  WorkflowInfo,
} from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { jsonOrText, parseJson } from "../functions/core/json-text.ts";
import type { TaskModule } from "../functions/sdk/module.ts";

export interface WorkOptions extends StartOptions {
  /** Fields as `name=value` texts. */
  readonly fields: readonly string[];
}

/** Work that is ready to be started. */
export interface Start {
  /** Starts the work once an engine is there to do it. */
  start(client: Client): Promise<Submitted>;
  /**
   * Throws what is wrong with its names, before any worker is started for them: `unknown_workflow`, `unknown_task`, a
   * field that the workflow has not.
   */
  check(found: TaskModule): Promise<void>;
}

/** Reads the work that the user named, and returns how to start it. Mistakes in it are found without an engine. */
export function prepareWork(name: string, { fields, ...options }: WorkOptions): Start {
  const work = readWork(name, fields);
  if ("canvas" in work)
    return {
      start: (client) => client.submitWire(work.canvas, options),
      check: async ({ tasks }) => {
        const { checkTasks } = await import("./check-names.ts");
        checkTasks(work.canvas, new Set(tasks.map((task) => task.name)));
      },
    };
  return {
    start: async (client) => client.start(name, readFields(work.pairs, await client.workflow(name)), options),
    check: async ({ workflows }) => {
      const { requireWorkflow } = await import("./check-names.ts");
      readFields(work.pairs, requireWorkflow(workflows, name));
    },
  };
}
/** Reads the work that the user named, and returns how to plan it. */
export function preparePlan(
  name: string,
  fields: readonly string[],
  options: PlanOptions,
): (client: Client) => Promise<JobPlan> {
  const work = readWork(name, fields);
  if ("canvas" in work) return (client) => client.planWire(work.canvas, options);
  return async (client) => client.planWorkflow(name, readFields(work.pairs, await client.workflow(name)), options);
}

/** Reads the work that the user named, as a schedule has it. */
export async function readScheduled(
  client: Client,
  name: string,
  fields: readonly string[],
): Promise<Pick<ScheduleSpec, "workflow" | "fields" | "canvas">> {
  const work = readWork(name, fields);
  if ("canvas" in work) return { canvas: work.canvas as Json };
  const given = readFields(work.pairs, await client.workflow(name));
  return { workflow: name, ...(Object.keys(given).length > 0 && { fields: given }) };
}

/** Reads a workflow with its fields, or a canvas in a JSON file (`-` reads stdin). */
function readWork(
  name: string,
  fields: readonly string[],
): { readonly canvas: unknown } | { readonly pairs: readonly Pair[] } {
  if (!isCanvasFile(name)) return { pairs: readPairs(fields) };
  if (fields.length > 0)
    throw invalid("--field", `--field is for workflows; ${name} is a canvas, which holds its arguments itself`);
  return { canvas: readCanvasFile(name) };
}

/** Whether what the user named is a file with a canvas. Anything else names a workflow. */
export function isCanvasFile(name: string): boolean {
  return name === "-" || name.endsWith(".json") || name.includes("/");
}

export function readCanvasFile(path: string): unknown {
  return parseJson(readTextOf(path), path === "-" ? "the text from stdin" : path);
}
/** Returns the text of a file; `-` reads stdin. */
export function readTextOf(path: string): string {
  if (path !== "-" && !existsSync(path)) throw invalid("FILE", `there is no file ${path}`);
  return readFileSync(path === "-" ? 0 : path, "utf8");
}

type Pair = readonly [name: string, text: string];
export function readPairs(fields: readonly string[]): readonly Pair[] {
  const pairs = new Map<string, string>();
  for (const field of fields) {
    const equals = field.indexOf("=");
    if (equals < 1) throw invalid("--field", `--field ${field}: write it as name=value`);
    const name = field.slice(0, equals);
    if (pairs.has(name)) throw invalid("--field", `--field ${name} is given twice`);
    pairs.set(name, field.slice(equals + 1));
  }
  return [...pairs];
}

/**
 * Reads fields by the workflow's schema. `n=10` is a number where the schema permits one: JSON if it is valid JSON,
 * else text, and always text for text fields. A number with more digits than a number holds is text where the schema
 * permits text, and else refused. A field that the workflow would silently leave out is a typing error, so
 * it is refused.
 */
export function readFields(pairs: readonly Pair[], workflow: WorkflowInfo): JsonObject {
  const { properties, additionalProperties } = workflow.parametersSchema;
  const known = isObject(properties) ? properties : {};
  const takesOthers = additionalProperties !== undefined && additionalProperties !== false;
  const read = ([name, text]: Pair): [string, Json] => {
    const schema = Object.hasOwn(known, name) ? known[name] : undefined;
    if (schema === undefined && !takesOthers) {
      throw invalid(
        `/fields/${name}`,
        `workflow ${workflow.name} has no field ${name}; its fields: ${Object.keys(known).join(", ") || "none"}`,
      );
    }
    if (isObject(schema) && schema["type"] === "string") return [name, text];
    const value = jsonOrText(text, `--field ${name}`, `/fields/${name}`);
    if (typeof value === "string" && isJsonNumber(text) && !mayBeText(schema))
      throw invalid(`/fields/${name}`, `--field ${name}=${text}: a number does not hold all of these digits`);
    return [name, value];
  };
  return Object.fromEntries(pairs.map(read));
}

function isJsonNumber(text: string): boolean {
  return /^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(text);
}
/** Whether a JSON Schema permits text. One that names no type permits everything. */
function mayBeText(schema: Json | undefined): boolean {
  if (!isObject(schema)) return true;
  const ways = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(ways)) return ways.some(mayBeText);
  const { type } = schema;
  return type === undefined || type === "string" || (Array.isArray(type) && type.includes("string"));
}
function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
/** Returns one line per field, as `fanfold workflows` prints them. */
export function describeFields({ parametersSchema }: WorkflowInfo): string[] {
  const properties = Object.entries((parametersSchema["properties"] ?? {}) as { [name: string]: JsonObject });
  const required = (parametersSchema["required"] ?? []) as readonly string[];
  return properties.map(([name, schema]) => {
    const type = typeof schema["type"] === "string" ? schema["type"] : "any";
    const need =
      "default" in schema
        ? `, default ${JSON.stringify(schema["default"])}`
        : required.includes(name)
          ? ", required"
          : "";
    const description = typeof schema["description"] === "string" ? `  ${schema["description"]}` : "";
    return `${name} (${type}${need})${description}`;
  });
}

function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
