import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RetryPolicy } from "../../functions/core/retry-policy.ts";
import { DEFAULT_RETRY, retryDelaySeconds, retryPolicy } from "../../functions/core/retry-policy.ts";
import { refusalOf } from "./refusal.ts";

const policy: fc.Arbitrary<RetryPolicy> = fc
  .record({
    maxAttempts: fc.integer({ min: 1, max: 100 }),
    initialDelaySeconds: fc.double({ min: 0, max: 3_600, noNaN: true }),
    backoffFactor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxDelaySeconds: fc.double({ min: 0, max: 86_400, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map((given) => retryPolicy(given));
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const failures = fc.integer({ min: 1, max: 100_000 });

describe("retry delays", () => {
  it("never shrink from one failure to the next, for the same chance", () => {
    fc.assert(
      fc.property(policy, failures, random, (each, count, chance) => {
        expect(retryDelaySeconds(each, count + 1, chance)).toBeGreaterThanOrEqual(
          retryDelaySeconds(each, count, chance),
        );
      }),
    );
  });
  it("stay between the exact delay and what jitter takes off it", () => {
    fc.assert(
      fc.property(policy, failures, random, (each, count, chance) => {
        const exact = retryDelaySeconds({ ...each, jitter: 0 }, count, chance);
        const delay = retryDelaySeconds(each, count, chance);
        expect(delay).toBeLessThanOrEqual(exact);
        expect(delay).toBeGreaterThanOrEqual(exact * (1 - each.jitter));
        expect(exact).toBeLessThanOrEqual(each.maxDelaySeconds);
        expect(Number.isFinite(delay)).toBe(true);
      }),
    );
  });
  it("D064 double from one second to five minutes by default", () => {
    const exact = { ...DEFAULT_RETRY, jitter: 0 };
    expect([1, 2, 3, 9, 10, 5_000].map((count) => retryDelaySeconds(exact, count, 0.9))).toEqual([
      1, 2, 4, 256, 300, 300,
    ]);
    const slow = { ...exact, initialDelaySeconds: 20 };
    expect([1, 2, 3, 4].map((count) => retryDelaySeconds(slow, count, 0))).toEqual([20, 40, 80, 160]);
    expect(retryDelaySeconds(DEFAULT_RETRY, 1, 0.5)).toBe(0.75);
    expect(retryDelaySeconds({ ...DEFAULT_RETRY, initialDelaySeconds: 0 }, 100_000, 0)).toBe(0);
  });
});

describe("retryPolicy", () => {
  it("does not retry unless told to", () => expect(retryPolicy(undefined)).toEqual(DEFAULT_RETRY));
  it("completes what is left out from its base", () => {
    const base = retryPolicy({ maxAttempts: 3, jitter: 0 });
    expect(retryPolicy({ maxAttempts: 5, backoffFactor: undefined }, { base })).toEqual({ ...base, maxAttempts: 5 });
  });
  it("does not cut a long first delay by the default bound", () => {
    expect(retryPolicy({ initialDelaySeconds: 600 })).toMatchObject({ maxDelaySeconds: 600 });
    expect(retryPolicy({ initialDelaySeconds: 600, maxDelaySeconds: 60 })).toMatchObject({ maxDelaySeconds: 60 });
  });
  it.each<[Record<string, unknown> | unknown[] | number | null, string]>([
    [{ maxAttempts: 0 }, "/retry/maxAttempts"],
    [{ maxAttempts: 1.5 }, "/retry/maxAttempts"],
    [{ maxAttempts: Infinity }, "/retry/maxAttempts"],
    [{ maxAttempts: "3" }, "/retry/maxAttempts"],
    [{ initialDelaySeconds: -1 }, "/retry/initialDelaySeconds"],
    [{ initialDelaySeconds: Number.NaN }, "/retry/initialDelaySeconds"],
    [{ backoffFactor: 0.5 }, "/retry/backoffFactor"],
    [{ maxDelaySeconds: Infinity }, "/retry/maxDelaySeconds"],
    [{ jitter: 1.1 }, "/retry/jitter"],
    [{ jitter: null }, "/retry/jitter"],
    [{ attempts: 3 }, "/retry/attempts"],
    [{ toString: 1 }, "/retry/toString"],
    [[], "/retry"],
    [7, "/retry"],
  ])("refuses %j", (given, field) => {
    expect(refusalOf(() => retryPolicy(given as Partial<RetryPolicy>))).toMatchObject({
      code: "invalid_request",
      field,
    });
  });
});
