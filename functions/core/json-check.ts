import { FanfoldError, type ErrorCode } from "./errors.ts";
import type { Json } from "./json.ts";
import { jsonPointer } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";

/**
 * Checks values of unknown origin before they become Json. Both walks are bounded by depth and by bytes. So cycles,
 * deep nesting and values shared many times over all end.
 */
export interface JsonCheckOptions {
  /** Code of the error for a value that is not JSON. Default `invalid_json`. */
  readonly code?: ErrorCode;
  /** Largest size in bytes of UTF-8 JSON. Default `LIMITS.valueBytes`. */
  readonly maxBytes?: number;
}

/** JSON pointer of the checked value. A function is called only for an error. */
export type FieldSource = string | (() => string);

/**
 * Throws unless `value` is JSON as it stands.
 * @throws FanfoldError `invalid_json` (or `options.code`), `too_deep`, `payload_too_large`, with `details.field`
 */
export function assertJson(value: unknown, field: FieldSource, options: JsonCheckOptions = {}): asserts value is Json {
  measureJson(value, field, options);
}

/** Checks a value like `assertJson`. Returns the length of its JSON text in bytes of UTF-8. */
export function measureJson(value: unknown, field: FieldSource, options: JsonCheckOptions = {}): number {
  const walk = startWalk(field, options, false);
  guard(walk, () => visit(walk, value));
  return walk.bytes;
}

/**
 * Returns a copy of a value as JSON. As in JSON.stringify, `undefined` becomes null at the top and in arrays, and is
 * left out of objects. NaN, BigInt, functions, dates, maps and instances of classes are refused instead of converted.
 */
export function toJson(value: unknown, field: FieldSource, options: JsonCheckOptions = {}): Json {
  const walk = startWalk(field, options, true);
  return guard(walk, () => visit(walk, value));
}

/** Throws `payload_too_large` when `bytes` is above `maxBytes`. */
export function checkBytes(bytes: number, maxBytes: number, field: string): void {
  if (bytes <= maxBytes) return;
  throw new FanfoldError(
    "payload_too_large",
    `${field || "the value"} is larger than ${maxBytes} bytes; pass a reference, or stream the items`,
    {
      details: { field, maxBytes },
    },
  );
}

/**
 * Returns the UTF-8 bytes that JSON.stringify would produce, quotes included. Counted by hand, because core has no
 * Buffer and should not build the text.
 */
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
  /** `true` converts `undefined` as JSON.stringify does, and builds a copy. */
  readonly copies: boolean;
  readonly path: (string | number)[];
  bytes: number;
}

function startWalk(field: FieldSource, options: JsonCheckOptions, copies: boolean): Walk {
  return {
    code: options.code ?? "invalid_json",
    field,
    maxBytes: options.maxBytes ?? LIMITS.valueBytes,
    copies,
    path: [],
    bytes: 0,
  };
}

/** Runs a walk. Getters and proxies of a foreign object may throw anything, so other errors become a FanfoldError. */
function guard<T>(walk: Walk, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FanfoldError) throw error;
    throw new FanfoldError(walk.code, `${fieldOf(walk) || "the value"} cannot be read`, {
      details: { field: fieldOf(walk) },
      cause: error,
    });
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
      // The length is checked first, so a string that is refused anyway is not scanned.
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
      return refuse(
        walk,
        `is a ${typeof value}, which JSON cannot carry${typeof value === "bigint" ? "; use a number or a string" : ""}`,
      );
  }
}

function tooDeep(walk: Walk): FanfoldError {
  // The path is left out, because 200 keys chosen by an attacker add nothing to the field.
  const field = rootOf(walk);
  const message = `${field || "the value"} is nested more than ${LIMITS.jsonDepth} levels deep, or contains itself`;
  return new FanfoldError("too_deep", message, { details: { field, maxDepth: LIMITS.jsonDepth } });
}

function visitArray(walk: Walk, array: readonly unknown[]): Json {
  // Each element takes at least a digit and a comma, so a sparse array of a billion holes is refused here.
  if (array.length * 2 > walk.maxBytes) checkBytes(array.length * 2, walk.maxBytes, rootOf(walk));
  spend(walk, array.length + 1 + (array.length === 0 ? 1 : 0));
  const copy: Json[] = [];
  for (let index = 0; index < array.length; index++) {
    walk.path.push(index);
    const element = visit(walk, array[index]);
    if (walk.copies) copy.push(element);
    walk.path.pop();
  }
  // An array that grew has spare capacity. A million such arrays would keep it, so the result is cut to size.
  return copy.slice();
}

function visitObject(walk: Walk, object: object): Json {
  if (!isPlainObject(object)) refuse(walk, `is ${describeInstance(object)}, not plain JSON; convert it first`);
  spend(walk, 2);
  let separators = 1;
  const copy: { [key: string]: Json } = {};
  for (const key of Object.keys(object)) {
    walk.path.push(key);
    // Assigning `__proto__` would change the prototype of the copy instead of adding a property.
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

/**
 * Returns whether a value is a plain object. The prototype of its prototype is tested, so objects of another realm (vm
 * contexts, test runners) count as plain too.
 */
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
