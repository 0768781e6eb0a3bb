import { describe, expect, it } from "vitest";
import { group } from "../../functions/sdk/index.ts";
import { echo } from "./fixtures/tasks.ts";
import { newFolder, startTestRuntime, submit } from "./harness.ts";
import { until } from "./until.ts";

const many = (n: number) => group(Array.from({ length: n }, (_, i) => echo.s(i)));

describe("statistics on one machine", () => {
  it.each([0, 1])("S140 survive a stop, and a restart goes on with them: %i workers", async (workers) => {
    const dataFolder = newFolder();
    const first = await startTestRuntime({ dataFolder, workers });
    const jobId = await submit(first.runtime, many(40));
    await until("it ends", async () => (await first.runtime.engine.job(jobId))?.state === "success", 30_000);
    await first.runtime.stop();
    const { runtime } = await startTestRuntime({ dataFolder, workers: 0 });
    const { items } = await runtime.engine.statistics({ task: "test.echo" });
    expect(items[0]?.life).toMatchObject({ counts: { success: 40 }, successRate: 1 });
    expect((await runtime.engine.sites())[0]).toMatchObject({ site: "local", process: true });
  });
  it("are flushed while the runtime goes on", { timeout: 60_000 }, async () => {
    const { runtime } = await startTestRuntime({ workers: 1 });
    await submit(runtime, many(10));
    const counted = async (): Promise<number> => {
      const { items } = await runtime.engine.statistics({ task: "test.echo" });
      return items[0]?.life.counts.success ?? 0;
    };
    await until("a worker flushes", async () => (await counted()) === 10, 30_000);
    expect(await counted()).toBe(10);
  });
});
