import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeItem, encodeAttribute, encodeItem } from "../../functions/aws/item-codec.ts";
import type { Attribute, Key } from "../../functions/core/items/item.ts";
import type { Json } from "../../functions/core/json.ts";

const key: Key = { table: "callbacks", partition: "P", sort: "S" };

describe("item codec", () => {
  // JSON has no negative zero.
  const json = fc.jsonValue({ depthSize: "medium" }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
  const text = fc.string({ unit: "binary" });
  const attribute: fc.Arbitrary<Attribute> = fc.oneof(
    json as fc.Arbitrary<Attribute>,
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.uniqueArray(fc.nat(), { minLength: 1 }).map((members) => new Set(members)),
    fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 }).map((members) => new Set(members)),
  );

  it("every JSON value survives encoding and decoding", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{3,8}$/), attribute), (attributes) => {
        const wanted = Object.fromEntries(
          Object.entries(attributes).map(([name, value]) => [name, Object.is(value, -0) ? 0 : value]),
        );
        expect(decodeItem("callbacks", encodeItem(key, attributes))).toEqual({ key, attributes: wanted });
      }),
    );
  });

  it("a value that the engine compares has a type that DynamoDB compares", () => {
    expect(
      encodeItem(key, { n: 1.5, s: "x", b: true, z: null, ns: new Set([1, 2]), ss: new Set(["a"]), none: undefined }),
    ).toEqual({
      pk: { S: "P" },
      sk: { S: "S" },
      n: { N: "1.5" },
      s: { S: "x" },
      b: { BOOL: true },
      z: { NULL: true },
      ns: { NS: ["1", "2"] },
      ss: { SS: ["a"] },
    });
  });

  it("a value that DynamoDB has no type for is stored as JSON", () => {
    for (const value of [[], {}, [1, [2]], 1e200, 1e-200, "\ud800"] as const)
      expect(encodeAttribute(value as Attribute)).toEqual({ M: { json: { S: JSON.stringify(value) } } });
    expect(() => encodeAttribute(Number.NaN)).toThrow(/finite/);
    expect(() => encodeAttribute(new Set<string>())).toThrow(/empty set/);
  });
});
