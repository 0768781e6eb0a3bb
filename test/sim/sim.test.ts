import { describe, expect, it } from "vitest";
import { runBatch } from "./campaign.ts";
import { runOverProcesses } from "./pool.ts";
import { RECORDED, SOUND } from "./recorded-variants.ts";
import { VARIANTS } from "./variants.ts";

const MINUTES = 60_000;
const PROCESSES = 2;
/**
 * The number of seeds, from the recorded one on, in which a variant must be caught. A change of the engine shifts what
 * a seed does.
 */
const SEEDS = 2_000;

describe("the protocol, simulated", () => {
  it(
    "the protocol keeps its promises under 2,000 seeds of kills, losses, duplicates and stale reads",
    { timeout: 15 * MINUTES },
    async () => {
      const tally = await runOverProcesses({ from: 1, runs: 2_000 }, { processes: PROCESSES });
      expect(tally.caught).toEqual([]);
      expect(tally.runs).toBe(2_000);
    },
  );

  it("the protocol needs no sweeper as long as no message is lost", { timeout: 10 * MINUTES }, async () => {
    const tally = await runOverProcesses({ from: 1, runs: 400, variant: "no-sweeper" }, { processes: PROCESSES });
    expect(tally.caught).toEqual([]);
  });

  it(
    "what a crash leaves begun is taken up by the first sweep of the next start",
    { timeout: 10 * MINUTES },
    async () => {
      const tally = await runOverProcesses({ from: 1, runs: 400, variant: "crashes" }, { processes: PROCESSES });
      expect(tally.caught).toEqual([]);
    },
  );
});

describe("a variant without one rule is caught", () => {
  it("all broken variants are recorded", () =>
    expect(RECORDED.map(({ variant }) => variant)).toEqual(
      Object.keys(VARIANTS).filter((name) => !SOUND.includes(name)),
    ));

  it.each(RECORDED)(
    "the broken variant $variant is caught",
    { timeout: 10 * MINUTES },
    async ({ variant, firstSeed }) => {
      const tally = await runBatch({ from: firstSeed, runs: SEEDS, variant, untilCaught: true });
      expect(tally.caught).not.toEqual([]);
    },
  );
});
