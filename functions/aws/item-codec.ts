import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { FanfoldError } from "../core/errors.ts";
import type { Attribute, Attributes, Item, Key, Table } from "../core/items/item.ts";
import { PARTITION_ATTRIBUTE, SORT_ATTRIBUTE } from "../core/items/table-definitions.ts";
import type { Json } from "../core/json.ts";

/**
 * An item as DynamoDB's attribute values: `S`, `N`, `BOOL`, `NULL`, `SS`, `NS`. Arrays and objects are only ever
 * replaced as a whole, so each is one JSON text, `{ M: { json: { S } } }`. DynamoDB's own lists and maps end at 32
 * levels and at 125 decimal places, and cost more to read and write. Numbers and texts that DynamoDB cannot store
 * (1e200, lone surrogates) are JSON as well.
 */
export type EncodedItem = Record<string, AttributeValue>;

const JSON_KEY = "json";
/**
 * DynamoDB stores magnitudes from 1e-130 to below 1e126.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
const SMALLEST = 1e-130;
const LARGEST = 9.9e125;

export function encodeKey(key: Key): EncodedItem {
  return { [PARTITION_ATTRIBUTE]: { S: key.partition }, [SORT_ATTRIBUTE]: { S: key.sort } };
}
export function encodeItem(key: Key, attributes: Attributes): EncodedItem {
  const item = encodeKey(key);
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) item[name] = encodeAttribute(value);
  }
  return item;
}

export function encodeAttribute(value: Attribute): AttributeValue {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? { S: value } : encodeJson(value);
    case "number":
      return encodeNumber(value);
    case "boolean":
      return { BOOL: value };
    default:
      if (value === null) return { NULL: true };
      return value instanceof Set ? encodeSet(value as ReadonlySet<string | number>) : encodeJson(value as Json);
  }
}
function encodeNumber(value: number): AttributeValue {
  if (!Number.isFinite(value)) throw new FanfoldError("internal", "an attribute is not a finite number");
  const magnitude = Math.abs(value);
  return magnitude === 0 || (magnitude >= SMALLEST && magnitude <= LARGEST) ? { N: String(value) } : encodeJson(value);
}
function encodeJson(value: Json): AttributeValue {
  return { M: { [JSON_KEY]: { S: JSON.stringify(value) } } };
}
/** Encodes a set whose members all have one type. */
function encodeSet(set: ReadonlySet<string | number>): AttributeValue {
  const members: string[] = [];
  let numbers = false;
  for (const member of set) {
    numbers = typeof member === "number";
    members.push(String(member));
  }
  if (members.length === 0) throw new FanfoldError("internal", "an attribute is an empty set: leave it out");
  return numbers ? { NS: members } : { SS: members };
}

export function decodeItem(table: Table, encoded: EncodedItem): Item {
  const attributes: { [name: string]: Attribute } = {};
  for (const name in encoded) {
    if (name !== PARTITION_ATTRIBUTE && name !== SORT_ATTRIBUTE)
      attributes[name] = decodeAttribute(encoded[name] as AttributeValue);
  }
  return { key: decodeKey(table, encoded), attributes };
}
export function decodeKey(table: Table, encoded: EncodedItem): Key {
  return { table, partition: encoded[PARTITION_ATTRIBUTE]?.S as string, sort: encoded[SORT_ATTRIBUTE]?.S as string };
}
function decodeAttribute(value: AttributeValue): Attribute {
  if (value.S !== undefined) return value.S;
  if (value.N !== undefined) return Number(value.N);
  if (value.NS !== undefined) return new Set(value.NS.map(Number));
  if (value.SS !== undefined) return new Set(value.SS);
  if (value.BOOL !== undefined) return value.BOOL;
  if (value.NULL !== undefined) return null;
  const text = value.M?.[JSON_KEY]?.S;
  if (text === undefined)
    throw new FanfoldError(
      "internal",
      `a stored attribute has a type that Fanfold does not write: ${Object.keys(value).join()}`,
    );
  return JSON.parse(text) as Attribute;
}
