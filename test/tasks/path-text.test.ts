import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePath, encodePath } from "../../functions/tasks/inventory/path-text.ts";

/** Bytes that are likely to hit the cases of the rule. */
const pathBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: "binary" }).map((text) => new TextEncoder().encode(text)),
      fc
        .constantFrom("\\x41", "\\", "\n", "\u0080", "\ufeff", "\ufffd", "/", "é", "\u{1f4a9}")
        .map((text) => new TextEncoder().encode(text)),
      fc
        .constantFrom("c0", "eda080", "f0", "f09f", "f09f92", "e282")
        .map((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
    ),
  )
  .map((parts) => Buffer.concat(parts));

describe("the text of a path", () => {
  it("the text of a path decodes to its bytes", () => {
    fc.assert(
      fc.property(pathBytes, (path) => {
        expect(decodePath(encodePath(path)).equals(path)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
  it("the text of a path survives JSON and UTF-8, without control characters", () => {
    fc.assert(
      fc.property(pathBytes, (path) => {
        const text = encodePath(path);
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toMatch(/\p{Cc}/u);
        expect(JSON.parse(Buffer.from(JSON.stringify(text), "utf8").toString("utf8"))).toBe(text);
      }),
    );
  });
  it("the text of a path has one form, which decodes and encodes to itself", () => {
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
  ])("the path %j has the text %j", (path, text) => expect(encodePath(Buffer.from(path))).toBe(text));
  it.each(["\\", "a\\", "\\x", "\\x4", "\\xAB", "\\n", "\\\\x41"])("the text %j is no path", (text) =>
    expect(() => decodePath(text)).toThrow(RangeError),
  );
});
