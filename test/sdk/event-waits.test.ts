import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { EventLook, TaskCall } from "../../functions/core/task/invocation.ts";
import { createRunner, defineTask, FanfoldError, type Json, type TaskContext } from "../../functions/sdk/index.ts";
import { errorOf, itemsOf, runTask, taskCall } from "./calls.ts";

/** Returns the call of an attempt. `answers` holds the engine's answer about each event. */
const call = (answers: { readonly [name: string]: EventLook }, parts: Partial<TaskCall> = {}): TaskCall => {
  const { services, ...rest } = taskCall("t", [], parts);
  return { ...rest, services: { ...services, event: async (name) => answers[name] ?? { kind: "unsent", name } } };
};
function attempt(
  run: (ctx: TaskContext) => unknown,
  answers: { readonly [name: string]: EventLook } = {},
  parts: Partial<TaskCall> = {},
) {
  return createRunner([defineTask({ name: "t", run: (ctx: TaskContext) => run(ctx) })]).run(call(answers, parts));
}
const deferred = (...names: string[]) => ({ kind: "deferred", events: names.map((name) => ({ name })) });
const SENT: EventLook = { kind: "sent", value: 7 };

describe("an attempt that waits for events", () => {
  it("an attempt that waits for an event receives its value", async () => {
    expect(await attempt((ctx) => ctx.waitForEvent("a"), { a: SENT })).toEqual({ kind: "success", value: 7 });
  });
  it("an attempt ends as deferred with all the events that it waits for", async () => {
    expect(await attempt((ctx) => ctx.waitForEvent("a"))).toEqual(deferred("a"));
    expect(
      await attempt((ctx) => Promise.all([ctx.waitForEvent("a"), ctx.waitForEvent("b"), ctx.waitForEvent("c")]), {
        b: SENT,
      }),
    ).toEqual(deferred("a", "c"));
    const late = async (ctx: TaskContext) => {
      const [a, b] = [ctx.waitForEvent("a"), ctx.waitForEvent("b")];
      return [await a, await b]; // The first await throws, so b is never awaited.
    };
    expect(await attempt(late)).toEqual(deferred("a", "b"));
    expect(await attempt(async (ctx) => [await ctx.waitForEvent("a"), await ctx.waitForEvent("b")])).toEqual(
      deferred("a"),
    );
  });
  it("an attempt ends as deferred even when its code catches the error, and runs its finally blocks", async () => {
    let cleaned = false;
    const outcome = await attempt(async (ctx) => {
      try {
        return await ctx.waitForEvent("a");
      } catch {
        return "all is well";
      } finally {
        cleaned = true;
      }
    });
    expect([outcome, cleaned]).toEqual([deferred("a"), true]);
    expect(
      await attempt((ctx) =>
        ctx.waitForEvent("a").catch((error: unknown) => Promise.reject(new Error("wrapped", { cause: error }))),
      ),
    ).toEqual(deferred("a"));
    expect(await attempt((ctx) => ctx.waitForEvent("a").catch(() => ctx.fail("gone", { retryable: false })))).toEqual(
      deferred("a"),
    );
    expect(await attempt((ctx) => Promise.race([ctx.waitForEvent("a"), ctx.waitForEvent("b")]), { a: SENT })).toEqual(
      deferred("b"),
    );
    expect(await attempt((ctx) => void ctx.waitForEvent("a"))).toEqual(deferred("a"));
  });
  it("an attempt receives an event that a later check finds", async () => {
    const answers: { [name: string]: EventLook } = {};
    const polls = async (ctx: TaskContext) => {
      await ctx.waitForEvent("a").catch(() => undefined);
      answers["a"] = SENT;
      return ctx.waitForEvent("a");
    };
    expect(await attempt(polls, answers)).toEqual({ kind: "success", value: 7 });
  });
  it("an attempt whose event expires throws, which ends the run unless it is caught", async () => {
    const expired = { a: { kind: "over" } } as const;
    const outcome = await attempt((ctx) => ctx.waitForEvent("a", { timeoutSeconds: 5 }), expired);
    expect(outcome).toMatchObject({ kind: "failed", error: { reason: "event_timeout", retryable: false } });
    const caught = (ctx: TaskContext) =>
      ctx.waitForEvent("a").catch((error: unknown) => (error instanceof FanfoldError ? error.code : "?"));
    expect(await attempt(caught, expired)).toEqual({ kind: "success", value: "event_timeout" });
  });
  it.each<[string, number | undefined]>([
    ["", undefined],
    ["two words", undefined],
    ["x".repeat(201), undefined],
    ["a", -1],
    ["a", Number.NaN],
    ["a", Number.POSITIVE_INFINITY],
  ])("waiting for the event %j within %s seconds is refused", async (name, timeoutSeconds) => {
    const outcome = await attempt((ctx) =>
      ctx.waitForEvent(name, { ...(timeoutSeconds !== undefined && { timeoutSeconds }) }),
    );
    expect(errorOf(outcome)).toMatchObject({ reason: "invalid_request", retryable: false });
  });
  it("a stopped attempt fails, whether it waits or not", async () => {
    const controller = new AbortController();
    const running = attempt(
      async (ctx) => {
        await ctx.waitForEvent("a").catch(() => undefined);
        controller.abort(new FanfoldError("task_timeout", "too long"));
        await pause(60_000, undefined, { signal: ctx.signal });
      },
      {},
      { signal: controller.signal },
    );
    expect(errorOf(await running)).toMatchObject({ reason: "task_timeout" });
  });
  it("a mapped task that waits for an event defers the whole map", async () => {
    const task = defineTask({ name: "t", run: (ctx, n: number) => (n < 2 ? n : ctx.waitForEvent("a")) });
    const of = (answers: { readonly [name: string]: EventLook }) =>
      createRunner([task]).run({ ...call(answers), each: "map", args: [[1, 2, 3]] });
    expect(await of({})).toEqual(deferred("a"));
    expect(await of({ a: SENT })).toEqual({ kind: "success", value: [1, 7, 7] });
  });
  it("waiting for an event needs an engine", async () => {
    const task = defineTask({ name: "t", run: (ctx: TaskContext) => ctx.waitForEvent("a") });
    await expect(task.inline()).rejects.toMatchObject({ code: "engine_unavailable" });
  });
  it("the value of an event has the type that the task declares", () => {
    const wait = (ctx: TaskContext) => [ctx.waitForEvent("a"), ctx.waitForEvent<{ n: number }>("b")] as const;
    expectTypeOf(wait).returns.toEqualTypeOf<readonly [Promise<Json>, Promise<{ n: number }>]>();
  });
});

describe("a streaming task that waits for events", () => {
  const child = defineTask({ name: "child", run: (_ctx, _n: unknown) => null });
  const streams = (waits: (ctx: TaskContext) => Promise<unknown>) =>
    defineTask({
      name: "t",
      run: async function* (ctx: TaskContext) {
        yield child.s(1);
        yield child.s(await waits(ctx));
      },
    });
  it("a streaming task that waits ends as deferred after its last item, whether it catches the error or not", async () => {
    for (const task of [
      streams((ctx) => ctx.waitForEvent("a")),
      streams((ctx) => ctx.waitForEvent("a").catch(() => 2)),
    ]) {
      const items = itemsOf(await runTask(task));
      expect((await items.next()).value).toMatchObject({ canvas: { args: [1] } });
      await expect(items.next()).rejects.toMatchObject({ outcome: deferred("a") });
    }
  });
  it("a streaming task that returns with a missing event ends as deferred", async () => {
    const task = defineTask({
      name: "t",
      run: async function* (ctx: TaskContext) {
        yield child.s(1);
        void ctx.waitForEvent("a");
      },
    });
    const items = itemsOf(await runTask(task));
    await items.next();
    await expect(items.next()).rejects.toMatchObject({ outcome: deferred("a") });
  });
});
