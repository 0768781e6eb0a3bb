import * as z from "zod";
import { FanfoldError } from "../core/errors.ts";
import { parseJson } from "../core/json-text.ts";
import { nearestName } from "../core/names/nearest-name.ts";
import type { Dependencies } from "./dependencies.ts";
import { type BodyRoom, parseLines, readBytes, readText, requireContentType } from "./read-body.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What a handler receives. Everything in it is checked. */
export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly principal: string;
  readonly idempotencyKey: string | undefined;
  readonly request: Request;
}

export interface Reply {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Media type. Default `application/json`. */
  readonly type?: string;
  /** Further media types, whose content is text. */
  readonly texts?: readonly string[];
}

/**
 * The body of a request: a JSON document, lines of JSON that stay `unknown` until the handler reads them, or bytes that
 * the handler reads as they arrive.
 */
export type BodySpec =
  | {
      readonly kind: "json";
      readonly schema: z.ZodObject;
      /** What the document shows instead, where the handler checks more than the schema. */
      readonly shown?: z.ZodType;
      readonly optional?: true;
      readonly maxBytes: number;
    }
  | { readonly kind: "lines"; readonly item: z.ZodType; readonly maxItems: number; readonly maxBytes: number }
  | { readonly kind: "bytes"; readonly maxBytes: number };
type BodyOf<B> = B extends { kind: "json"; schema: infer S extends z.ZodType }
  ? z.output<S>
  : B extends { kind: "lines" }
    ? readonly unknown[]
    : B extends { kind: "bytes" }
      ? AsyncIterable<Uint8Array>
      : undefined;

interface Spec<P extends z.ZodObject, Q extends z.ZodObject, B extends BodySpec | undefined> {
  readonly method: Method;
  /** Path in the form of OpenAPI: `/jobs/{id}`. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Set only for a route that starts or retries a job and honours an Idempotency-Key. */
  readonly idempotent?: true;
  /** Set only for a route that needs no token. */
  readonly open?: true;
  readonly replies: { readonly [status: number]: Reply };
  readonly handle: (call: Call<z.output<P>, z.output<Q>, BodyOf<B>>, deps: Dependencies) => Promise<Response>;
}

/** A row of the route table. The OpenAPI document and the app use the same schemas. */
export interface Route extends Omit<
  Spec<z.ZodObject, z.ZodObject, BodySpec | undefined>,
  "params" | "query" | "handle"
> {
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly answer: (
    request: Request,
    pathParams: Readonly<Record<string, string>>,
    principal: string,
    deps: Dependencies,
    room: BodyRoom,
  ) => Promise<Response>;
}

const NOTHING = z.strictObject({});

/** Returns a route that checks its parameters, query and body before it calls the handler. */
export function route<
  P extends z.ZodObject = typeof NOTHING,
  Q extends z.ZodObject = typeof NOTHING,
  B extends BodySpec | undefined = undefined,
>(spec: Spec<P, Q, B>): Route {
  const params = spec.params ?? NOTHING;
  const query = spec.query ?? NOTHING;
  return {
    ...spec,
    params,
    query,
    async answer(request, pathParams, principal, deps, room) {
      const call = {
        params: check(params, pathParams, (path) => `{${String(path[0])}}`),
        query: check(query, readQuery(request, query), (path) => `?${String(path[0])}`),
        idempotencyKey: spec.idempotent ? (request.headers.get("Idempotency-Key") ?? undefined) : undefined,
        body: spec.body === undefined ? undefined : await readBody(request, spec.body, room),
        principal,
        request,
      };
      return spec.handle(call as Call<z.output<P>, z.output<Q>, BodyOf<B>>, deps);
    },
  };
}

/** Reads the query. Only parameters that are lists may be given several times. */
function readQuery(request: Request, schema: z.ZodObject): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = {};
  const known = Object.keys(schema.shape);
  for (const [name, value] of new URL(request.url).searchParams) {
    if (!known.includes(name)) {
      const nearest = nearestName(name, known);
      const hint = nearest === undefined ? "" : `; did you mean ?${nearest}?`;
      throw invalid(`?${name.slice(0, 100)}`, `?${name.slice(0, 100)} is not a parameter of this route${hint}`);
    }
    const before = values[name];
    if (isList(schema.shape[name] as z.ZodType)) values[name] = [...((before as string[] | undefined) ?? []), value];
    else if (before === undefined) values[name] = value;
    else throw invalid(`?${name}`, `?${name} is given twice`);
  }
  return values;
}

function isList(schema: z.ZodType): boolean {
  return schema.safeParse([]).success;
}

async function readBody(request: Request, spec: BodySpec, room: BodyRoom): Promise<unknown> {
  if (spec.kind === "bytes") {
    requireContentType(request, ["application/octet-stream"]);
    return readBytes(request, spec.maxBytes);
  }
  if (spec.kind === "lines") {
    requireContentType(request, ["application/x-ndjson", "application/ndjson", "application/jsonl"]);
    return parseLines(await readText(request, spec.maxBytes, room), spec.maxItems);
  }
  // A request without a body has no type that could be wrong.
  if (spec.optional && request.headers.get("Content-Type") === null) {
    if ((await readText(request, spec.maxBytes, room)).trim() === "") return check(spec.schema, {}, pointer);
  }
  requireContentType(request, ["application/json"]);
  const text = await readText(request, spec.maxBytes, room);
  if (text.trim() === "" && spec.optional) return check(spec.schema, {}, pointer);
  if (text.trim() === "") throw new FanfoldError("invalid_json", "the body is empty; send a JSON object");
  return check(spec.schema, parseJson(text, "the body"), pointer);
}

/** Returns the parsed value. Throws `invalid_request` for the first problem that zod finds. */
function check(schema: z.ZodObject, value: unknown, field: (path: readonly PropertyKey[]) => string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  const at = field(issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(schema.shape);
    const nearest = nearestName(issue.keys[0] ?? "", known);
    const hint = nearest === undefined ? `only ${known.join(", ") || "nothing"}` : `did you mean ${nearest}?`;
    throw invalid(at, `${at} is not a field of this request (${hint})`);
  }
  throw invalid(at, `${at || "the body"}: ${issue.message}`);
}

/** Returns an object that came within a body. Throws `invalid_request` with a pointer below it. */
export function checkObject<S extends z.ZodObject>(schema: S, value: unknown): z.output<S> {
  return check(schema, value, pointer) as z.output<S>;
}

function pointer(path: readonly PropertyKey[]): string {
  return path
    .map((step) => `/${String(step).slice(0, 100).toWellFormed().replaceAll("~", "~0").replaceAll("/", "~1")}`)
    .join("");
}

/** Returns the error for a field that is wrong. */
export function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
