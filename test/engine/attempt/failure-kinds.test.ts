import { describe, expect, it } from "vitest";
import type { Json } from "../../../functions/core/json.ts";
import type { RunView } from "../../../functions/engine/contract.ts";
import { asHeader, headerKey, type Run } from "../../../functions/engine/item-kinds.ts";
import { rootRow } from "../../../functions/engine/items/root-row.ts";
import { defineTask, group, TaskBroken, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine, type LocalOptions } from "../local-engine.ts";
import { onlyMessage, Outage, sends } from "../scripted-faults.ts";

const TRACKINGS = ["full", "lazy", "result", "ledger"] as const;
const unreachable = (): Error =>
  new TypeError("fetch failed", {
    cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
  });

/** Runs one task whose attempts throw what `thrown` returns, until it returns nothing. */
async function run(
  thrown: (attempt: number) => unknown,
  definition: { readonly retry?: { readonly maxAttempts: number } } = {},
  options: LocalOptions = {},
): Promise<{ local: LocalEngine; jobId: string; view: RunView; starts: readonly number[]; rows: readonly Row[] }> {
  const starts: number[] = [];
  const rows: Promise<Row>[] = [];
  const task = defineTask({
    name: "task",
    ...definition,
    run: (ctx): Json => {
      starts.push(local.clock.now());
      rows.push(rowOf(local, ctx.jobId));
      const error = thrown(ctx.attempt);
      // oxlint-disable-next-line typescript/only-throw-error -- people throw anything
      if (error !== undefined) throw error;
      return "done";
    },
  });
  const local = new LocalEngine([task], {}, options);
  const { jobId } = await local.engine.submit({ canvas: task.s().canvas });
  await local.untilQuiet();
  const view = (await local.engine.run(`${jobId}.0`)) as RunView;
  return { local, jobId, view, starts, rows: await Promise.all(rows) };
}
type Row = Run | undefined;
async function rowOf(local: LocalEngine, jobId: string): Promise<Row> {
  const root = asHeader(await local.store.get(headerKey(jobId)));
  return root && rootRow(root);
}

describe("a task that throws", () => {
  it("S028 S038 a broken task ends at once, with its message and its reason, of which 128 characters are kept", async () => {
    const { view, starts, local, jobId } = await run(() => new TaskBroken("cannot read", "x".repeat(5_000)), {
      retry: { maxAttempts: 5 },
    });
    expect(view).toMatchObject({ status: "broken", error: { message: "cannot read" } });
    expect([view.error?.reason?.length, starts.length]).toEqual([128, 1]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure" });
  });
  it("S029 D063 any other error ends the run as error, with what the author added to it", async () => {
    const { view } = await run(() => new TaskError("no space", { reason: "disk_full", details: { free: 0 } }));
    expect(view).toMatchObject({
      status: "error",
      error: { name: "TaskError", message: "no space", reason: "disk_full", details: { free: 0 } },
    });
    const plain = await run(() => "a text");
    expect(plain.view).toMatchObject({ status: "error", error: { message: "a text" } });
    expect(plain.starts.length).toBe(1);
  });
  it("D067 the view of a failed run has its causes, three deep, and says when it ended", async () => {
    const { view } = await run(() => new TaskError("copy", { cause: unreachable(), retryable: false }));
    expect(view.error?.cause).toEqual({
      name: "TypeError",
      message: "fetch failed",
      cause: { name: "Error", message: "connect ECONNREFUSED", reason: "ECONNREFUSED" },
    });
    expect(view.endedAt).toBeGreaterThan(0);
  });
  it("S086 S087 D065 a failed attempt raises the fail count, and a success clears it", async () => {
    const failed = await run(() => new Error("no"), { retry: { maxAttempts: 3 } });
    expect(await rowOf(failed.local, failed.jobId)).toMatchObject({ status: "error", failCount: 3 });
    expect(failed.starts).toHaveLength(3);
    const broken = await run((attempt) => (attempt === 1 ? new Error("no") : new TaskBroken("never")), {
      retry: { maxAttempts: 3 },
    });
    expect(await rowOf(broken.local, broken.jobId)).toMatchObject({ status: "broken", failCount: 2 });
    const healed = await run((attempt) => (attempt < 3 ? new Error("no") : undefined), { retry: { maxAttempts: 3 } });
    expect((await rowOf(healed.local, healed.jobId))?.failCount).toBeUndefined();
  });
});

describe("the end of an attempt", () => {
  it("S034 a run has a time of its end only once it has ended", async () => {
    const { rows } = await run((attempt) => (attempt < 3 ? new Error("no") : undefined), { retry: { maxAttempts: 3 } });
    expect(rows.map((row) => [row?.status, row?.endedAt])).toEqual(rows.map(() => ["started", undefined]));
  });
  it("S034 a run that is put off, for a retry or an event, has no time of its end", async () => {
    const retried = defineTask({
      name: "retried",
      retry: { maxAttempts: 2, initialDelaySeconds: 60 },
      run: (ctx) => {
        if (ctx.attempt === 1) throw new Error("no");
      },
    });
    const waits = defineTask({ name: "waits", run: (ctx) => ctx.waitForEvent("go") });
    const local = new LocalEngine([retried, waits]);
    const { jobId } = await local.engine.submit({ canvas: group([retried.s(), waits.s()]).canvas });
    while (await local.turn());
    const views = async () =>
      (await Promise.all([0, 1].map((k) => local.engine.run(`${jobId}.0.g.${k}`)))) as RunView[];
    expect((await views()).map(({ status, endedAt }) => [status, endedAt])).toEqual([
      ["retrying", undefined],
      ["deferred", undefined],
    ]);
    await local.engine.sendEvent(jobId, "go", null);
    await local.untilQuiet();
    expect((await views()).map(({ endedAt }) => typeof endedAt)).toEqual(["number", "number"]);
  });
  it.each<[string, unknown]>([
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a map", new Map([[1, 2]])],
    ["a number that JSON has not", Number.NaN],
  ])("S033 a task that returns %s fails, and says of which kind a value must be", async (_title, value) => {
    const task = defineTask({ name: "task", run: () => value as Json });
    const local = new LocalEngine([task]);
    const { jobId } = await local.engine.submit({ canvas: task.s().canvas });
    await local.untilQuiet();
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({
      status: "error",
      error: { reason: "invalid_json", message: expect.stringMatching(/json/i) as string },
    });
  });
  it("D029 a value that cannot be stored fails its run, and its group decides", async () => {
    const task = defineTask({ name: "task", run: (_ctx, n: number) => (n === 1 ? (10n as never) : n) });
    const local = new LocalEngine([task]);
    const { jobId } = await local.engine.submit({ canvas: group([task.s(1), task.s(2)]).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, error: 1 } });
  });
  it("D068 a retry whose message could not be sent is sent when the message before is delivered again", async () => {
    let attempts = 0;
    const task = defineTask({
      name: "task",
      retry: { maxAttempts: 2 },
      run: () => {
        if (++attempts === 1) throw new Error("no");
        return "done";
      },
    });
    const local = new LocalEngine([task]);
    const { jobId } = await local.engine.submit({ canvas: task.s().canvas });
    const message = await onlyMessage(local);
    const outage = new Outage(sends("members"));
    await expect(local.over(local, outage.around).handle(message, LocalEngine.loop)).rejects.toThrow(Outage.message);
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "retrying" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: "done" });
  });
});

describe("a task that cannot reach the other side", () => {
  it("S030 a task that cannot reach the other side is retried, with pauses up to five minutes, and succeeds", async () => {
    const { view, starts } = await run((attempt) => (attempt < 10 ? unreachable() : undefined));
    expect(view).toMatchObject({ status: "success", value: "done", attempt: 10 });
    const pauses = starts.slice(1).map((at, k) => (at - (starts[k] as number)) / 1_000);
    expect(pauses.every((pause, k) => pause >= 2 ** k / 2 && pause <= Math.min(300, 2 ** k) + 1)).toBe(true);
  });
  it("S088 attempts that could not reach the other side do not raise the fail count", async () => {
    const { local, jobId, rows } = await run((attempt) => (attempt < 3 ? unreachable() : new Error("no")), {
      retry: { maxAttempts: 2 },
    });
    expect(rows.map((row) => [row?.unreachable, row?.failCount])).toEqual([
      [undefined, undefined],
      [1, undefined],
      [2, undefined],
      [2, 1],
    ]);
    expect(await rowOf(local, jobId)).toMatchObject({ status: "error", failCount: 2 });
  });
  it("a task that never reaches the other side fails after ten attempts", async () => {
    const { view, starts } = await run(unreachable);
    expect([view.status, starts.length]).toEqual(["error", 10]);
    const policy = await run(unreachable, { retry: { maxAttempts: 3 } });
    expect(policy.starts.length).toBe(12);
  });
  it("an error that must not be retried is not, even when its cause is a connection", async () => {
    const { view, starts } = await run(() => new TaskError("closed", { retryable: false, cause: unreachable() }));
    expect([view.status, starts.length]).toEqual(["error", 1]);
  });
  it.each(TRACKINGS)("a member of a group that tracks %s is retried until the other side answers", async (tracking) => {
    const attempts = new Map<string, number>();
    const task = defineTask({
      name: "task",
      run: (ctx, n: number) => {
        const attempt = (attempts.get(ctx.runId) ?? 0) + 1;
        attempts.set(ctx.runId, attempt);
        if (n === 2 && attempt < 4) throw unreachable();
        return n;
      },
    });
    const local = new LocalEngine([task]);
    const { canvas } = group(
      [1, 2, 3].map((n) => task.s(n)),
      { tracking },
    );
    const { jobId } = await local.engine.submit({ canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    const values = [];
    for await (const { value } of local.engine.results(jobId)) values.push(value);
    expect(values).toEqual([1, 2, 3]);
    // A retry without a claim may run once more than it has to.
    expect(Math.max(...attempts.values())).toBeGreaterThanOrEqual(4);
  });
});
