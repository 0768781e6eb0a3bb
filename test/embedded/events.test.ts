import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import type { Runtime } from "../../functions/embedded/runtime.ts";
import { count, waits } from "./fixtures/tasks.ts";
import { ended, linesOf, newFolder, run, startTestRuntime, submit } from "./harness.ts";
import { until } from "./until.ts";

async function deferred(runtime: Runtime, jobId: string, runs: number): Promise<void> {
  await until(
    `${runs} runs are deferred`,
    async () => (await runtime.engine.runs(jobId, { status: "deferred" })).items.length === runs,
  );
}

describe("a task that waits for an event", () => {
  it("a run that waits for an event holds no slot and runs again in any worker after the event", async () => {
    const file = join(newFolder(), "lines");
    const { runtime } = await startTestRuntime({ concurrency: 1 });
    const members = Array.from({ length: 20 }, () => waits.s(file));
    const jobId = await submit(runtime, group(members).pipe(count.s()));
    await deferred(runtime, jobId, 20);
    expect(await runtime.engine.sendEvent(jobId, "go", { by: "Ann" })).toBe(true);
    expect(await ended(runtime, jobId)).toMatchObject({ state: "success", value: 20, counts: { success: 21 } });
    expect(linesOf(file)).toHaveLength(40);
    expect(await runtime.engine.run(`${jobId}.0.g.7`)).toMatchObject({
      status: "success",
      value: { by: "Ann" },
      attempt: 2,
    });
  });

  it("a run that waits for an event stays deferred over a restart", async () => {
    const dataFolder = newFolder();
    const file = join(newFolder(), "lines");
    const first = await startTestRuntime({ dataFolder });
    const jobId = await submit(first.runtime, waits.s(file));
    await deferred(first.runtime, jobId, 1);
    await first.runtime.stop({ graceSeconds: 0 });
    const { runtime } = await startTestRuntime({ dataFolder });
    await runtime.engine.sendEvent(jobId, "go", 7);
    expect(await ended(runtime, jobId)).toMatchObject({ state: "success", value: 7 });
    expect(linesOf(file)).toEqual(["begin 1", "begin 2"]);
  });

  it("a run that waits for an event runs again when the wait has timed out", async () => {
    const file = join(newFolder(), "lines");
    const { runtime } = await startTestRuntime();
    expect(await run(runtime, waits.s(file, 1))).toMatchObject({ state: "success", value: "event_timeout" });
    expect(linesOf(file)).toEqual(["begin 1", "begin 2"]);
  });
});
