import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median, percentile, ratioOf, round } from "./statistics.ts";

const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 });

describe("a percentile", () => {
  it("a percentile is the sample at its nearest rank, in any order of samples", () => {
    const hundred = Array.from({ length: 100 }, (_, k) => 100 - k);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile([7], 0.99)).toBe(7);
  });
  it("a percentile is a sample, and its share of the samples is not above it", () => {
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const value = percentile(all, share);
        expect(all).toContain(value);
        expect(all.filter((each) => each <= value).length).toBeGreaterThanOrEqual(share * all.length - 1e-9);
      }),
    );
  });
  it("a percentile of no samples throws", () => expect(() => percentile([], 0.5)).toThrow(RangeError));
});

describe("a median", () => {
  it("a median is the middle sample, or the mean of two", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });
  it("a median has as many samples above as below it", () => {
    fc.assert(
      fc.property(samples, (all) => {
        const middle = median(all);
        expect(all.filter((each) => each < middle).length).toBeLessThanOrEqual(all.length / 2);
        expect(all.filter((each) => each > middle).length).toBeLessThanOrEqual(all.length / 2);
      }),
    );
  });
});

describe("a ratio", () => {
  it("a ratio is the median of the ratios of the pairs, because a slow minute slows both of a pair", () => {
    const pairs = [
      { ours: 20_000, theirs: 10_000 },
      { ours: 3_000, theirs: 1_000 },
      { ours: 40_000, theirs: 10_000 },
    ];
    expect(ratioOf(pairs)).toEqual({ ratio: 3, least: 2, most: 4, ours: 20_000, theirs: 10_000, runs: 3 });
  });
  it("a ratio of no pairs throws", () => expect(() => ratioOf([])).toThrow(RangeError));
});

it("numbers are rounded to significant digits", () => {
  expect([0.052_345_6, 3.141_59, 12_345.67, 0, 999.96].map(round)).toEqual([0.052_35, 3.142, 12_346, 0, 1_000]);
});
