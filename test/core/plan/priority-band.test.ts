import { describe, expect, it } from "vitest";
import { bandOf } from "../../../functions/core/plan/priority-band.ts";

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
