import { describe, expect, it } from "vitest";
import { chain, defineTask } from "../../../functions/sdk/index.ts";
import { add, noop } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

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
      details: { field: "/chain/1/options/queue", queue: "paris.fast#worker" },
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
