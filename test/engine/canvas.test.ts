import { expect, it } from "vitest";
import { chain, chord, defineTask, group } from "../../functions/sdk/index.ts";
import { add, fail, sum } from "../../functions/tasks/examples.ts";
import { LocalEngine } from "./local-engine.ts";

const spawner = defineTask({
  name: "spawner",
  run: (ctx, n: number) => {
    ctx.spawnWithCallback(
      Array.from({ length: n }, (_, i) => add.s(i, i)),
      sum.s(),
    );
    return n;
  },
});
const stream = defineTask({
  name: "stream",
  run: async function* (_ctx, n: number) {
    for (let i = 0; i < n; i++) yield add.s(i, i);
  },
});
const handle = defineTask({
  name: "handle",
  streamsResults: true,
  run: async (ctx, _group: unknown) => {
    let total = 0;
    let entries = 0;
    for await (const entry of ctx.results()) {
      entries++;
      total += entry.value as number;
    }
    return { entries, total };
  },
});
const tasks = [add, sum, fail, spawner, stream, handle];

it("a chain, a chord, nested groups, spawned and streamed children give their values", async () => {
  const local = new LocalEngine(tasks, { width: 4, expandRange: 8 });
  const one = await local.engine.submit({ canvas: chain(add.s(2, 2), add.s(4)).canvas });
  const two = await local.engine.submit({
    canvas: chord(group(Array.from({ length: 50 }, (_, i) => add.s(i, i))), sum.s()).canvas,
  });
  const three = await local.engine.submit({ canvas: spawner.s(20).canvas });
  const four = await local.engine.submit({ canvas: chain(stream.s(23), handle.s()).canvas });
  const five = await local.engine.submit({
    canvas: group([group([add.s(1, 1), add.s(2, 2)], { policy: "settled" }), add.s(3, 3)]).canvas,
  });
  await local.untilQuiet();
  expect(await local.engine.job(one.jobId)).toMatchObject({ state: "success", value: 8 });
  expect(await local.engine.job(two.jobId)).toMatchObject({
    state: "success",
    value: 2450,
    counts: { success: 51 },
    countsExact: true,
  });
  expect(await local.engine.job(three.jobId)).toMatchObject({ state: "success", value: 20, counts: { success: 22 } });
  expect(await local.engine.job(four.jobId)).toMatchObject({ state: "success", value: { entries: 23, total: 506 } });
  const results = [];
  for await (const entry of local.engine.results(five.jobId)) results.push(entry.value);
  expect(results).toMatchObject([{ group: expect.any(String) }, 6]);
});

it("a failed header member fails the chord, and its error names the run", async () => {
  const local = new LocalEngine(tasks);
  const { jobId } = await local.engine.submit({ canvas: chord(group([add.s(1, 1), fail.s()]), sum.s()).canvas });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({
    state: "failure",
    outcome: "failed",
    error: { runId: `${jobId}.0.g.1`, reason: "example" },
  });
});
