import { expect, it } from "vitest";
import { runOverProcesses } from "./pool.ts";

const MINUTES = 60_000;
const PROCESSES = 2;

it(
  "the protocol keeps its promises under 1,000 seeds of kills, losses, duplicates and stale reads",
  { timeout: 15 * MINUTES },
  async () => {
    const tally = await runOverProcesses({ from: 1, runs: 1_000 }, { processes: PROCESSES });
    expect(tally.caught).toEqual([]);
    expect(tally.runs).toBe(1_000);
  },
);

it.each([
  ["the protocol needs no sweeper as long as no message is lost", "no-sweeper"],
  ["what a crash leaves begun is taken up by the first sweep of the next start", "crashes"],
  ["a job that is cancelled and retried at once ends as if its client had waited", "hasty-retries"],
  ["limits hold in true time, and nobody sleeps beside a free lock", "limits"],
  ["nobody sleeps beside a lock that a dead worker held, without a sweep", "limits-unswept"],
  ["each time of a schedule fires one job, and none is lost", "schedules"],
  ["the nodes of a graph start behind those that they follow, once", "graphs"],
  ["an end that another version has made is made anew, or verified, and taken by whoever asks", "versions"],
  ["a call for many runs that fails costs others no failure, and each pass ends", "bulk"],
  ["no call for many runs is outside of a pass while no process dies", "bulk-immortal"],
  ["jobs of one quick task that run together end as each would alone", "solos"],
  ["jobs that run together need no sweeper as long as no message is lost", "solos-no-sweeper"],
  ["a failed shared run begins again by its tiers, and a scheduled one ends without a job", "scheduled", 200],
  ["what is paused does not start, and comes back when it is resumed", "pauses"],
])("%s", { timeout: 10 * MINUTES }, async (_title, variant, runs = 150) => {
  const tally = await runOverProcesses({ from: 1, runs, variant }, { processes: PROCESSES });
  expect(tally.caught).toEqual([]);
});
