import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Attribute, Attributes } from "../../../functions/core/items/item.ts";
import { decodeAttributes, encodeAttributes } from "../../../functions/embedded/lmdb/lmdb-codec.ts";
import { sortableInteger, sortableNumber } from "../../../functions/embedded/lmdb/lmdb-key.ts";

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom("\ud800", "a\udc00b", "\0", "x".repeat(70_000)),
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1e300, -1e-300, 2 ** 53, -(2 ** 31), 127, 128),
);
const integer = fc.oneof(fc.nat(300), fc.nat(70_000), fc.maxSafeInteger());
const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  text,
  number,
  fc.boolean(),
  fc.constant(null),
  fc.array(integer, { minLength: 1, maxLength: 300 }).map((members) => new Set(members)),
  fc.array(fc.nat(255), { minLength: 1, maxLength: 256 }).map((members) => new Set(members)),
  fc.array(text, { minLength: 1, maxLength: 20 }).map((members) => new Set(members)),
  // The value goes through text once, since JSON has no -0.
  fc
    .oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()))
    .map((value) => JSON.parse(JSON.stringify(value)) as Attribute),
);
const attributes = fc.dictionary(
  fc.oneof(
    fc.constantFrom("status", "round", "ttl", "done"),
    fc.string({ minLength: 1, maxLength: 80 }).filter((name) => name !== "__proto__"),
  ),
  attribute,
  { maxKeys: 20 },
);

describe("item codec", () => {
  it("every item decodes to what was encoded", () => {
    fc.assert(
      fc.property(attributes, (item: Attributes) => {
        const decoded = decodeAttributes(Buffer.from(encodeAttributes(item)));
        expect(decoded).toEqual({ ...item });
        const numbers = Object.entries(item).filter(([, value]) => typeof value === "number");
        expect(numbers.every(([name, value]) => Object.is(decoded[name], value))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("decoded attributes share no memory with the bytes", () => {
    const bytes = Buffer.from(
      encodeAttributes({ text: "kept", list: ["kept"], set: new Set(["kept"]), bits: new Set([7]) }),
    );
    const decoded = decodeAttributes(bytes);
    bytes.fill(0);
    expect(decoded).toEqual({ text: "kept", list: ["kept"], set: new Set(["kept"]), bits: new Set([7]) });
  });

  it("an undefined attribute is not encoded", () => {
    expect(Object.keys(decodeAttributes(Buffer.from(encodeAttributes({ a: undefined, b: 1 }))))).toEqual(["b"]);
  });

  it("a full ledger takes a few dozen bytes", () => {
    expect(encodeAttributes({ done: new Set(Array(256).keys()) }).length).toBeLessThan(48);
  });

  it("an item of an unknown format is refused", () => {
    const bytes = Buffer.from(encodeAttributes({ a: 1 }));
    bytes[0] = 99;
    expect(() => decodeAttributes(bytes)).toThrow("format 99");
  });
});

describe("numbers in keys", () => {
  it("numbers in keys sort as numbers do", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        const [left, right] = [sortableNumber(a), sortableNumber(b)];
        expect(left < right ? -1 : left > right ? 1 : 0).toBe(Math.sign(a === b ? 0 : a < b ? -1 : 1));
      }),
    );
    expect(sortableInteger(2 ** 52) > sortableInteger(255)).toBe(true);
  });
});
