import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FanfoldError } from "../../../functions/core/errors.ts";
import { LIMITS } from "../../../functions/core/limits.ts";
import { errorData, OutcomeError } from "../../../functions/core/task/error-data.ts";

const throwing = () => {
  throw new Error("a getter");
};
const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

describe("errorData", () => {
  it("keeps what an error says", () => {
    const data = errorData(new RangeError("too far"));
    expect(data).toMatchObject({ name: "RangeError", message: "too far" });
    expect(data.stack).toContain("RangeError: too far");
    expect(errorData(Object.assign(new Error("x"), { code: "ENOENT" }))).toMatchObject({ reason: "ENOENT" });
    expect(errorData(new FanfoldError("lease_lost", "gone"))).toMatchObject({ reason: "lease_lost", retryable: false });
  });
  it.each<[unknown, string, string]>([
    ["a text", "Error", "a text"],
    ["", "Error", ""],
    [null, "Error", "null was thrown"],
    [undefined, "Error", "undefined was thrown"],
    [42, "Error", "42 was thrown"],
    [10n, "Error", "10 was thrown"],
    [Symbol("s"), "Error", "Symbol(s) was thrown"],
    [throwing, "throwing", "a function was thrown"],
    [{ status: 404 }, "Error", '{"status":404} was thrown'],
    [{ name: "Gone", message: "away" }, "Gone", "away"],
    [{ name: 7, message: {} }, "Error", '{"name":7,"message":{}} was thrown'],
    [cyclic, "Error", "an object that cannot be read was thrown"],
    [
      Object.defineProperties({}, { message: { get: throwing }, name: { get: throwing }, stack: { get: throwing } }),
      "Error",
      "{} was thrown",
    ],
    [
      new Proxy({}, { get: throwing, ownKeys: throwing, getPrototypeOf: throwing }),
      "Error",
      "an object that cannot be read was thrown",
    ],
    [Object.create(null), "Error", "{} was thrown"],
  ])("makes data of %#", (thrown, name, message) => {
    expect(errorData(thrown)).toMatchObject({ name, message });
  });
  it("cuts what is too long, between characters", () => {
    const data = errorData(
      Object.assign(new Error("😀".repeat(LIMITS.errorMessageCharacters)), {
        stack: "s".repeat(1e6),
        name: "n".repeat(1e6),
        reason: "r".repeat(1e6),
      }),
    );
    expect(data.message.length).toBeLessThanOrEqual(LIMITS.errorMessageCharacters);
    expect(data.stack?.length).toBe(LIMITS.errorStackCharacters);
    expect(data.name.length).toBe(LIMITS.nameCharacters);
    expect(data.reason?.length).toBeLessThanOrEqual(100);
    expect(data.message.isWellFormed()).toBe(true);
  });
  it("never throws, and always gives JSON", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true }), (thrown) => {
        const data = errorData(thrown);
        expect(JSON.parse(JSON.stringify(data))).toEqual(data);
      }),
    );
  });
});

describe("OutcomeError", () => {
  it("reads as the error it carries", () => {
    const error = { name: "TimeoutError", message: "too late", stack: "somewhere", reason: "timeout", retryable: true };
    expect(errorData(new OutcomeError({ kind: "failed", error }))).toEqual(error);
  });
});
