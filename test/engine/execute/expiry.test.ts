import { expect, it } from "vitest";
import { chain, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const one = defineTask({ name: "one", run: () => 1 });
const late = one.si().set({ countdown: 40, expires: 10 });

it.each([
  ["a member", group([one.si(), late])],
  ["a later step", chain(one.si(), late)],
  ["a far one", one.si().set({ countdown: 86_400, expires: 10 })],
])("%s that expires before its countdown ends when it expires", async (_name, canvas) => {
  const local = new LocalEngine([one]);
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet();
  const { createdAt, endedAt = 0, counts } = (await local.engine.job(jobId))!;
  expect(counts).toMatchObject({ cancelled: 1 });
  expect(endedAt - createdAt).toBeLessThan(12_000);
  expect(endedAt - createdAt).toBeGreaterThanOrEqual(10_000);
});
