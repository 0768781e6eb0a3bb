import { expect, it } from "vitest";
import { defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const MEMBERS = 600;
const COUNTERS = 20;
const counting = defineTask({
  name: "counting",
  run: (ctx, member: number) => {
    for (let k = 0; k < COUNTERS; k++) ctx.count(`c${member}_${k}`, 1);
  },
});

it("counters whose names are all different are added up under one name", async () => {
  const local = new LocalEngine([counting]);
  const { jobId } = await local.engine.submit({
    canvas: group(Array.from({ length: MEMBERS }, (_, member) => counting.s(member))).canvas,
  });
  await local.untilQuiet();
  const job = await local.engine.job(jobId);
  expect(job).toMatchObject({ state: "success", counts: { success: MEMBERS } });
  const counters = Object.entries(job?.counts ?? {}).filter(([name]) => name.startsWith("u_"));
  expect(counters.length).toBeLessThan(100);
  expect(counters.reduce((all, [, count]) => all + count, 0)).toBe(MEMBERS * COUNTERS);
});
