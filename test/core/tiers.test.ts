import { describe, expect, it } from "vitest";
import { readTiers, SNOOP_TIERS, tierDelaySeconds } from "../../functions/core/tiers.ts";
import { defineTask } from "../../functions/sdk/index.ts";

describe("tiers", () => {
  it("S103 S104 S105 S106 say after which time a run that has failed so often runs again", () => {
    const minutes = Array.from({ length: 10 }, (_, k) => (tierDelaySeconds(SNOOP_TIERS, k + 1) ?? 0) / 60);
    expect(minutes).toEqual([4, 4, 120, 120, 120, 4_000, 4_000, 4_000, 0, 0]);
  });
  it.each([
    [5, "/tiers"],
    ["gentle", "/tiers"],
    [{ steps: [] }, "/tiers/steps"],
    [{ steps: [{ failures: 1, afterSeconds: 1 }] }, "/tiers/steps/0/failures"],
    [{ steps: [{ failures: 2.5, afterSeconds: 1 }] }, "/tiers/steps/0/failures"],
    [{ steps: [{ failures: 2, afterSeconds: 0 }] }, "/tiers/steps/0/afterSeconds"],
    [{ steps: [{ failures: 2, afterSeconds: 61 * 86_400 }] }, "/tiers/steps/0/afterSeconds"],
    [{ steps: [{ failures: 2, afterSeconds: 1, minutes: 1 }] }, "/tiers/steps/0/minutes"],
    [
      {
        steps: [
          { failures: 3, afterSeconds: 1 },
          { failures: 3, afterSeconds: 2 },
        ],
      },
      "/tiers/steps/1/failures",
    ],
    [{ steps: [{ failures: 2, afterSeconds: 1 }], broken: "yes" }, "/tiers/broken"],
    [{ steps: [{ failures: 2, afterSeconds: 1 }], killed: true }, "/tiers/killed"],
  ])("name what is wrong in %j", (tiers, field) => {
    const refused = expect.objectContaining({ code: "invalid_request", details: { field } }) as Error;
    expect(() => readTiers(tiers, "/tiers")).toThrow(refused);
    expect(() => defineTask({ name: "x", dedupe: "forever", tiers: tiers as never, run: () => null })).toThrow(refused);
  });
});
