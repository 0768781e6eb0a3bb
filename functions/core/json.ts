/** Plain JSON, as messages and items carry it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * The type that a value has once it was stored as JSON and read again. `undefined` in a list is null, and a property that
 * may be `undefined` is optional. What converts itself (`toJSON`) has the type that it converts to, so a Date is a
 * string. A task that returns nothing has the results of its children, or null, so its value is any JSON.
 */
export type Jsonified<Value> = unknown extends Value
  ? 0 extends 1 & Value
    ? Value
    : Json
  : [Value] extends [void | undefined]
    ? Json
    : AsJson<Value>;
type AsJson<Value> = Value extends undefined | void
  ? null
  : Value extends Json
    ? Value
    : Value extends { toJSON(): infer Converted }
      ? AsJson<Converted>
      : Value extends bigint | symbol | ((...args: never) => unknown)
        ? never
        : Value extends readonly unknown[]
          ? { [Index in keyof Value]: AsJson<Value[Index]> }
          : Value extends object
            ? PropertiesAsJson<Value>
            : never;
type PropertiesAsJson<Value> = Flat<
  { [Key in Sure<Value>]: AsJson<Value[Key]> } & {
    [Key in Exclude<keyof Value & string, Sure<Value>>]?: AsJson<Exclude<Value[Key], undefined>>;
  }
>;
/** The names of the properties that are always there. */
type Sure<Value> = { [Key in keyof Value & string]-?: undefined extends Value[Key] ? never : Key }[keyof Value &
  string];
type Flat<Value> = { [Key in keyof Value]: Value[Key] };

/**
 * Returns the canonical text of a JSON value, with object keys sorted by code unit and without white space. Equal
 * values have equal texts, so the text can be hashed for identities, fingerprints and the deduplication of links.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(",")}]`;
  const object = value as JsonObject;
  const keys = Object.keys(object).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key] as Json)}`).join(",")}}`;
}
