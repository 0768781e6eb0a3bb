import { describe, expect, it } from "vitest";
import type { ResultEntry } from "../../../functions/core/task/invocation.ts";
import { chain, chord, defineTask, type FailedMember, group, isFailedMember } from "../../../functions/sdk/index.ts";
import { add, fail, noop, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const failFirst = defineTask({
  name: "fail-first",
  retry: { maxAttempts: 3, initialDelaySeconds: 2, jitter: 0 },
  run: (ctx, times: number) => {
    if (ctx.attempt <= times) throw new Error(`attempt ${ctx.attempt} fails`);
    return ctx.attempt;
  },
});
const entries = defineTask({
  name: "entries",
  streamsResults: true,
  run: async (ctx, _group: unknown) => {
    const statuses: string[] = [];
    for await (const entry of ctx.results()) statuses.push(entry.status);
    return statuses;
  },
});
const failures = defineTask({
  name: "failures",
  run: (_ctx, xs: readonly (number | FailedMember)[]) => {
    const failed = xs.filter(isFailedMember);
    return { failed, sum: xs.reduce<number>((total, x) => (isFailedMember(x) ? total : total + x), 0) };
  },
});
const tasks = [add, fail, noop, sum, failFirst, entries, failures];
const members = (failing: number, all: number) =>
  Array.from({ length: all }, (_, i) => (i < failing ? fail.s() : add.s(i, 1)));

async function outcome(canvas: Parameters<LocalEngine["engine"]["submit"]>[0]["canvas"], config = {}) {
  const local = new LocalEngine(tasks, config);
  const { jobId } = await local.engine.submit({ canvas });
  await local.untilQuiet();
  const results: ResultEntry[] = [];
  for await (const entry of local.engine.results(jobId)) results.push(entry);
  return { job: await local.engine.job(jobId), results, local, jobId };
}

describe("failure policies", () => {
  it("allSuccess waits for all members and then fails", async () => {
    const { job } = await outcome(chord(group(members(1, 5)), sum.s()).canvas);
    expect(job).toMatchObject({
      state: "failure",
      outcome: "failed",
      countsExact: true,
      counts: { success: 4, error: 1 },
    });
  });
  it("settled completes; failures are entries of the result; the job says that something failed", async () => {
    const { job } = await outcome(chord(group(members(2, 5), { policy: "settled" }), entries.s()).canvas);
    expect(job).toMatchObject({
      state: "failure",
      outcome: "complete",
      value: ["error", "error", "success", "success", "success"],
      counts: { success: 4, error: 2 },
    });
  });
  it.each(["settled", { threshold: 2 }, { percent: 40 }] as const)(
    "with the policy %j a body finds failed members in their places, by isFailedMember",
    async (policy) => {
      const { job, jobId } = await outcome(chord(group(members(2, 5), { policy }), failures.s()).canvas);
      const failed = (index: number) => ({
        $error: { runId: `${jobId}.0.g.${index}`, name: "TaskError", message: expect.any(String), status: "error" },
      });
      expect(job?.value).toMatchObject({ failed: [failed(0), failed(1)], sum: 3 + 4 + 5 });
    },
  );
  it("failFast decides at the first failure and its counts are a snapshot", async () => {
    const { job } = await outcome(chord(group(members(1, 40), { policy: "failFast" }), sum.s()).canvas, { width: 4 });
    expect(job).toMatchObject({ state: "failure", outcome: "failed" });
  });
  it("threshold tolerates so many failures and no more", async () => {
    const tolerated = await outcome(chord(group(members(2, 5), { policy: { threshold: 2 } }), entries.s()).canvas);
    expect(tolerated.job).toMatchObject({ outcome: "complete", state: "failure" });
    const exceeded = await outcome(chord(group(members(3, 5), { policy: { threshold: 2 } }), entries.s()).canvas);
    expect(exceeded.job).toMatchObject({ outcome: "failed", state: "failure" });
  });
  it("the counts of a job are a snapshot when a group that fails fast in it decided early, also inside a settled group", async () => {
    const early = group([fail.s(), ...Array.from({ length: 8 }, () => noop.s())], { policy: "failFast" });
    const { job } = await outcome(group([early, early], { policy: "settled" }).canvas);
    expect(job).toMatchObject({ state: "failure", countsExact: false });
  });
});

describe("runs in time", () => {
  it("a run is retried with backoff and then goes on; failed attempts are not failures", async () => {
    const { job, local, jobId } = await outcome(chain(failFirst.s(2), add.s(1)).canvas);
    expect(job).toMatchObject({ state: "success", value: 4, counts: { success: 2 } });
    const { items } = await local.engine.runs(jobId, {});
    expect(items[0]).toMatchObject({ attempt: 3, status: "success" });
  });
  it("a failure after the last attempt is the run's error", async () => {
    const { job, local, jobId } = await outcome(failFirst.s(9).canvas);
    expect(job).toMatchObject({ state: "failure", error: { message: "attempt 3 fails", runId: `${jobId}.0` } });
    expect((await local.engine.events(jobId, {})).items.map((event) => event.kind)).toEqual([
      "state",
      "failure",
      "state",
    ]);
  });
  it("a countdown delays the start, of a first step and of a later one, also beyond what a queue can delay", async () => {
    const local = new LocalEngine(tasks);
    const start = local.clock.now();
    const { jobId } = await local.engine.submit({
      canvas: chain(add.s(1, 1).set({ countdown: 60 }), add.s(1).set({ countdown: 3_600 })).canvas,
    });
    await local.untilQuiet();
    expect((await local.engine.run(`${jobId}.0`))?.startedAt).toBeGreaterThanOrEqual(start + 60_000);
    // The second step waits in the due index, so only the sweeper can bring it back.
    local.clock.advance(3_000_000);
    await local.engine.sweep();
    await local.untilQuiet(7_200);
    const { startedAt } = (await local.engine.run(`${jobId}.0~1`)) ?? {};
    expect(startedAt).toBeGreaterThanOrEqual(start + 3_660_000);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 3 });
  });
  it("a run that is not started before it expires is cancelled with reason expired", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: add.s(1, 1).set({ expires: 5 }).canvas });
    local.clock.advance(6_000);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "failure",
      error: { reason: "expired" },
      counts: { cancelled: 1, u_expired: 1 },
    });
  });
  it("a job past its deadline is timed out by the sweeper", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({
      canvas: add.s(1, 1).set({ countdown: 600 }).canvas,
      timeoutSeconds: 100,
    });
    await local.turn();
    local.clock.advance(101_000);
    await local.engine.sweep();
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "timed-out", outcome: "timeout" });
  });
});

describe("cancel", () => {
  it("a cancel ends a job once; what has not run reads as cancelled, and a second cancel says that the job had ended", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: chord(group(members(0, 30)), sum.s()).canvas });
    await local.turn();
    await local.turn();
    expect(await local.engine.cancel(jobId)).toBe(true);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "cancelled", outcome: "cancelled" });
    expect(await local.engine.cancel(jobId)).toBe(false);
    expect((await local.engine.jobs({ state: "cancelled" })).items.map((job) => job.jobId)).toEqual([jobId]);
  });
  it("a cancel of a job that does not exist is refused", async () => {
    await expect(new LocalEngine(tasks).engine.cancel("nope")).rejects.toMatchObject({ code: "job_not_found" });
  });
});
