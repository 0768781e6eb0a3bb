import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { linesOf, newFolder, startTestRuntime } from "./harness.ts";
import { until } from "./until.ts";

const QUEUE = "local.default#worker";
const CAP = 3;

describe("a cap on one machine", () => {
  it("S021 keeps a queue short while a group waits for it, over a restart", { timeout: 120_000 }, async () => {
    const dataFolder = newFolder();
    const file = join(newFolder(), "notes");
    const noted = (milliseconds: number) => ({
      kind: "task" as const,
      task: "test.noted-slowly",
      args: [file, milliseconds],
      kwargs: {},
      options: {},
      immutable: false,
    });
    const config = { dataFolder, workers: 0, engine: { caps: { [QUEUE]: CAP } } };
    const first = await startTestRuntime(config);
    const members = Array.from({ length: 30 }, () => noted(200));
    const { jobId } = await first.runtime.engine.submit({ canvas: { kind: "group", members, options: {} } });
    const begun = () => linesOf(file).filter((line) => line.startsWith("begin")).length;
    await until("some have begun", async () => begun() >= CAP, 20_000);
    for (let k = 0; k < 20; k++) {
      const queue = (await first.runtime.engine.queues([QUEUE])).find(({ name }) => name === QUEUE);
      expect((queue?.depth?.ready ?? 0) + (queue?.depth?.inFlight ?? 0)).toBeLessThanOrEqual(CAP);
      expect(queue).toMatchObject({ cap: CAP });
    }
    expect((await first.runtime.engine.job(jobId))?.pending).toBeGreaterThan(0);
    await first.runtime.stop({ graceSeconds: 0 });
    const { runtime } = await startTestRuntime(config);
    await until("it ends", async () => (await runtime.engine.job(jobId))?.state === "success", 60_000);
    expect(await runtime.engine.job(jobId)).toMatchObject({ counts: { success: 30 } });
    expect((await runtime.engine.queues([QUEUE])).find(({ name }) => name === QUEUE)).toMatchObject({ backlog: 0 });
  });
});
