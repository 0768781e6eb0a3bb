import { FanfoldError, type ErrorCode } from "./errors.ts";
import type { Json } from "./json.ts";
import { jsonPointer } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";

/**
 * The gate between values of unknown origin and Json. Both walks below are bounded before they start: by depth, so that cycles and deep nesting
 * end, and by bytes, so that values shared many times over end too.
 */
export interface JsonCheckOptions {
  /** Code of the error for what is not JSON. Default `invalid_json`. */
  readonly code?: ErrorCode;
  /** Bytes of UTF-8 JSON. Default `LIMITS.valueBytes`. */
  readonly maxBytes?: number;
}

/** JSON pointer of the value that is checked; as a function it is only called for an error. */
export type FieldSource = string | (() => string);

/** Throws unless `value` is JSON as it stands: `invalid_json` (or the code given), `too_deep`, `payload_too_large`, with `details.field`. */
export function assertJson(value: unknown, field: FieldSource, options: JsonCheckOptions = {}): asserts value is Json {
  measureJson(value, field, options);
}

/** As `assertJson`; gives the length of the value's JSON text in bytes of UTF-8. */
export function measureJson(value: unknown, field: FieldSource, options: JsonCheckOptions = {}): number {
  const walk = startWalk(field, options, false);
  guard(walk, () => visit(walk, value));
  return walk.bytes;
}

/**
 * Takes what a program holds as JSON, in a copy that nobody else can change. As in JSON.stringify `undefined` is null at the top and in arrays and
 * left out of objects. Unlike there nothing else is bent: NaN, BigInt, functions, dates, maps and instances of classes are refused.
 */
export function toJson(value: unknown, field: FieldSource, options: JsonCheckOptions = {}): Json {
  const walk = startWalk(field, options, true);
  return guard(walk, () => visit(walk, value));
}

export function checkBytes(bytes: number, maxBytes: number, field: string): void {
  if (bytes <= maxBytes) return;
  throw new FanfoldError("payload_too_large", `${field || "the value"} is larger than ${maxBytes} bytes; pass a reference, or stream the items`, {
    details: { field, maxBytes },
  });
}

/** Bytes of UTF-8 that JSON.stringify would give, quotes included. Written out because core has neither Buffer nor a reason to build the text. */
export function jsonStringBytes(text: string): number {
  let bytes = text.length + 2;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x20 && unit < 0x80 && unit !== 0x22 && unit !== 0x5c) continue;
    if (unit === 0x22 || unit === 0x5c) bytes += 1;
    else if (unit < 0x20) bytes += SHORT_ESCAPES.has(unit) ? 1 : 5;
    else if (unit < 0x800) bytes += 1;
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 2;
    else if (unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) {
      bytes += 2;
      at++;
    } else bytes += 5;
  }
  return bytes;
}
const SHORT_ESCAPES: ReadonlySet<number> = new Set([8, 9, 10, 12, 13]);

interface Walk {
  readonly code: ErrorCode;
  readonly field: FieldSource;
  readonly maxBytes: number;
  /** `true`: `undefined` is bent as JSON.stringify does, and the result is a copy. */
  readonly copies: boolean;
  readonly path: (string | number)[];
  bytes: number;
}

function startWalk(field: FieldSource, options: JsonCheckOptions, copies: boolean): Walk {
  return { code: options.code ?? "invalid_json", field, maxBytes: options.maxBytes ?? LIMITS.valueBytes, copies, path: [], bytes: 0 };
}

/** Getters and proxies of a foreign object may throw anything. */
function guard<T>(walk: Walk, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FanfoldError) throw error;
    throw new FanfoldError(walk.code, `${fieldOf(walk) || "the value"} cannot be read`, { details: { field: fieldOf(walk) }, cause: error });
  }
}

function rootOf(walk: Walk): string {
  return typeof walk.field === "string" ? walk.field : walk.field();
}
function fieldOf(walk: Walk): string {
  return jsonPointer(walk.path, rootOf(walk));
}
function refuse(walk: Walk, problem: string): never {
  const field = fieldOf(walk);
  throw new FanfoldError(walk.code, `${field || "the value"} ${problem}`, { details: { field } });
}
function spend(walk: Walk, bytes: number): void {
  walk.bytes += bytes;
  if (walk.bytes > walk.maxBytes) checkBytes(walk.bytes, walk.maxBytes, rootOf(walk));
}

function visit(walk: Walk, value: unknown): Json {
  switch (typeof value) {
    case "string":
      // By length first: no long scan of what is refused anyway.
      if (value.length > walk.maxBytes) checkBytes(value.length, walk.maxBytes, rootOf(walk));
      spend(walk, jsonStringBytes(value));
      return value;
    case "number":
      if (!Number.isFinite(value)) refuse(walk, `is ${value}, which JSON cannot carry`);
      spend(walk, String(value).length);
      return value;
    case "boolean":
      spend(walk, value ? 4 : 5);
      return value;
    case "undefined":
      if (!walk.copies) refuse(walk, "is undefined, which JSON cannot carry; leave it out or use null");
      spend(walk, 4);
      return null;
    case "object":
      if (value === null) {
        spend(walk, 4);
        return null;
      }
      if (walk.path.length >= LIMITS.jsonDepth) throw tooDeep(walk);
      return Array.isArray(value) ? visitArray(walk, value) : visitObject(walk, value);
    default:
      return refuse(walk, `is a ${typeof value}, which JSON cannot carry${typeof value === "bigint" ? "; use a number or a string" : ""}`);
  }
}

function tooDeep(walk: Walk): FanfoldError {
  // The path is left out: 200 keys of an attacker's choice say nothing that the field does not.
  const field = rootOf(walk);
  const message = `${field || "the value"} is nested more than ${LIMITS.jsonDepth} levels deep, or contains itself`;
  return new FanfoldError("too_deep", message, { details: { field, maxDepth: LIMITS.jsonDepth } });
}

function visitArray(walk: Walk, array: readonly unknown[]): Json {
  // At least a digit and a comma each; a sparse array of a billion holes ends here.
  if (array.length * 2 > walk.maxBytes) checkBytes(array.length * 2, walk.maxBytes, rootOf(walk));
  spend(walk, array.length + 1 + (array.length === 0 ? 1 : 0));
  const copy: Json[] = [];
  for (let index = 0; index < array.length; index++) {
    walk.path.push(index);
    const element = visit(walk, array[index]);
    if (walk.copies) copy.push(element);
    walk.path.pop();
  }
  // What grew has room to spare, which a million of them would keep.
  return copy.slice();
}

function visitObject(walk: Walk, object: object): Json {
  if (!isPlainObject(object)) refuse(walk, `is ${describeInstance(object)}, not plain JSON; convert it first`);
  spend(walk, 2);
  let separators = 1;
  const copy: { [key: string]: Json } = {};
  for (const key of Object.keys(object)) {
    walk.path.push(key);
    // Assigning to it on a copy would change the copy's prototype instead of adding a property.
    if (key === "__proto__") refuse(walk, "is a reserved name");
    const value: unknown = (object as { [key: string]: unknown })[key];
    if (value !== undefined || !walk.copies) {
      spend(walk, jsonStringBytes(key) + separators);
      separators = 2;
      const element = visit(walk, value);
      if (walk.copies) copy[key] = element;
    }
    walk.path.pop();
  }
  return copy;
}

/** By its prototype's prototype, so that objects of another realm (vm contexts, test runners) count as plain too. */
export function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function describeInstance(object: object): string {
  const name: unknown = (object as { constructor?: { name?: unknown } }).constructor?.name;
  if (typeof name !== "string" || name === "") return "an instance of a class";
  return name === "Date" ? "a Date (use toISOString())" : `an instance of ${name.slice(0, 100)}`;
}
