import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Runtime } from "../../functions/embedded/runtime.ts";
import { group } from "../../functions/sdk/index.ts";
import { echo, hurts, hurtsStreaming, notedSlowly } from "./fixtures/tasks.ts";
import { atEnd, ended, linesOf, newFolder, run, startTestRuntime, submit } from "./harness.ts";
import { until } from "./until.ts";

const pidsOf = async (runtime: Runtime): Promise<(number | undefined)[]> =>
  (await runtime.stats()).workers.map(({ pid }) => pid);
async function startReady(options: Parameters<typeof startTestRuntime>[0] = {}) {
  const started = await startTestRuntime(options);
  await until("the workers are ready", async () =>
    (await started.runtime.stats()).workers.every((worker) => worker.ready),
  );
  return started;
}

describe("a run that hurts its process", () => {
  it.each([
    ["exit", { reason: "task_killed" }],
    ["abort", { reason: "task_killed" }],
    ["kill", { reason: "task_killed" }],
    ["floating", { name: "TypeError", message: "nobody awaits me" }],
    ["later", { name: "RangeError", message: "thrown from a timer" }],
  ])("%s fails its own run with the true reason, and its worker lives on", async (how, error) => {
    const folder = newFolder();
    const [hurting, beside] = [join(folder, "hurting"), join(folder, "beside")];
    const { runtime } = await startReady({ workers: 1 });
    const before = await pidsOf(runtime);
    const work = await submit(runtime, group([1, 2, 3].map(() => notedSlowly.si(beside, 300))));
    expect(await run(runtime, hurts.s(how, hurting))).toMatchObject({ state: "failure", error });
    expect(await ended(runtime, work)).toMatchObject({ state: "success" });
    expect(linesOf(beside).filter((line) => line.startsWith("begin"))).toHaveLength(3);
    expect(linesOf(hurting).filter((line) => line.startsWith("begin"))).toHaveLength(1);
    expect(await pidsOf(runtime)).toEqual(before);
  });

  it("an error from a timer of a streaming task fails that task", async () => {
    const { runtime } = await startReady({ workers: 1 });
    expect(await run(runtime, hurtsStreaming.s())).toMatchObject({
      state: "failure",
      error: { message: "thrown from a timer" },
    });
  });

  it("an endless loop is one task_timeout, and small jobs run meanwhile although every worker is blocked", async () => {
    const file = join(newFolder(), "spin");
    const { runtime } = await startReady({ workers: 1 });
    const poisoned = await submit(runtime, hurts.s("spin", file).set({ timeout: 12 }));
    await until("it spins", () => linesOf(file).length > 0);
    expect(await run(runtime, echo.s(7))).toMatchObject({ value: 7 });
    expect((await runtime.engine.job(poisoned))?.endedAt).toBeUndefined();
    expect(await ended(runtime, poisoned)).toMatchObject({ state: "failure", error: { reason: "task_timeout" } });
    expect(linesOf(file)).toEqual(["begin 1"]);
  });

  it("a run that fills the memory is task_killed after three deaths, and takes no other run with it", async () => {
    const folder = newFolder();
    const [hurting, beside] = [join(folder, "hurting"), join(folder, "beside")];
    const options = process.env["NODE_OPTIONS"];
    process.env["NODE_OPTIONS"] = "--max-old-space-size=256";
    atEnd(async () => {
      if (options === undefined) delete process.env["NODE_OPTIONS"];
      else process.env["NODE_OPTIONS"] = options;
    });
    const { runtime } = await startReady({ workers: 1 });
    const poisoned = await submit(runtime, hurts.s("memory", hurting).set({ timeout: 60 }));
    expect(await run(runtime, notedSlowly.si(beside, 50))).toMatchObject({ state: "success" });
    expect(await ended(runtime, poisoned, 100_000)).toMatchObject({
      state: "failure",
      error: { reason: "task_killed" },
      counts: { broken: 1 },
    });
    // A death that comes before the thread has named the run does not count, but the run is alone from then on.
    expect(linesOf(hurting).length).toBeGreaterThanOrEqual(3);
    expect(linesOf(hurting).length).toBeLessThanOrEqual(4);
  }, 120_000);
});
