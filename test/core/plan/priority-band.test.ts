import { describe, expect, it } from "vitest";
import { bandOf, sharesOfTakes } from "../../../functions/core/plan/priority-band.ts";

describe("bandOf", () => {
  it.each([
    [undefined, 1],
    [0, 0],
    [3, 0],
    [4, 1],
    [6, 1],
    [7, 2],
    [9, 2],
  ] as const)("folds priority %s into band %s", (priority, band) => expect(bandOf(priority)).toBe(band));
});

describe("takes of a queue", () => {
  it("D054 serve the highest band first, and the lowest that waits in every eighth take", () => {
    expect(sharesOfTakes(0, 8, { 0: 9, 1: 9, 2: 9 })).toEqual({ 0: 1, 1: 0, 2: 7 });
    expect(sharesOfTakes(7, 1, { 0: 9, 1: 9, 2: 9 })).toEqual({ 0: 1, 1: 0, 2: 0 });
    expect(sharesOfTakes(7, 1, { 0: 0, 1: 9, 2: 9 })).toEqual({ 0: 0, 1: 1, 2: 0 });
    expect(sharesOfTakes(0, 16, { 0: 5, 1: 3, 2: 4 })).toEqual({ 0: 5, 1: 3, 2: 4 });
  });
  it("give a low band an eighth of them, however long they go on", () => {
    const ready = { 0: 1_000, 1: 0, 2: 1_000 };
    let low = 0;
    for (let takes = 0; takes < 800; takes++) low += sharesOfTakes(takes, 1, ready)[0];
    expect(low).toBe(100);
  });
});
