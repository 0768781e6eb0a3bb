import { describe, expect, it } from "vitest";
import { runOverProcesses } from "./pool.ts";

const MINUTES = 60_000;
const PROCESSES = 2;

describe("the protocol, simulated", () => {
  it.each([
    ["the protocol keeps its promises under kills, losses, duplicates and stale reads", undefined],
    ["what a crash leaves begun is taken up by the first sweep of the next start", "crashes"],
  ])("%s", { timeout: 10 * MINUTES }, async (_title, variant) => {
    const runs = 10;
    const tally = await runOverProcesses({ from: 1, runs, ...(variant && { variant }) }, { processes: PROCESSES });
    expect(tally).toMatchObject({ caught: [], runs });
  });

  it("jobs of one quick task that run together end as each would alone", { timeout: 10 * MINUTES }, async () => {
    const runs = 10;
    const { caught, stats } = await runOverProcesses({ from: 1, runs, variant: "solos" }, { processes: PROCESSES });
    expect(caught).toEqual([]);
    expect(stats["solo runs together"]).toBeGreaterThan(runs);
  });
});
