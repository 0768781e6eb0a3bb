import { expect, it } from "vitest";
import { LIMITS } from "../../../functions/core/limits.ts";
import { FAILURES, smallRounds } from "./small-rounds.ts";

it(
  "a million members run to the end; a retry of one writes fewer than 20 items, one of ten fewer than 140 units",
  { timeout: 300_000 },
  async () => {
    const { job, ...rounds } = await smallRounds(LIMITS.groupMembers);
    expect(job).toMatchObject({ state: "success", counts: { success: LIMITS.groupMembers + 1 }, countsExact: true });
    expect(rounds).toMatchObject({ ranInOne: 1, ranInAll: FAILURES });
    expect(rounds.itemsOfOne).toBeLessThan(20);
    expect(rounds.unitsOfAll).toBeLessThan(140);
    expect(rounds.callsOfAll).toBeLessThan(450);
  },
);
