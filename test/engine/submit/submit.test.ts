import { describe, expect, it } from "vitest";
import { chain, defineTask } from "../../../functions/sdk/index.ts";
import { add, noop, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const big = defineTask({ name: "big", run: (_ctx, characters: number) => "x".repeat(characters) });
const length = defineTask({ name: "length", run: (_ctx, text: string) => text.length });
const tasks = [add, noop, sum, big, length];

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
    await expect(local.engine.submit({ canvas: add.s(1, 3).canvas, idempotencyKey: "k" })).rejects.toMatchObject({ code: "idempotency_conflict" });
    await local.untilQuiet();
    expect(await local.engine.job(first.jobId)).toMatchObject({ state: "success", value: 3, counts: { success: 1 } });
  });
  it("an unknown task is refused before anything is stored", async () => {
    const local = new LocalEngine(tasks);
    const canvas = { kind: "task", task: "nobody", args: [], kwargs: {}, options: {}, immutable: false } as const;
    await expect(local.engine.submit({ canvas: { kind: "chain", items: [canvas] } })).rejects.toMatchObject({ code: "unknown_task" });
    expect(local.store.stats().writes).toBe(0);
  });
  it("values above 4 KB travel by reference, values above the limit fail the run with a code", async () => {
    const local = new LocalEngine(tasks);
    const fine = await local.engine.submit({ canvas: chain(big.s(100_000), length.s()).canvas });
    const tooBig = await local.engine.submit({ canvas: big.s(17 * 1024 * 1024).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(fine.jobId)).toMatchObject({ state: "success", value: 100_000 });
    expect(await local.engine.job(tooBig.jobId)).toMatchObject({ state: "failure", error: { reason: "payload_too_large" } });
  });
});

describe("open input", () => {
  it("takes pages in any order and twice, runs them before the seal, and hands all results on in order", async () => {
    const local = new LocalEngine(tasks, { width: 4 });
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    await local.engine.putInputPage(jobId, 1, [add.s(3, 3).canvas]);
    await local.engine.putInputPage(jobId, 0, [add.s(1, 1).canvas, add.s(2, 2).canvas]);
    await local.engine.putInputPage(jobId, 0, [add.s(1, 1).canvas, add.s(2, 2).canvas]);
    await local.untilQuiet();
    expect((await local.engine.runs(jobId, { status: "success" })).items.length).toBe(5);
    await expect(local.engine.putInputPage(jobId, 0, [add.s(9, 9).canvas])).rejects.toMatchObject({ code: "page_conflict" });
    await expect(local.engine.sealInput(jobId, 3)).rejects.toMatchObject({ code: "invalid_request" });
    await local.engine.sealInput(jobId, 2);
    await local.engine.sealInput(jobId, 2);
    await expect(local.engine.putInputPage(jobId, 2, [])).rejects.toMatchObject({ code: "input_sealed" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 12, counts: { success: 4 } });
  });
  it("an empty input runs the body with no results", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    await local.engine.sealInput(jobId, 0);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 0 });
  });
});
