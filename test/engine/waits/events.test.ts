import { describe, expect, it } from "vitest";
import { eventItemKey } from "../../../functions/engine/item-kinds.ts";
import {
  type AnyTask,
  type CanvasBuilder,
  defineTask,
  FanfoldError,
  group,
  type TaskContext,
} from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** Tests of `ctx.waitForEvent`, in tasks that wait in the middle of their code. */
let starts = 0;
function taskOf(run: (ctx: TaskContext) => unknown) {
  starts = 0;
  return defineTask({
    name: "waits",
    run: (ctx: TaskContext, ..._values: unknown[]) => {
      starts++;
      return run(ctx);
    },
  });
}
async function started(canvas: CanvasBuilder, ...tasks: readonly AnyTask[]) {
  const local = new LocalEngine([...tasks, same]);
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet(1);
  return { local, jobId };
}
const same = defineTask({ name: "same", run: (_ctx, ...values: unknown[]) => values });
async function startedTask(run: (ctx: TaskContext) => unknown) {
  const task = taskOf(run);
  return started(task.s(), task);
}
async function sent(local: LocalEngine, jobId: string, name: string, value: unknown = name) {
  const answer = await local.engine.sendEvent(jobId, name, value as never);
  await local.untilQuiet(1);
  return answer;
}
/** Lets time pass, and sweeps. */
async function pass(local: LocalEngine, seconds: number): Promise<void> {
  local.clock.set(local.clock.now() + seconds * 1_000);
  await local.engine.sweep();
  await local.untilQuiet(1);
}

describe("a task that waits for an event", () => {
  it("a task that waits for an event holds no worker, says what it waits for, and runs again from its start", async () => {
    const { local, jobId } = await startedTask(async (ctx) => ({ paid: await ctx.waitForEvent("paid") }));
    const run = await local.engine.run(`${jobId}.0`);
    expect(run).toMatchObject({ status: "deferred", attempt: 1, unmet: [{ of: "event", name: "paid" }] });
    expect((await local.engine.runs(jobId, { status: "deferred" })).items).toMatchObject([
      { unmet: [{ name: "paid" }] },
    ]);
    expect((await local.engine.graph(jobId)).nodes[0]).toMatchObject({
      label: "waits waits for paid",
      status: "deferred",
    });
    expect(await local.queue.nextVisibleAt(local.queues)).toBeUndefined();
    expect(await sent(local, jobId, "paid", { amount: 7 })).toBe(true);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: { paid: { amount: 7 } },
      counts: { success: 1 },
      countsExact: true,
    });
    expect(starts).toBe(2);
    const after = await local.engine.run(`${jobId}.0`);
    expect(after).toMatchObject({ status: "success", attempt: 2 });
    expect(after).not.toHaveProperty("unmet");
  });
  it("a task does not stop for an event that came before, and takes large values", async () => {
    const value = "x".repeat(20_000);
    const task = taskOf((ctx) => ctx.waitForEvent("paid"));
    const local = new LocalEngine([task]);
    const { jobId } = await local.engine.submit({ canvas: task.s().canvas });
    await sent(local, jobId, "paid", value);
    await local.untilQuiet(1);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value });
    expect(starts).toBe(1);
  });
  it("a task waits for one event after the other, and for several at once", async () => {
    const { local, jobId } = await startedTask(async (ctx) => {
      const first = await ctx.waitForEvent("first");
      const both = await Promise.all([ctx.waitForEvent("a"), ctx.waitForEvent("b")]);
      return [first, ...both];
    });
    await sent(local, jobId, "b");
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ unmet: [{ name: "first" }] });
    await sent(local, jobId, "first");
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ unmet: [{ name: "a" }] });
    await sent(local, jobId, "a");
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: ["first", "a", "b"] });
    const two = await startedTask((ctx) => Promise.all([ctx.waitForEvent("a"), ctx.waitForEvent("b")]));
    expect(await two.local.engine.run(`${two.jobId}.0`)).toMatchObject({ unmet: [{ name: "a" }, { name: "b" }] });
    await sent(two.local, two.jobId, "b");
    expect(starts).toBe(1);
    await sent(two.local, two.jobId, "a");
    expect(starts).toBe(2);
    expect(await two.local.engine.job(two.jobId)).toMatchObject({ value: ["a", "b"] });
  });
  it("a wait is not mistaken for a success when the task catches everything, nor for a failed attempt", async () => {
    const { local, jobId } = await startedTask(async (ctx) => {
      ctx.count("tries");
      ctx.spawn([same.s(ctx.attempt)]);
      try {
        return await ctx.waitForEvent("paid");
      } catch {
        return "went on";
      }
    });
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "deferred" });
    await sent(local, jobId, "paid");
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: "paid",
      counts: { success: 2, u_tries: 1 },
    });
    const other = await startedTask(async (ctx) => {
      void ctx.waitForEvent("late");
      if (ctx.attempt === 1) throw new Error("echo");
      return "done";
    });
    expect(await other.local.engine.run(`${other.jobId}.0`)).toMatchObject({ status: "deferred" });
    await sent(other.local, other.jobId, "late");
    expect(await other.local.engine.job(other.jobId)).toMatchObject({ state: "success", value: "done" });
  });
  it("an event wakes all that wait for it, members of groups and steps of chains", async () => {
    const task = taskOf((ctx) => ctx.waitForEvent("go"));
    const { local, jobId } = await started(
      group([...Array.from({ length: 40 }, () => task.si()), same.s(1).pipe(task.si())]).pipe(same.s()),
      task,
    );
    await sent(local, jobId, "go", 3);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: [Array.from({ length: 41 }, () => 3)],
      counts: { success: 43 },
    });
    expect(starts).toBe(82);
  });
});

describe("a timeout", () => {
  const patient = async (ctx: TaskContext) => {
    try {
      return await ctx.waitForEvent("paid", { timeoutSeconds: 3_600 });
    } catch (error) {
      return error instanceof FanfoldError ? error.code : "other";
    }
  };
  it("the timeout of a wait counts from the first look, and can be caught", async () => {
    const { local, jobId } = await startedTask(patient);
    const { unmet } = (await local.engine.run(`${jobId}.0`)) ?? {};
    expect(unmet?.[0]?.expiresAt).toBeGreaterThan(local.clock.now());
    await pass(local, 1_800);
    expect((await local.engine.run(`${jobId}.0`))?.unmet).toEqual(unmet);
    await pass(local, 1_900);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: "event_timeout" });
    expect(starts).toBe(2);
  });
  it("a timeout that is not caught ends the run, however often it may be tried", async () => {
    const task = defineTask({
      name: "waits",
      retry: { maxAttempts: 5 },
      run: (ctx: TaskContext) => ctx.waitForEvent("paid", { timeoutSeconds: 60 }),
    });
    const { local, jobId } = await started(task.s(), task);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "failure",
      error: { reason: "event_timeout" },
      counts: { error: 1 },
    });
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ attempt: 2 });
  });
  it("a timeout is forgotten when the event comes in time; an event that comes late changes nothing", async () => {
    const early = await startedTask(patient);
    await pass(early.local, 3_000);
    await sent(early.local, early.jobId, "paid");
    expect(await early.local.engine.job(early.jobId)).toMatchObject({ state: "success", value: "paid" });
    const late = await startedTask(async (ctx) => [await patient(ctx), await ctx.waitForEvent("more")]);
    await pass(late.local, 4_000);
    await late.local.untilQuiet();
    await sent(late.local, late.jobId, "paid");
    await sent(late.local, late.jobId, "more");
    expect(await late.local.engine.job(late.jobId)).toMatchObject({
      state: "success",
      value: ["event_timeout", "more"],
    });
  });
  it("an event to a job that has ended is not sent", async () => {
    const work = defineTask({ name: "work", run: () => 1 });
    const local = new LocalEngine([work]);
    const cancelled = await local.engine.submit({ canvas: work.s().set({ countdown: 60 }).canvas });
    await local.engine.cancel(cancelled.jobId);
    expect(await local.engine.sendEvent(cancelled.jobId, "paid", 7)).toBe(false);
    const { jobId } = await local.engine.submit({ canvas: work.s().canvas });
    await local.untilQuiet();
    expect(await local.engine.sendEvent(jobId, "paid", 7)).toBe(false);
  });

  it("a timeout of 0 seconds only looks", async () => {
    const { local, jobId } = await startedTask((ctx) =>
      ctx.waitForEvent("paid", { timeoutSeconds: 0 }).catch(() => "not yet"),
    );
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: "not yet" });
    expect(starts).toBe(1);
  });
});

describe("a deferred run", () => {
  const waiting = () => startedTask((ctx) => ctx.waitForEvent("never"));
  /** Puts the event as a sender does that dies before it wakes a run. */
  const putEvent = (local: LocalEngine, jobId: string) =>
    local.store.write({ op: "put", key: eventItemKey(jobId, "never"), attributes: { sentBy: "x", at: 1, value: 5 } });
  it("a deferred run ends with its job, when it is revoked, and at the job's deadline", async () => {
    const cancelled = await waiting();
    await cancelled.local.engine.cancel(cancelled.jobId);
    await pass(cancelled.local, 100);
    expect(await cancelled.local.engine.job(cancelled.jobId)).toMatchObject({ state: "cancelled" });
    const run = await cancelled.local.engine.run(`${cancelled.jobId}.0`);
    expect(run).toMatchObject({ status: "cancelled" });
    expect(run).not.toHaveProperty("unmet");
    await sent(cancelled.local, cancelled.jobId, "never");
    expect(starts).toBe(1);
    const revoked = await waiting();
    expect(await revoked.local.engine.revoke(`${revoked.jobId}.0`)).toBe(true);
    await revoked.local.untilQuiet(1);
    expect(await revoked.local.engine.job(revoked.jobId)).toMatchObject({
      state: "failure",
      error: { reason: "revoked" },
      counts: { cancelled: 1 },
    });
    const overdue = await waiting();
    await pass(overdue.local, 31 * 86_400);
    expect(await overdue.local.engine.job(overdue.jobId)).toMatchObject({ state: "timed-out" });
  });
  it("a deferred run is woken by the sweeper when the sender of its event could not", async () => {
    const { local, jobId } = await waiting();
    await putEvent(local, jobId);
    await pass(local, 60);
    expect(starts).toBe(1);
    await pass(local, 600);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 5 });
  });
  it("a deferred run looks again when its message comes again, or was given up", async () => {
    const message = (jobId: string) => ({
      queue: "local.default#worker",
      body: { v: 1, kind: "members", gid: jobId, step: 0, members: [0] },
      receives: 2,
    });
    for (const handle of ["handle", "handleDeadLetter"] as const) {
      const { local, jobId } = await waiting();
      expect(await local.engine[handle](message(jobId), LocalEngine.loop)).toEqual({ kind: "done" });
      expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "deferred" });
      await putEvent(local, jobId);
      expect(await local.engine[handle](message(jobId), LocalEngine.loop)).toEqual({ kind: "done" });
      await local.untilQuiet(1);
      expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 5 });
    }
    const task = taskOf((ctx) => ctx.waitForEvent("never", { timeoutSeconds: 60 }));
    const local = new LocalEngine([task]);
    const { jobId } = await local.engine.submit({ canvas: task.s().canvas });
    for (let turn = 0; turn < 5; turn++) await local.turn();
    // The worker that deferred the run may have died before it sent the message for the timeout.
    expect(await local.engine.handle(message(jobId), LocalEngine.loop)).toEqual({ kind: "later", delaySeconds: 60 });
  });
  it("what a deferred run has yielded runs on", async () => {
    const task = defineTask({
      name: "streams",
      run: async function* (ctx: TaskContext) {
        yield same.s("before");
        yield same.s(await ctx.waitForEvent("go"));
      },
    });
    const { local, jobId } = await started(task.s(), task);
    await local.untilQuiet(5);
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "deferred" });
    expect(await local.engine.run(`${jobId}.0.g.0.g.0`)).toMatchObject({ status: "success", value: ["before"] });
    await sent(local, jobId, "go");
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 3 } });
    const values = [];
    for await (const { value } of local.engine.results(jobId)) values.push(value);
    expect(values).toEqual([["before"], ["go"]]);
  });
  it("a deferred run that streams goes on when what it has yielded has failed its group", async () => {
    const fails = defineTask({ name: "same", run: (_ctx, ..._values: unknown[]) => Promise.reject(new Error("no")) });
    const task = defineTask({
      name: "streams",
      policy: "failFast",
      run: async function* (ctx: TaskContext) {
        yield fails.s();
        yield fails.s(await ctx.waitForEvent("never"));
      },
    });
    const local = new LocalEngine([task, fails]);
    const { jobId } = await local.engine.submit({ canvas: task.s().canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { message: "no" } });
  });
  it("a wait refuses what is no name, and a run waits for no more at once than its row holds", async () => {
    const wrong = await startedTask((ctx) => ctx.waitForEvent("a name"));
    expect(await wrong.local.engine.job(wrong.jobId)).toMatchObject({
      state: "failure",
      error: { reason: "invalid_request" },
    });
    const many = await startedTask((ctx) =>
      Promise.all(Array.from({ length: 51 }, (_, k) => ctx.waitForEvent(`e${k}`))),
    );
    expect((await many.local.engine.run(`${many.jobId}.0`))?.unmet).toHaveLength(50);
    for (let k = 0; k < 51; k++) await sent(many.local, many.jobId, `e${k}`);
    expect(await many.local.engine.job(many.jobId)).toMatchObject({ state: "success" });
  });
});
