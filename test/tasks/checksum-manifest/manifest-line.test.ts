import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entryOf, lineOf } from "../../../functions/tasks/checksum-manifest/manifest-line.ts";
import { comparePaths, isBelow } from "../../../functions/tasks/checksum-manifest/walk-order.ts";

const digest = "0123456789abcdef".repeat(4);
const bytes = fc.uint8Array({ min: 1, max: 255, minLength: 1, maxLength: 40 }).map((each) => Buffer.from(each));

describe("a line of a manifest", () => {
  it.each([
    ["a b", `${digest}  a b\n`],
    ["a\nb", `\\${digest}  a\\nb\n`],
    ["a\rb\\n", `\\${digest}  a\\rb\\\\n\n`],
    [" *", `${digest}   *\n`],
  ])("of %j has the form of coreutils", (path, line) =>
    expect(lineOf({ path: Buffer.from(path), digest }).toString("latin1")).toBe(line),
  );
  it("leads back to its path, whatever its bytes are", () =>
    fc.assert(
      fc.property(bytes, (path) => {
        const line = lineOf({ path, digest });
        expect(line.indexOf(10)).toBe(line.length - 1);
        expect(entryOf(line.subarray(0, -1))).toEqual({ path, digest });
      }),
    ));
  it.each(["", "a", digest, `${digest} a`, `${digest}  `, `\\${digest}  a\\tb`, `${digest.toUpperCase()}  a`])(
    "is refused: %j",
    (line) => expect(entryOf(Buffer.from(line))).toBeUndefined(),
  );
});

describe("the order of the walk", () => {
  const sorted = ["a", "a/b", "a/b/c", "a/ba", "a b", "a!", "a-", "a.b", "a0", "ab", "b"];
  it("has a folder before what is in it, and that before any other name", () => {
    const order = [...sorted].toSorted((a, b) => comparePaths(Buffer.from(a), Buffer.from(b)));
    expect(order).toEqual(["a", "a/b", "a/b/c", "a/ba", "a b", "a!", "a-", "a.b", "a0", "ab", "b"]);
  });
  it("knows what lies below a folder", () => {
    const below = (path: string, folder: string): boolean => isBelow(Buffer.from(path), Buffer.from(folder));
    expect([below("a/b", "a"), below("a/b/c", "a"), below("ab/c", "a"), below("a", "a"), below("b/a", "a")]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
