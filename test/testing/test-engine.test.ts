import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  approval,
  chain,
  chord,
  defineTask,
  defineWorkflow,
  group,
  repeat,
  TaskError,
} from "../../functions/sdk/index.ts";
import { expectCallbackOnce, type Faults, runTask, TestEngine } from "../../functions/testing/index.ts";

const square = defineTask({
  name: "square",
  run: (ctx, x: number) => {
    ctx.count("squares");
    ctx.log.info("squared", { x });
    return x * x;
  },
});
const total = defineTask({ name: "total", run: (_ctx, xs: number[]) => xs.reduce((sum, x) => sum + x, 0) });
const flaky = defineTask({
  name: "flaky",
  retry: { maxAttempts: 5, initialDelaySeconds: 600, maxDelaySeconds: 86_400 },
  run: ({ attempt }) => {
    if (attempt < 4) throw new Error("not yet");
    return attempt;
  },
});
const refuse = defineTask({
  name: "refuse",
  run: () => {
    throw new TaskError("no such customer", { reason: "unknown_customer", retryable: false });
  },
});
const paid = defineTask({
  name: "paid",
  run: async (ctx) => (await ctx.waitForEvent<{ amount: number }>("paid", { timeoutSeconds: 86_400 })).amount,
});
const slow = defineTask({
  name: "slow",
  run: async () => {
    await pause(30);
    return "slept";
  },
});
const hangs = defineTask({ name: "hangs", timeout: 60, run: ({ signal }) => untilAborted(signal) });
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
const squares = defineWorkflow({
  name: "squares",
  parameters: z.object({ n: z.int() }),
  canvas: ({ n }) => chord(group(Array.from({ length: n }, (_, i) => square.s(i))), total.s()),
});
const tasks = { square, total, flaky, refuse, paid, slow, hangs, squares };
const DAY = 86_400_000;

describe("a test engine", () => {
  it("runs a task, a canvas and a workflow, and returns their values", async () => {
    const engine = new TestEngine({ tasks });
    const nine: number = await engine.run(square.s(3));
    expect([
      nine,
      await engine.run(group([square.s(2), square.s(3)])),
      await engine.run(squares, { n: 4 }),
      await engine.run("squares", { n: 3 }),
    ]).toEqual([9, [4, 9], 14, 5]);
  });
  it("shows what every attempt was given and did", async () => {
    const engine = new TestEngine({ tasks });
    await engine.run(square.s(3));
    expect(engine.attemptsOf(square)).toMatchObject([
      {
        args: [3],
        attempt: 1,
        outcome: "success",
        value: 9,
        counts: { squares: 1 },
        logs: [{ level: "info", message: "squared", fields: { x: 3 } }],
      },
    ]);
  });
  it("jumps over the delays of retries", async () => {
    const engine = new TestEngine({ tasks });
    const began = engine.now;
    expect(await engine.run(flaky.s())).toBe(4);
    expect(engine.now - began).toBeGreaterThan(600_000);
  });
  it("jumps to the deadline of code that waits for it", async () => {
    const engine = new TestEngine({ tasks });
    await expect(engine.run(hangs.s())).rejects.toMatchObject({ name: "FanfoldError", reason: "task_timeout" });
  });
  it("waits for code that takes real time", async () =>
    expect(await new TestEngine({ tasks }).run(slow.s())).toBe("slept"));
  it("throws the error of the task that ended the job", () =>
    expect(new TestEngine({ tasks }).run(refuse.s())).rejects.toMatchObject({
      name: "TaskError",
      reason: "unknown_customer",
    }));
  it("leaves a job that waits for an event, and goes on with it", async () => {
    const engine = new TestEngine({ tasks });
    const jobId = await engine.submit(paid.s());
    await engine.advance(3_600);
    expect(await engine.job(jobId)).toMatchObject({ state: "started" });
    await engine.sendEvent(jobId, "paid", { amount: 7 });
    expect(await engine.settle(jobId)).toMatchObject({ state: "success", value: 7 });
  });
  it("jumps to the end of a wait for an event that is never sent", async () => {
    const engine = new TestEngine({ tasks });
    const began = engine.now;
    await expect(engine.run(paid.s())).rejects.toMatchObject({ reason: "event_timeout" });
    expect(engine.now - began).toBeGreaterThanOrEqual(DAY);
  });
  it("answers an approval", async () => {
    const engine = new TestEngine({ tasks });
    const jobId = await engine.submit(chain(square.s(2), approval("release"), square.si(3)));
    await engine.approve(jobId, "release");
    expect(await engine.settle(jobId)).toMatchObject({ state: "success", value: 9 });
  });
  it("serves a queue that only a canvas names", async () =>
    expect(await new TestEngine({ tasks }).run(square.s(3).set({ queue: "rare" }))).toBe(9));
  it("ends a loop that has no end", () =>
    expect(
      new TestEngine({ tasks, maxRuns: 50 }).run(
        chain(square.s(1), repeat(square.s(), { until: { is: "eq", value: -1 }, most: 1_000 })),
      ),
    ).rejects.toMatchObject({ code: "invalid_request", details: { field: "maxRuns" } }));
});

describe("a test engine with faults", () => {
  const runs = async (faults: Faults): Promise<{ readonly engine: TestEngine; readonly value: unknown }> => {
    const engine = new TestEngine({ tasks, faults });
    const value = await engine.run(squares, { n: 30 });
    expectCallbackOnce(engine, total);
    return { engine, value };
  };
  it.each([1, 2, 3, 4, 5])("calls the callback once, whatever happens (seed %d)", async (seed) => {
    expect((await runs({ seed, redeliver: 0.3, crash: 0.02, throttle: 0.05 })).value).toBe(8_555);
  });
  it("repeats attempts after a crash", async () => {
    const { engine } = await runs({ seed: 7, crash: 0.05 });
    expect(engine.attemptsOf(square).length).toBeGreaterThan(30);
  });
  it("has the same faults for the same seed", async () => {
    const faults = { seed: 9, redeliver: 0.3, crash: 0.03 };
    const [one, other] = [await runs(faults), await runs(faults)];
    expect(one.engine.attempts).toEqual(other.engine.attempts);
  });
});

describe("expectCallbackOnce", () => {
  it("sees a callback that was not called", () =>
    expect(() => expectCallbackOnce(new TestEngine({ tasks }), total)).toThrow("total was called 0 times"));
  it("sees a callback that was called twice", async () => {
    const engine = new TestEngine({ tasks });
    for (let k = 0; k < 2; k++) await engine.run(squares, { n: 2 });
    expect(() => expectCallbackOnce(engine, "total")).toThrow("total was called 2 times");
  });
  it("sees a callback that failed", async () => {
    const engine = new TestEngine({ tasks });
    await engine.run(refuse.s()).catch(() => undefined);
    expect(() => expectCallbackOnce(engine, refuse)).toThrow("has begun and not succeeded");
  });
});

describe("one attempt without an engine", () => {
  const asks = defineTask({
    name: "asks",
    run: (ctx) => {
      ctx.spawn([square.s(ctx.attempt)]);
      return ctx.runId;
    },
  });
  it("returns what the task did", async () =>
    expect(await runTask(asks, [], { attempt: 3, runId: "a.1" })).toMatchObject({
      outcome: "success",
      value: "a.1",
      spawned: [{ kind: "task", task: "square", args: [3] }],
    }));
  it("returns the error", async () =>
    expect(await runTask(refuse)).toMatchObject({ outcome: "failed", error: { reason: "unknown_customer" } }));
  it("gives the values of events", async () =>
    expect([await runTask(paid, [], { events: { paid: { amount: 3 } } }), await runTask(paid)]).toMatchObject([
      { value: 3 },
      { outcome: "deferred" },
    ]));
});
