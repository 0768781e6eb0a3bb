import type { Json } from "../json.ts";
import { type Attribute, type Attributes, INDEXES, type Table } from "./item.ts";
import { utf8Bytes } from "./utf8.ts";

/**
 * What a write costs by the rules of DynamoDB, so that every store counts the same units.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
const UNIT_BYTES = 1_024;
/** Bytes of the names of the two key attributes, `pk` and `sk`. */
const KEY_NAME_BYTES = 4;
/** Largest item in bytes, its key included: a limit of DynamoDB. */
export const MAX_ITEM_BYTES = 400 * 1_024;

/** Returns the bytes of a key with the names of its attributes. */
export function keyBytes(partition: string, sort: string): number {
  return KEY_NAME_BYTES + utf8Bytes(partition) + utf8Bytes(sort);
}

/** Returns the bytes of the attributes. The size of an item is this plus `keyBytes`. */
export function attributesBytes(attributes: Attributes): number {
  let bytes = 0;
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) bytes += utf8Bytes(name) + attributeBytes(value);
  }
  return bytes;
}

function attributeBytes(value: Attribute): number {
  if (typeof value === "string") return utf8Bytes(value);
  if (typeof value === "number") return numberBytes(value);
  if (value === null || typeof value === "boolean") return 1;
  if (value instanceof Set) {
    let bytes = 0;
    for (const member of value as ReadonlySet<string | number>)
      bytes += typeof member === "number" ? numberBytes(member) : utf8Bytes(member);
    return bytes;
  }
  return jsonBytes(value as Json);
}

/** Returns the bytes of JSON. Lists and maps take 3 bytes, and 1 more for each element. */
function jsonBytes(value: Json): number {
  if (typeof value === "string") return utf8Bytes(value);
  if (typeof value === "number") return numberBytes(value);
  if (value === null || typeof value === "boolean") return 1;
  let bytes = 3;
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) bytes += 1 + jsonBytes(element);
    return bytes;
  }
  const object = value as { readonly [key: string]: Json };
  for (const name in object) bytes += 1 + utf8Bytes(name) + jsonBytes(object[name] as Json);
  return bytes;
}

/**
 * Returns the bytes of a number: one for each two significant digits, one more, and one for a minus sign. Zeros at
 * either end are not significant.
 */
export function numberBytes(value: number): number {
  const sign = value < 0 ? 1 : 0;
  let rest = Math.abs(value);
  if (rest < 100) {
    if (Number.isInteger(rest)) return 2 + sign;
  } else if (!Number.isSafeInteger(rest)) rest = -1;
  if (!Number.isInteger(rest) || rest < 0) return Math.ceil(significantDigits(value) / 2) + 1 + sign;
  while (rest % 10 === 0) rest /= 10;
  let digits = 0;
  for (; rest >= 1; rest = Math.floor(rest / 10)) digits++;
  return ((digits + 1) >> 1) + 1 + sign;
}
function significantDigits(value: number): number {
  const mantissa = (Math.abs(value).toExponential().split("e")[0] ?? "").replace(".", "");
  return mantissa.replace(/0+$/, "").length || 1;
}

/** Place of an item in a sparse index. */
export interface IndexEntry {
  readonly partition: string;
  readonly sort: number;
}
export const INDEX_NAMES = Object.keys(INDEXES) as readonly (keyof typeof INDEXES)[];
/** Returns the place of an item in an index. Returns undefined when the item is not in it. */
export function indexEntry(
  index: keyof typeof INDEXES,
  table: Table,
  attributes: Attributes | undefined,
): IndexEntry | undefined {
  const definition = INDEXES[index];
  if (attributes === undefined || definition.table !== table) return undefined;
  const partition = attributes[definition.partition];
  const sort = attributes[definition.sort];
  return typeof partition === "string" && typeof sort === "number" ? { partition, sort } : undefined;
}
function sameEntry(a: IndexEntry | undefined, b: IndexEntry | undefined): boolean {
  return a?.partition === b?.partition && a?.sort === b?.sort;
}
/** A change of one sparse index: an item enters, moves or leaves. */
export interface IndexMove {
  readonly index: keyof typeof INDEXES;
  readonly from: IndexEntry | undefined;
  readonly to: IndexEntry | undefined;
}
/**
 * Returns the changes that a write makes to the indexes. Returns undefined when there are none, which is the case for
 * nearly all writes.
 */
export function indexMoves(
  table: Table,
  before: Attributes | undefined,
  after: Attributes | undefined,
): readonly IndexMove[] | undefined {
  let moves: IndexMove[] | undefined;
  for (const index of INDEX_NAMES) {
    const from = indexEntry(index, table, before);
    const to = indexEntry(index, table, after);
    if (!sameEntry(from, to)) (moves ??= []).push({ index, from, to });
  }
  return moves;
}

/**
 * Returns the write units of a write and of its index changes. A size of 0 bytes means that there is no item. A refused
 * write costs the same.
 */
export function writeUnits(bytesBefore: number, bytesAfter: number, moves: readonly IndexMove[] | undefined): number {
  let units = Math.max(1, Math.ceil(Math.max(bytesBefore, bytesAfter) / UNIT_BYTES));
  // A move deletes one index entry and puts another.
  for (const move of moves ?? []) units += (move.from === undefined ? 0 : 1) + (move.to === undefined ? 0 : 1);
  return units;
}
