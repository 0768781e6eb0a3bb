import { describe, expect, it } from "vitest";
import { cut, cutStart, formatBytes, formatDuration, oneLine, table } from "../../cli/format.ts";

describe("texts for people", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KB"],
    [150 * 1024, "150 KB"],
    [5.5 * 1024 ** 3, "5.5 GB"],
  ])("%d bytes are printed as %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.04, "0.0 s"],
    [9.94, "9.9 s"],
    [59.4, "59 s"],
    [61, "1 min 1 s"],
    [119.7, "2 min 0 s"],
    [3_599.9, "1 h 0 min"],
    [7_260, "2 h 1 min"],
    [5 * 86_400, "5 d"],
  ])("%d seconds are printed as %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it("S083 control characters of foreign text never reach the terminal", () => {
    expect(oneLine("a\nb\tc\u001b[31mred\u0007\u202e\u200b")).toBe("a\\nb\\tc\\u001b[31mred\\u0007\\u202e\\u200b");
    expect(oneLine("lone \ud800 surrogate")).toBe("lone \ufffd surrogate");
    expect(oneLine("x".repeat(1_000_000), 10)).toBe("xxxxxxxxx…");
  });

  it("a text is cut at its end or at its start", () => {
    expect([cut("abcdef", 4), cut("abc", 4), cut("abc", 1), cut("abc", 0)]).toEqual(["abc…", "abc", "…", ""]);
    expect([cutStart("abcdef", 4), cutStart("abc", 4)]).toEqual(["…def", "abc"]);
  });

  it("a table aligns its columns", () => {
    const rows = [
      ["a", "1", "x"],
      ["bcd", "100", "y"],
    ];
    expect(table([{ title: "NAME" }, { title: "N", right: true }, { title: "" }], rows)).toEqual([
      "NAME    N",
      "a       1  x",
      "bcd   100  y",
    ]);
  });
});
