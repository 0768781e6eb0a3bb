import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isReported,
  NONE_REPORTED,
  rangesOf,
  rangesText,
  withPositions,
} from "../../../functions/core/task/reported-positions.ts";

const batches = fc.array(fc.array(fc.nat({ max: 40 }), { maxLength: 8 }), { maxLength: 12 });

describe("the positions that were reported", () => {
  it("are exactly those of all batches, in whatever order they come", () => {
    fc.assert(
      fc.property(batches, (given) => {
        const known = new Set(given.flat());
        const reported = given.reduce(withPositions, NONE_REPORTED);
        for (let position = 0; position <= 42; position++)
          expect(isReported(reported, position)).toBe(known.has(position));
      }),
    );
  });
  it("begin with the first that is missing, and have ranges in order that do not touch", () => {
    fc.assert(
      fc.property(batches, (given) => {
        const { cursor, ahead } = given.reduce(withPositions, NONE_REPORTED);
        expect(given.flat()).not.toContain(cursor);
        let before = cursor;
        for (const [first, last] of ahead) {
          expect(first).toBeGreaterThan(before);
          expect(last).toBeGreaterThanOrEqual(first);
          before = last + 1;
        }
      }),
    );
  });
  it("come back from their text", () => {
    fc.assert(
      fc.property(batches, (given) => {
        const { ahead } = given.reduce(withPositions, NONE_REPORTED);
        expect(rangesOf(rangesText(ahead))).toEqual(ahead);
      }),
    );
    expect(
      rangesText([
        [5, 9],
        [12, 12],
      ]),
    ).toBe("5-9,12");
  });
});
