import * as z from "zod";
import { openApiDocument } from "../../functions/api/openapi.ts";
import { ROUTES } from "../../functions/api/routes.ts";
import type { Random } from "../sim/random.ts";
import { type Hints, type Schema, SchemaSampler } from "./from-schema.ts";
import type { FuzzRequest, World } from "./request.ts";

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: Schema;
}
type Content = { readonly [type: string]: { readonly schema: Schema } };
interface Response {
  readonly content?: Content;
}
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: Content | undefined;
  readonly responses: { readonly [status: string]: Response };
}
type RawOperation = Omit<Operation, "method" | "path" | "body"> & {
  readonly requestBody?: { readonly content: Content };
};

/** The OpenAPI document that the server gives to strangers. */
const document = JSON.parse(JSON.stringify(openApiDocument(ROUTES, "0"))) as {
  readonly paths: { readonly [path: string]: { readonly [method: string]: RawOperation } };
  readonly components: {
    readonly schemas: { readonly [name: string]: Schema };
    readonly responses: { readonly [name: string]: Response };
  };
};
const OPERATIONS: readonly Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { requestBody, parameters, responses }]) => ({
    method: method.toUpperCase(),
    path,
    parameters,
    responses,
    body: requestBody?.content,
  })),
);

/** Returns the operation that a request is meant for. As in every URL, `..` leads to the segment above. */
export function operationOf(method: string, target: string): Operation | undefined {
  const path = URL.canParse(target, "http://server") ? new URL(target, "http://server").pathname : "";
  const parts = path.split("/");
  return OPERATIONS.find(
    (each) =>
      each.method === (method === "HEAD" ? "GET" : method) &&
      each.path.split("/").length === parts.length &&
      each.path.split("/").every((part, at) => part === parts[at] || (part.startsWith("{") && parts[at] !== "")),
  );
}
/** Returns the contents that a document gives for a status: that of the operation, or else the problem. */
export function contentOf(operation: Operation | undefined, status: number): Content {
  const response = operation?.responses[String(status)];
  return (response ?? document.components.responses["Problem"])?.content ?? {};
}

const validators = new Map<Schema, z.ZodType>();
/** Returns why a value is none of the schema. */
export function misfit(schema: Schema, value: unknown): string | undefined {
  let validator = validators.get(schema);
  if (validator === undefined) {
    const whole = { ...schema, $defs: document.components.schemas };
    const text = JSON.stringify(whole).replaceAll("#/components/schemas/", "#/$defs/");
    validator = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
    validators.set(schema, validator);
  }
  const parsed = validator.safeParse(value);
  return parsed.success ? undefined : JSON.stringify(parsed.error.issues[0]);
}

const TASKS = ["noop", "math.add", "math.sum", "fail", "wait-for"];
const POLICIES = ["allSuccess", "settled", "failFast"];

/** Returns a request that the document describes. */
export function fromDocument(random: Random, world: World): FuzzRequest {
  const operation = random.pick(OPERATIONS);
  const { approval } = world;
  const hints: Hints = {
    task: TASKS,
    token: [approval.token],
    policy: POLICIES,
    pages: [0, 1],
    n: [1, 2],
    most: [1, 2],
  };
  const sampler = new SchemaSampler(document.components.schemas, hints);
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    pathPart(random, world, operation, name),
  );
  const query = operation.parameters.flatMap(({ name, in: place, required, schema }) => {
    if (place !== "query" || (required !== true && !random.chance(0.3))) return [];
    const value = name === "cursor" && random.chance(0.6) ? random.pick(world.cursors) : sampler.sample(random, schema);
    return (Array.isArray(value) ? value : [value]).map(
      (each) => `${name}=${encodeURIComponent(String(each).toWellFormed())}`,
    );
  });
  const target = query.length === 0 ? path : `${path}?${query.join("&")}`;
  const headers: [string, string][] = [];
  if (operation.parameters.some((each) => each.in === "header") && random.chance(0.3))
    headers.push(["Idempotency-Key", `key-${random.int(50)}`]);
  const [type, content] = Object.entries(operation.body ?? {})[0] ?? [];
  if (type === undefined || content === undefined) return { method: operation.method, target, headers };
  headers.push(["Content-Type", type]);
  return { method: operation.method, target, headers, body: bodyOf(random, sampler, type, content.schema) };
}
/** SHA-256 of nothing. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
function bodyOf(random: Random, sampler: SchemaSampler, type: string, schema: Schema): Buffer {
  if (type === "application/octet-stream") return Buffer.alloc(random.pick([0, 1, 100_000]), random.int(256));
  const lines = type.includes("ndjson") ? 1 + random.int(3) : 1;
  const values = Array.from({ length: lines }, () => JSON.stringify(sampler.sample(random, schema)));
  return Buffer.from(values.join("\n"));
}
function pathPart(random: Random, world: World, operation: Operation, name: string): string {
  if (name === "page") return String(random.int(4));
  if (name === "name") return random.pick(["example.sum-of-sums", "go", "paid", "no-such"]);
  if (name === "sha256") return random.pick([EMPTY, "0".repeat(64), "ABC"]);
  if (operation.path.startsWith("/runs")) return random.pick([...world.runs, world.approval.runId]);
  return operation.path.includes("/input/") ? world.openJob : random.pick([...world.jobs, world.openJob]);
}
