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
  it("S082 cuts what is too long, between characters", () => {
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
    expect(data.reason?.length).toBe(128);
    expect(data.message.isWellFormed()).toBe(true);
  });
  it("keeps three causes, the nearest first, each with its reason", () => {
    const disk = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    const chain = ["write", "store", "copy"].reduce<Error>((cause, message) => new Error(message, { cause }), disk);
    expect(errorData(new Error("job", { cause: chain })).cause).toEqual({
      name: "Error",
      message: "copy",
      cause: { name: "Error", message: "store", cause: { name: "Error", message: "write" } },
    });
    expect(errorData(new Error("job", { cause: disk })).cause).toMatchObject({ reason: "ENOSPC" });
    expect(errorData(new Error("job", { cause: "a text" })).cause).toEqual({ name: "Error", message: "a text" });
    expect(errorData(new AggregateError([disk], "all failed")).cause).toMatchObject({ message: "no space left" });
    const circle = new Error("round");
    circle.cause = circle;
    expect(errorData(circle).cause?.cause?.cause).toEqual({ name: "Error", message: "round" });
  });
  it("keeps details that are JSON, and the beginning of long ones", () => {
    const detailed = (details: unknown) => errorData(Object.assign(new Error("x"), { details })).details;
    expect(detailed({ file: "a", line: 3 })).toEqual({ file: "a", line: 3 });
    expect(detailed({ text: "😀".repeat(1_000) })).toMatch(/^\{"text":"😀+…$/u);
    expect([detailed({}), detailed(undefined), detailed(cyclic), detailed(10n)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
  it.each([
    "ECONNRESET",
    "ETIMEDOUT",
    "ENOTFOUND",
    "EPIPE",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "UND_ERR_SOCKET",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
  ])("says that %s is a connection error, however deep it lies", (code) => {
    const raw = Object.assign(new Error("no answer"), { code });
    const fetched = new TypeError("fetch failed", { cause: new AggregateError([new Error("v6"), raw]) });
    expect([raw, fetched, new Error("sync", { cause: fetched })].map((each) => errorData(each).connection)).toEqual([
      true,
      true,
      true,
    ]);
  });
  it("says of no other error that it is a connection error", () => {
    const coded = (fields: object) => errorData(Object.assign(new Error("x"), fields)).connection;
    expect(
      [{ code: "ENOENT" }, { code: "UND_ERR_INVALID_ARG" }, { code: "ETIMEDOUT", syscall: "spawnSync sh" }].map(coded),
    ).toEqual([undefined, undefined, undefined]);
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
