import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePath, encodePath } from "../../functions/tasks/inventory/path-text.ts";

/** Bytes that are likely to meet what the rule is about. */
const pathBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
      fc.constantFrom("\\x41", "\\", "\n", "\u0080", "\ufeff", "\ufffd", "/", "é", "\u{1f4a9}").map((text) => new TextEncoder().encode(text)),
      fc.constantFrom("c0", "eda080", "f0", "f09f", "f09f92", "e282").map((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
    ),
  )
  .map((parts) => Buffer.concat(parts));

describe("the text of a path", () => {
  it("leads back to its bytes", () => {
    fc.assert(
      fc.property(pathBytes, (path) => {
        expect(decodePath(encodePath(path)).equals(path)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
  it("is a string that survives JSON and UTF-8, without control characters", () => {
    fc.assert(
      fc.property(pathBytes, (path) => {
        const text = encodePath(path);
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(/\p{Cc}/u);
        expect(JSON.parse(Buffer.from(JSON.stringify(text), "utf8").toString("utf8"))).toBe(text);
      }),
    );
  });
  it("has one form: what decodes and encodes to itself, and nothing else", () => {
    fc.assert(
      fc.property(pathBytes, fc.string(), (path, tail) => {
        expect(encodePath(decodePath(encodePath(path)))).toBe(encodePath(path));
        fc.pre(!tail.includes("\\") && tail.isWellFormed());
        expect(decodePath(tail).equals(Buffer.from(tail))).toBe(true);
      }),
    );
  });
  it.each([
    ["plain/name.ts", "plain/name.ts"],
    ["né/\u{1f4a9}", "né/\u{1f4a9}"],
    ["a\nb", "a\\x0ab"],
    ["a\\nb", "a\\x5cnb"],
    ["\u0085", "\\xc2\\x85"],
    [Buffer.from("61ff62", "hex"), "a\\xffb"],
    [Buffer.from("eda080", "hex"), "\\xed\\xa0\\x80"],
    [Buffer.from("efbfbd", "hex"), "\ufffd"],
    [Buffer.from("efbbbf61", "hex"), "\ufeffa"],
  ])("%j is %j", (path, text) => expect(encodePath(Buffer.from(path))).toBe(text));
  it.each(["\\", "a\\", "\\x", "\\x4", "\\xAB", "\\n", "\\\\x41"])("cannot be %j", (text) => expect(() => decodePath(text)).toThrow(RangeError));
});
