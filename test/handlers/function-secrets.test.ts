import { describe, expect, it } from "vitest";
import type { SecretAnswer, SecretPlace } from "../../functions/aws/aws-secrets.ts";
import { functionSecrets } from "../../functions/handlers/function-secrets.ts";

const SECRETS = {
  STRIPE: { secret: "shop/stripe", ttlSeconds: 300 },
  SALT: { parameter: "/salt", ttlSeconds: 0 },
};
function source(answers: SecretAnswer[]) {
  const calls: SecretPlace[] = [];
  const time = { now: 0 };
  const read = async (place: SecretPlace): Promise<SecretAnswer> => {
    calls.push(place);
    return (answers.length > 1 ? answers.shift() : answers[0]) as SecretAnswer;
  };
  return { secret: functionSecrets(SECRETS, read, () => time.now), calls, time };
}

describe("the secrets of a function", () => {
  it("are read once per process, by one call for all who ask, and again when their time is over", async () => {
    const { secret, calls, time } = source([{ value: "one" }, { value: "two" }]);
    expect(await Promise.all([secret("STRIPE"), secret("STRIPE")])).toEqual(["one", "one"]);
    time.now = 299_999;
    expect(await secret("STRIPE")).toBe("one");
    expect(calls).toEqual([{ secret: "shop/stripe" }]);
    time.now = 300_000;
    expect(await secret("STRIPE")).toBe("two");
    expect(calls.length).toBe(2);
  });
  it("are read each time when they are kept for no time", async () => {
    const { secret, calls } = source([{ value: "a" }, { value: "b" }]);
    expect([await secret("SALT"), await secret("SALT")]).toEqual(["a", "b"]);
    expect(calls.length).toBe(2);
  });
  it("stay in use while AWS cannot be asked again, and not when it refuses", async () => {
    const { secret, calls, time } = source([
      { value: "one" },
      { problem: "ThrottlingException", passing: true },
      { problem: "ResourceNotFoundException", passing: false },
    ]);
    await secret("STRIPE");
    time.now = 300_000;
    expect(await secret("STRIPE")).toBe("one");
    expect(await secret("STRIPE")).toBe("one");
    expect(calls.length).toBe(2);
    time.now = 310_000;
    await expect(secret("STRIPE")).rejects.toMatchObject({
      code: "secret_unavailable",
      retryable: true,
      details: { secret: "STRIPE" },
      message: "the secret STRIPE cannot be read: ResourceNotFoundException",
    });
  });
  it("are those that the configuration names", async () => {
    const { secret, calls } = source([{ value: "one" }]);
    await expect(secret("STRIPES")).rejects.toMatchObject({ code: "secret_unavailable", retryable: false });
    await expect(secret("STRIPES")).rejects.toThrow("did you mean STRIPE?");
    await expect(secret("toString")).rejects.toMatchObject({ retryable: false });
    expect(calls).toEqual([]);
  });
});
