import type { Json, JsonObject } from "../../functions/sdk/index.ts";

/**
 * Parameters of the notation's tasks, declared as `add(x, y, z=0)`, `fail(*a)` or `kwargs_of(**k)`. Positional
 * arguments are bound first, then named ones, then defaults.
 */
export interface Parameters {
  /** Names that can be given by position or by name. Those with a default may be left out. */
  readonly named?: readonly string[];
  readonly defaults?: JsonObject;
  /** Collects further positional arguments in `rest`. */
  readonly rest?: boolean;
  /** Collects further named arguments in `others`. */
  readonly others?: boolean;
}
export interface Bound {
  readonly values: JsonObject;
  readonly rest: readonly Json[];
  readonly others: JsonObject;
}

/** Throws a TypeError when an argument is missing, given twice, or unknown. */
export function bind(
  { named = [], defaults = {}, rest = false, others = false }: Parameters,
  args: readonly Json[],
  kwargs: JsonObject,
): Bound {
  // With `rest`, named parameters can be given by name only.
  const positional = rest ? [] : named;
  if (!rest && args.length > positional.length)
    throw new TypeError(`takes ${positional.length} positional arguments, but ${args.length} were given`);
  const values: { [name: string]: Json } = { ...defaults };
  positional.slice(0, args.length).forEach((name, index) => (values[name] = args[index] as Json));
  const further: { [name: string]: Json } = {};
  for (const [name, value] of Object.entries(kwargs)) {
    if (positional.slice(0, args.length).includes(name)) throw new TypeError(`got several values for argument ${name}`);
    if (named.includes(name)) values[name] = value;
    else if (others) further[name] = value;
    else throw new TypeError(`got an unexpected argument ${name}`);
  }
  const missing = named.find((name) => values[name] === undefined);
  if (missing !== undefined) throw new TypeError(`is missing the argument ${missing}`);
  return { values, rest: rest ? args : [], others: further };
}

export function numberOf(value: Json | undefined): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  throw new TypeError(`${JSON.stringify(value)} is not a number`);
}
export function listOf(value: Json | undefined): readonly Json[] {
  if (Array.isArray(value)) return value as readonly Json[];
  throw new TypeError(`${JSON.stringify(value)} is not a list`);
}
export function sumOf(value: Json | undefined): number {
  return listOf(value).reduce((total: number, each) => total + numberOf(each), 0);
}
