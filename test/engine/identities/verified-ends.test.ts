import { beforeEach, describe, expect, it } from "vitest";
import type { AnyTask } from "../../../functions/sdk/any-task.ts";
import { canvasOf } from "../../../functions/sdk/canvas-builder.ts";
import { type CanvasSource, defineTask, TaskBroken } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const calls: string[] = [];
let value = "";
beforeEach(() => {
  calls.length = 0;
  value = "equal";
});
const item = defineTask({
  name: "item",
  run: (_ctx, k: number) => {
    calls.push(`item ${k}`);
    return k;
  },
});

/** Returns a release of two tasks: `below`, whose version is given, and those that depend on it. */
function release(version: number, on?: LocalEngine) {
  const below = defineTask({
    name: "below",
    version,
    dedupe: "forever",
    run: (_ctx) => {
      calls.push(`below@${version}`);
      return value;
    },
  });
  const needing = <Value>(name: string, end: (ctx: { spawn(children: CanvasSource[]): unknown }) => Value) =>
    defineTask({
      name,
      dedupe: "forever",
      run: async (ctx) => {
        const text = await ctx.requireDependency("below", below.s());
        calls.push(`${name} ${text}`);
        return end(ctx);
      },
    });
  const spawner = needing("spawner", (ctx) => void ctx.spawn([item.s(1), item.s(2)]));
  const big = needing("big", () => "x".repeat(20_000));
  const broken = needing("broken", () => {
    throw new TaskBroken("never", "unreadable");
  });
  const tasks: readonly AnyTask[] = [item, below, spawner, big, broken];
  return { local: new LocalEngine(tasks, {}, on ? { on } : {}), below, spawner, big, broken, tasks };
}
async function finish(local: LocalEngine, canvas: CanvasSource) {
  const { jobId } = await local.engine.submit({ canvas: canvasOf(canvas) });
  await local.untilQuiet();
  const [run] = (await local.engine.runs(jobId, {})).items;
  const shared = await local.engine.run(run?.adopts?.runId ?? "");
  const results: unknown[] = [];
  for await (const entry of local.engine.results(jobId)) results.push(entry.value);
  return { job: await local.engine.job(jobId), shared, results };
}

describe("an end that is verified", () => {
  it("keeps the results of a group that its run has made, and a large value", async () => {
    const first = release(0);
    await finish(first.local, first.spawner.s());
    await finish(first.local, first.big.s());
    calls.length = 0;
    const second = release(1, first.local);
    const { results, shared } = await finish(second.local, second.spawner.s());
    expect(results).toEqual([1, 2]);
    expect(shared).toMatchObject({ verified: true, round: 1, why: { of: "version", task: "below", from: 0, to: 1 } });
    expect(shared).not.toHaveProperty("outdated");
    const large = await finish(second.local, second.big.s());
    expect(large.results).toEqual(["x".repeat(20_000)]);
    expect(calls).toEqual(["below@1"]);
    // What depends on results of a group is not begun again either.
    const third = release(2, first.local);
    expect((await finish(third.local, third.spawner.s())).results).toEqual([1, 2]);
    expect(calls).toEqual(["below@1", "below@2"]);
  });
  it("runs its code when what it has consumed has changed, and says so", async () => {
    const first = release(0);
    await finish(first.local, first.spawner.s());
    value = "other";
    const second = release(1, first.local);
    const { shared, results } = await finish(second.local, second.spawner.s());
    expect(results).toEqual([1, 2]);
    expect(calls).toEqual([
      "below@0",
      "spawner equal",
      "item 1",
      "item 2",
      "below@1",
      "spawner other",
      "item 1",
      "item 2",
    ]);
    expect(shared).toMatchObject({
      round: 1,
      why: { of: "version", task: "below" },
      cause: [shared?.dependencies?.[0]?.runId],
    });
    expect(shared).not.toHaveProperty("verified");
  });
  it("S039 S040 of a broken run holds for those who depend on it, and is no end for others", async () => {
    const first = release(0);
    const top = (of: { broken: CanvasSource & { s(): CanvasSource } }) =>
      defineTask({
        name: "top",
        dedupe: "forever",
        run: async (ctx) => {
          const found = await ctx.requireDependency("broken", of.broken.s() as never, { returnError: true });
          calls.push("top");
          return found instanceof TaskBroken ? (found.reason ?? "?") : "good";
        },
      });
    const begin = (version: number, on?: LocalEngine) => {
      const made = release(version, on ?? first.local);
      const above = top(made as never);
      return { local: new LocalEngine([...made.tasks, above], {}, { on: first.local }), above, made };
    };
    const one = begin(0);
    expect((await finish(one.local, one.above.s())).results).toEqual(["unreadable"]);
    const two = begin(1);
    expect((await finish(two.local, two.above.s())).results).toEqual(["unreadable"]);
    expect(calls).toEqual(["below@0", "broken equal", "top", "below@1"]);
    // Who asks for the broken run itself begins it again.
    await finish(two.local, two.made.broken.s());
    expect(calls.slice(4)).toEqual(["broken equal"]);
  });
  it("is not taken by who asks for a newer one: then its code runs", async () => {
    const first = release(0);
    await finish(first.local, first.big.s());
    first.local.clock.set(first.local.clock.now() + 10_000);
    const second = release(1, first.local);
    const submit = async (canvas: CanvasSource) => second.local.engine.submit({ canvas: canvasOf(canvas) });
    await submit(second.big.s());
    await second.local.turn();
    await submit(second.big.signature([], {}, { dedupe: 5 }));
    await second.local.untilQuiet();
    expect(calls).toEqual(["below@0", "big equal", "below@1", "big equal"]);
  });
});
