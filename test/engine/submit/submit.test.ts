import { describe, expect, it } from "vitest";
import { chain, defineTask } from "../../../functions/sdk/index.ts";
import { add, noop } from "../../../functions/tasks/examples.ts";
import { PortError } from "../../../functions/engine/ports.ts";
import { LocalEngine } from "../local-engine.ts";
import { FullDisk } from "../scripted-faults.ts";

const big = defineTask({ name: "big", run: (_ctx, characters: number) => "x".repeat(characters) });
const length = defineTask({ name: "length", run: (_ctx, text: string) => text.length });
const tasks = [add, noop, big, length];

describe("submit", () => {
  it("the same Idempotency-Key gives the same job, with another body it is refused", async () => {
    const local = new LocalEngine(tasks);
    const canvas = add.s(1, 2).canvas;
    const first = await local.engine.submit({ canvas, idempotencyKey: "k" });
    const again = await local.engine.submit({ canvas, idempotencyKey: "k" });
    const other = await local.engine.submit({ canvas, idempotencyKey: "k", principal: "somebody" });
    expect(first.created).toBe(true);
    expect(again).toEqual({ jobId: first.jobId, created: false });
    expect(other.jobId).not.toBe(first.jobId);
    await expect(local.engine.submit({ canvas: add.s(1, 3).canvas, idempotencyKey: "k" })).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
    await local.untilQuiet();
    expect(await local.engine.job(first.jobId)).toMatchObject({ state: "success", value: 3, counts: { success: 1 } });
  });
  it("an unknown task is refused before anything is stored", async () => {
    const local = new LocalEngine(tasks);
    const canvas = { kind: "task", task: "nobody", args: [], kwargs: {}, options: {}, immutable: false } as const;
    await expect(local.engine.submit({ canvas: { kind: "chain", items: [canvas] } })).rejects.toMatchObject({
      code: "unknown_task",
    });
    expect(local.store.stats().writes).toBe(0);
  });
  it("a queue that does not exist is refused at the door, and from a task", async () => {
    const strays = defineTask({ name: "strays", run: (ctx) => void ctx.spawn([add.s(1, 2).set({ queue: "slow" })]) });
    const queues = ["local.default#worker", "local.fast#worker"];
    const local = new LocalEngine([add, strays], { queues });
    const on = (queue: string) => chain(add.s(1, 2), add.s(1).set({ queue })).canvas;
    await expect(local.engine.submit({ canvas: on("paris.fast") })).rejects.toMatchObject({
      code: "unknown_queue",
      details: { field: "/canvas/chain/1/options/queue", queue: "paris.fast#worker" },
    });
    expect(local.store.stats().writes).toBe(0);
    await local.engine.submit({ canvas: on("local.fast") });
    const { jobId } = await local.engine.submit({ canvas: strays.s().canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "unknown_queue" } });
  });
  it("values above 4 KB travel by reference, values above the limit fail the run with a code", async () => {
    const local = new LocalEngine(tasks);
    const fine = await local.engine.submit({ canvas: chain(big.s(100_000), length.s()).canvas });
    const tooBig = await local.engine.submit({ canvas: big.s(17 * 1024 * 1024).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(fine.jobId)).toMatchObject({ state: "success", value: 100_000 });
    expect(await local.engine.job(tooBig.jobId)).toMatchObject({
      state: "failure",
      error: { reason: "payload_too_large" },
    });
  });
});

/** Calls on a disk that fills before the call's first write, before its second, and so on. */
async function onFullDisk(
  call: (local: LocalEngine) => Promise<{ readonly jobId: string }>,
  then: (local: LocalEngine) => Promise<unknown> = async () => undefined,
): Promise<(string | undefined)[]> {
  const states: (string | undefined)[] = [];
  for (let writes = 0; ; writes++) {
    const disk = new FullDisk();
    const local = new LocalEngine(tasks, {}, { around: disk.around });
    disk.fill(Number.POSITIVE_INFINITY, writes);
    const answer = await call(local).catch((error: unknown) => error as PortError);
    if (!disk.hasRefused) return states;
    disk.fill(0);
    if ("jobId" in answer) await then(local);
    await local.engine.sweep({ all: true });
    await local.untilQuiet(2);
    const state = (await local.engine.job(JOB_ID))?.state;
    expect([answer instanceof PortError, state === undefined]).toEqual(Array(2).fill(state === undefined));
    states.push(state);
  }
}
const JOB_ID = "01JD2Y8ZK5W0E3T7Q9M4R6X8AB";

describe("a submission on a disk that fills", () => {
  it("a refused submission has left no job, and an accepted one runs", async () => {
    const states = await onFullDisk((local) => local.engine.submit({ canvas: add.s(1, 2).canvas, jobId: JOB_ID }));
    expect(states.slice(0, 2)).toEqual([undefined, undefined]);
    expect(states.slice(2)).toEqual(["success"]);
  });
  it("a job with input that was accepted takes its pages", async () => {
    const states = await onFullDisk(
      (local) => local.engine.openJob({ jobId: JOB_ID }),
      async ({ engine }) => {
        await engine.putInputPage(JOB_ID, 0, [add.s(1, 2).canvas]);
        await engine.sealInput(JOB_ID, 1);
      },
    );
    expect(states.length).toBeGreaterThan(4);
    expect(new Set(states.slice(3))).toEqual(new Set(["success"]));
  });
});
