import { describe, expect, it } from "vitest";
import { newFolder, startTestRuntime } from "./harness.ts";
import { until } from "./until.ts";

const noop = { kind: "task" as const, task: "test.echo", args: [1], kwargs: {}, options: {}, immutable: false };

describe("pauses on one machine", () => {
  it("S020 a site that the configuration parks starts nothing, and loses nothing over a restart", async () => {
    const dataFolder = newFolder();
    const config = (parkedSites: readonly string[]) => ({ dataFolder, workers: 0, engine: { parkedSites } });
    const first = await startTestRuntime(config(["local"]));
    const { jobId } = await first.runtime.engine.submit({ canvas: noop });
    const waiting = async (): Promise<number> => {
      const { queues } = await first.runtime.stats();
      return Object.values(queues).reduce((sum, { ready, inFlight }) => sum + ready + inFlight, 0);
    };
    await until("its message is parked", async () => (await waiting()) === 0, 20_000);
    expect((await first.runtime.engine.job(jobId))?.state).toBe("pending");
    await first.runtime.stop({ graceSeconds: 0 });
    const { runtime } = await startTestRuntime(config([]));
    await until("it ends", async () => (await runtime.engine.job(jobId))?.state === "success", 20_000);
  });
});
