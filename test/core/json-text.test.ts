import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonOrText, parseJson } from "../../functions/core/json-text.ts";
import { json } from "./canvas/canvas-arbitrary.ts";
import { refusalOf } from "./refusal.ts";

const read = (text: string) => parseJson(text, "the body");

describe("parseJson", () => {
  it("returns what JSON.parse returns of a text that JSON.stringify wrote", () => {
    fc.assert(
      fc.property(json, fc.constantFrom(0, 2), fc.string({ unit: "binary" }), (value, space, text) => {
        for (const each of [value, { [text]: value }, [text, value]]) {
          const written = JSON.stringify(each, undefined, space);
          expect(read(written)).toEqual(JSON.parse(written));
        }
      }),
    );
  });
  it.each([
    ["9007199254740993", ""],
    ["-9007199254740993", ""],
    ["[1, 2, 12345678901234567890]", "/2"],
    ['{"a":[{"b/c":[[], 36028797018963969]}]}', "/a/0/b~1c/1"],
    ['{"a":{"b":1},"c":1152921504606846976}', "/c"],
    ['{"value":[1e400]}', "/value/0"],
    ["-1e999", ""],
  ])("the number in %s that would be changed is refused with its place", (text, field) => {
    expect(refusalOf(() => read(text))).toMatchObject({ code: "invalid_json", field });
  });
  it("numbers that come back as they were written are kept", () => {
    const text = "[9007199254740991,-9007199254740992,1152921504606847000,0.1,1e21,1.5e-300,-0,123456789012345,0]";
    expect(read(text)).toEqual(JSON.parse(text));
    for (const power of [53, 60, 69, 70, 300]) expect(read(JSON.stringify([2 ** power]))).toEqual([2 ** power]);
  });
  it.each([
    ['{"task":"a","args":[1],"task":"b"}', "/task"],
    ['{"a":{"x":1},"b":[{"x":1,"y":{"z":1,"z":2}}]}', "/b/0/y/z"],
    ['{"\\u0061":1, "a" :2}', "/a"],
    ['{"a\\\\":1,"a\\"":2,"a\\\\":3}', "/a\\"],
    ['{"__proto__":1,"__proto__":2}', "/__proto__"],
  ])("the key that %s gives twice is refused with its place", (text, field) => {
    expect(refusalOf(() => read(text))).toMatchObject({ code: "invalid_json", field });
  });
  it("keys of different objects may be equal", () => {
    const text = '[{"a":{"a":[{"a":1},{"a":"{\\"a\\":1"}]}},{"a":2},["a","a"],"a"]';
    expect(read(text)).toEqual(JSON.parse(text));
  });
  it("a text that is no JSON is refused by its name", () => {
    expect(() => parseJson("[1,", "line 3")).toThrow(/^line 3 is not valid JSON/);
  });
  it("nesting is refused before it reaches code that recurses", () => {
    const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(read(nested(420))).toEqual(JSON.parse(nested(420)));
    expect(refusalOf(() => read(nested(421)))).toMatchObject({ code: "too_deep" });
    expect(refusalOf(() => read(nested(2_500_000)))).toMatchObject({ code: "too_deep" });
  });
});

describe("jsonOrText", () => {
  it("a number with more digits than a number holds is text", () => {
    expect(jsonOrText("9007199254740993", "--value")).toBe("9007199254740993");
    expect(jsonOrText("9007199254740991", "--value")).toBe(9_007_199_254_740_991);
    expect(jsonOrText("1e400", "--value")).toBe("1e400");
    expect(jsonOrText("blue", "--value")).toBe("blue");
  });
  it("such a number inside JSON is refused, as is a key given twice", () => {
    expect(refusalOf(() => jsonOrText('{"id":9007199254740993}', "--value"))).toMatchObject({ field: "/id" });
    expect(refusalOf(() => jsonOrText('{"a":1,"a":2}', "--field x", "/fields/x"))).toMatchObject({
      field: "/fields/x/a",
    });
  });
});
