import { describe, expect, it } from "vitest";
import { newFolder, startTestRuntime } from "./harness.ts";
import { until } from "./until.ts";

const echo = (label: number, priority?: number) => ({
  kind: "task" as const,
  task: "test.echo",
  args: [label],
  kwargs: {},
  options: priority === undefined ? {} : { priority },
  immutable: false,
});

describe("a cap on one machine", () => {
  it("S021 keeps a queue short while a group waits for it, over a restart, and all of it runs", async () => {
    const dataFolder = newFolder();
    const queue = "local.default#worker";
    const config = { dataFolder, engine: { caps: { [queue]: 5 } } };
    const first = await startTestRuntime({ ...config, workers: 0 });
    const members = Array.from({ length: 50 }, (_, k) => echo(k));
    const canvas = { kind: "group" as const, members, options: {} };
    const { jobId } = await first.runtime.engine.submit({ canvas });
    const viewed = async () => (await first.runtime.engine.queues([queue])).find(({ name }) => name === queue);
    await until("five are admitted", async () => (await viewed())?.depth?.ready === 5, 20_000);
    await until("the others are left", async () => (await viewed())?.backlog === 45, 20_000);
    expect(await viewed()).toMatchObject({ cap: 5 });
    expect(await first.runtime.engine.job(jobId)).toMatchObject({ pending: 45 });
    const urgent = await first.runtime.engine.submit({ canvas: echo(99, 9) });
    await until("the urgent one is admitted", async () => (await viewed())?.depth?.ready === 6, 20_000);
    await first.runtime.stop({ graceSeconds: 0 });
    const { runtime } = await startTestRuntime({ ...config, workers: 1 });
    for (const id of [urgent.jobId, jobId])
      await until("it ends", async () => (await runtime.engine.job(id))?.state === "success", 60_000);
    expect(await runtime.engine.job(jobId)).toMatchObject({ counts: { success: 50 } });
  });
});
