import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Case, readCases } from "./cases.ts";
import { selectCases } from "./selection.ts";

const cases = readCases(fileURLToPath(new URL("./cases/canvas-cases.json", import.meta.url)));
const runnable = cases.filter((each): each is Case => each.kind !== "protocol");
const valuesOf = (key: "primitive" | "kind", of: readonly Case[]): readonly string[] =>
  [...new Set(of.map((each) => each[key] ?? ""))].toSorted();

describe("a selection of cases", () => {
  it.each([20, 60])("of %i has every primitive and every kind", (count) => {
    const selected = selectCases(cases, count);
    expect(selected).toHaveLength(count);
    expect(new Set(selected).size).toBe(count);
    expect(valuesOf("primitive", selected)).toEqual(valuesOf("primitive", runnable));
    expect(valuesOf("kind", selected)).toEqual(valuesOf("kind", runnable));
  });
  it("is the same whenever it is made, in the order of the file", () => {
    const selected = selectCases(cases, 20);
    expect(selectCases(cases, 20)).toEqual(selected);
    expect(runnable.filter((each) => selected.includes(each))).toEqual(selected);
  });
  it("of more than there are is all of them", () => {
    expect(selectCases(cases, 1_000)).toEqual(runnable);
  });
});
