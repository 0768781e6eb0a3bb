import { expect, it } from "vitest";
import { FAILURES, smallRounds } from "./small-rounds.ts";

/** 40,000 members have 157 leaves. A million, with 3,907 leaves, is in retry-budget.long.ts. */
const MEMBERS = 40_000;

it("a retry costs what failed and not what the job is: few items for a run, ten leaves for ten", async () => {
  const { job, ...rounds } = await smallRounds(MEMBERS);
  expect(job).toMatchObject({ state: "success", round: 2, counts: { success: MEMBERS + 1 }, countsExact: true });
  expect(rounds).toMatchObject({ ranInOne: 1, ranInAll: FAILURES });
  expect(rounds.itemsOfOne).toBeLessThan(20);
  // A leaf written, a row taken up, claimed and ended, and a mark, for each; and the way up to the job.
  expect(rounds.unitsOfAll).toBeLessThan(120);
  expect(rounds.callsOfAll).toBeLessThan(320);
});
