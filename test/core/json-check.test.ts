import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertJson, jsonStringBytes, measureJson, toJson } from "../../functions/core/json-check.ts";
import { LIMITS } from "../../functions/core/limits.ts";
import { json } from "./canvas/canvas-arbitrary.ts";
import { refusalOf } from "./refusal.ts";

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;

describe("assertJson", () => {
  it("measures what JSON.stringify would give", () => {
    fc.assert(
      fc.property(json, fc.string({ unit: "binary" }), (value, text) => {
        expect(measureJson(value, "")).toBe(bytesOf(value));
        expect(jsonStringBytes(text)).toBe(bytesOf(text));
      }),
    );
    for (const text of ['"\\\b\f\n\r\t\u0001', "é€😀", "\ud800", "\udc00x", "\ud800\ud800\udc00"])
      expect(jsonStringBytes(text)).toBe(bytesOf(text));
  });
  it("allows exactly so many levels and bytes", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    assertJson(nested(LIMITS.jsonDepth), "");
    expect(refusalOf(() => assertJson(nested(LIMITS.jsonDepth + 1), "/args"))).toMatchObject({
      code: "too_deep",
      field: "/args",
    });
    assertJson(["abc"], "", { maxBytes: 7 });
    expect(refusalOf(() => assertJson(["abc"], "/args", { maxBytes: 6 }))).toMatchObject({
      code: "payload_too_large",
      field: "/args",
    });
  });
  it.each([
    undefined,
    () => 1,
    Symbol("x"),
    1n,
    Number.NaN,
    -Infinity,
    new Date(0),
    new Map(),
    new Uint8Array(1),
    /x/,
    new Error("x"),
    [undefined],
    { a: undefined },
  ])("refuses %o", (value) => {
    expect(refusalOf(() => assertJson(value, ""))).toMatchObject({ code: "invalid_json" });
  });
});

describe("toJson", () => {
  it("copies JSON as it is", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(toJson(value, "")).toEqual(value);
      }),
    );
    const original = { list: [1] };
    const copy = toJson(original, "");
    original.list.push(2);
    expect(copy).toEqual({ list: [1] });
  });
  it("bends undefined as JSON.stringify does, and nothing else", () => {
    expect(toJson(undefined, "")).toBeNull();
    // oxlint-disable-next-line no-sparse-arrays
    expect(toJson([undefined, , 1], "")).toEqual([null, null, 1]);
    expect(Object.keys(toJson({ a: undefined, b: 1 }, "") as object)).toEqual(["b"]);
    expect(refusalOf(() => toJson({ at: new Date(0) }, ""))).toMatchObject({ code: "invalid_json", field: "/at" });
    expect(refusalOf(() => toJson(JSON.parse('{"__proto__":{}}'), ""))).toMatchObject({
      code: "invalid_json",
      field: "/__proto__",
    });
  });
});
