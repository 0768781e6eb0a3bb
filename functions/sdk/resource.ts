import { FanfoldError } from "../core/errors.ts";
import { nameProblem } from "../core/names/names.ts";

const resourceMark = Symbol.for("fanfold.resource");

/** What a process has for its tasks, beside what belongs to one run. */
export interface ResourceContext {
  /**
   * Returns the value of a resource. The first use in a process opens it, and others share it until the process ends.
   * @throws FanfoldError `resource_unavailable`, retryable, when it cannot be opened. The next use tries again.
   * @example const db = await ctx.use(database);
   */
  readonly use: <Value>(resource: Resource<Value>) => Promise<Value>;
  /**
   * Returns a secret that fanfold.config.ts names (`secrets`). It is read at its first use, and again when its
   * `ttlSeconds` are over. On one machine it is a variable of `.env` or of the environment.
   * @throws FanfoldError `secret_unavailable`, which is retryable unless the name is unknown
   * @example const key = await ctx.secret("STRIPE_KEY");
   */
  readonly secret: (name: string) => Promise<string>;
}
/** The definition that `defineResource` takes. */
export interface ResourceDefinition<Value> {
  /** Names the resource in errors and logs. Default: `a resource`. */
  readonly name?: string;
  /** Opens it, once per process. It may use other resources. After 60 seconds it counts as failed. */
  readonly open: (ctx: ResourceContext) => Value | Promise<Value>;
  /** Closes it when the process ends in order, before the resources that it uses. Default: it needs no closing. */
  readonly close?: (value: NoInfer<Value>) => unknown;
}
/** A resource of any type. */
export interface AnyResource {
  readonly [resourceMark]: true;
  readonly name: string;
  readonly open: (ctx: ResourceContext) => unknown;
  readonly close?: (value: never) => unknown;
}
/** Something that a process opens once and its runs share, such as a pool of connections. */
export interface Resource<Value> extends AnyResource {
  readonly open: (ctx: ResourceContext) => Value | Promise<Value>;
}

/**
 * Defines a resource: opened once per process, at its first use, and closed when the process ends.
 * @throws FanfoldError `invalid_request` (`details.field` names the field)
 * @example
 * export const database = defineResource({
 *   name: "orders",
 *   open: () => new Pool({ connectionString: process.env.DATABASE_URL }),
 *   close: (pool) => pool.end(),
 * });
 */
export function defineResource<Value>(definition: ResourceDefinition<Value>): Resource<Value> {
  const { name = "a resource", open, close, ...rest } = definition;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`/${unknown}`, `/${unknown} is no setting of a resource: name, open, close`);
  const problem = definition.name === undefined ? undefined : nameProblem(name);
  if (problem !== undefined) throw invalid("/name", `the name of a resource ${problem}`);
  if (typeof open !== "function") throw invalid("/open", `open of ${name} must be a function`);
  if (close !== undefined && typeof close !== "function")
    throw invalid("/close", `close of ${name} must be a function`);
  return Object.freeze({ [resourceMark]: true as const, name, open, ...(close && { close }) });
}

/** Returns a resource that was given to `ctx.use`. Throws `invalid_request` for anything else. */
export function requireResource(value: unknown): AnyResource {
  if (typeof value === "object" && value !== null && Object.hasOwn(value, resourceMark)) return value as AnyResource;
  throw invalid("/resource", "ctx.use takes what defineResource returns");
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
