import { describe, expect, it } from "vitest";
import {
  type CanvasBuilder,
  type CanvasSource,
  chord,
  defineTask,
  group,
  type Task,
} from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const BUDGET = 200;
const leaf = defineTask({ name: "leaf", run: () => null });
const callback = defineTask({ name: "callback", run: () => null });
const many = (count: number): CanvasSource[] => Array.from({ length: count }, () => leaf.s());
const spawns = defineTask({ name: "spawns", run: (ctx, count: number) => void ctx.spawn(many(count)) });
const calls = defineTask({
  name: "calls",
  run: (ctx, count: number) => void ctx.spawnWithCallback(many(count), callback.s()),
});
const streams = defineTask({
  name: "streams",
  run: async function* (_ctx, count: number) {
    for (let n = 0; n < count; n++) yield leaf.s();
  },
});
const forever: Task<[n: number], unknown> = defineTask({
  name: "forever",
  policy: "allSuccess",
  run: (ctx, n: number) => void ctx.spawn([forever.s(n + 1), forever.s(n + 1)]),
});
const tasks = [leaf, callback, spawns, calls, streams, forever];

interface Ended {
  readonly local: LocalEngine;
  readonly jobId: string;
  /** Members that were sent. */
  readonly sent: number;
}
async function ended({ canvas }: Pick<CanvasBuilder, "canvas">, runsPerJob = BUDGET): Promise<Ended> {
  let sent = 0;
  const local = new LocalEngine(
    tasks,
    { runsPerJob, headerCacheMs: 0 },
    {
      around: (ports) => ({
        ...ports,
        queue: {
          maxDelaySeconds: ports.queue.maxDelaySeconds,
          depth: (name) => ports.queue.depth(name),
          send: (messages) => {
            for (const { body } of messages) sent += (body as { members?: number[] }).members?.length ?? 0;
            return ports.queue.send(messages);
          },
        },
      }),
    },
  );
  const { jobId } = await local.engine.submit({ canvas });
  await local.untilQuiet();
  return { local, jobId, sent };
}

describe("the budget of a job", () => {
  it("NG-049 refuses children above it before one of them is sent, and names the numbers", async () => {
    const { local, jobId, sent } = await ended(spawns.s(BUDGET));
    const { state, error } = (await local.engine.job(jobId)) ?? {};
    expect(state).toBe("failure");
    expect(error).toMatchObject({ reason: "budget_exceeded", retryable: false });
    expect(error?.message).toContain(`at most ${BUDGET} runs: it has 1, and ${jobId}.0 asks for ${BUDGET} more`);
    expect(sent).toBe(1);
    await expect(local.engine.group(`${jobId}.0.g`)).rejects.toMatchObject({ code: "group_not_found" });
  });
  it("takes as many as it has room for", async () => {
    const { local, jobId } = await ended(spawns.s(BUDGET - 1));
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: BUDGET } });
  });
  it("counts the callback of children, and what the canvas had from the start", async () => {
    expect(await (await ended(calls.s(BUDGET - 1))).local.engine.jobs({})).toMatchObject({
      items: [{ state: "failure" }],
    });
    expect(await (await ended(calls.s(BUDGET - 2))).local.engine.jobs({})).toMatchObject({
      items: [{ state: "success" }],
    });
    const canvas = chord(group([spawns.s(150), ...many(50)]), callback.s());
    expect(await (await ended(canvas)).local.engine.jobs({})).toMatchObject({ items: [{ state: "failure" }] });
  });
  it("ends recursion that has no end of its own, and the queue sees no more runs than the budget", async () => {
    const { local, jobId, sent } = await ended(forever.s(0), 60);
    const { state, counts = {} } = (await local.engine.job(jobId)) ?? {};
    expect(state).toBe("failure");
    expect(counts["error"]).toBeGreaterThan(0);
    expect(sent).toBeLessThanOrEqual(2 * 60);
  });
  it("ends a stream of chunks of one item at the page that exceeds it", async () => {
    const { local, jobId, sent } = await ended(streams.s(100_000));
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "budget_exceeded" } });
    expect(sent).toBeLessThanOrEqual(2 * BUDGET);
  });
});
