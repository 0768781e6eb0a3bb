import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { EventLook, TaskCall } from "../../functions/core/task/invocation.ts";
import { createRunner, defineTask, FanfoldError, type Json, type TaskContext } from "../../functions/sdk/index.ts";
import { errorOf, itemsOf, runTask, taskCall } from "./calls.ts";

/** How an attempt ends that asks for events: `looks` says what it is told of each. */
const call = (looks: { readonly [name: string]: EventLook }, parts: Partial<TaskCall> = {}): TaskCall => {
  const { services, ...rest } = taskCall("t", [], parts);
  return { ...rest, services: { ...services, event: async (name) => looks[name] ?? { kind: "unsent", name } } };
};
function attempt(run: (ctx: TaskContext) => unknown, looks: { readonly [name: string]: EventLook } = {}, parts: Partial<TaskCall> = {}) {
  return createRunner([defineTask({ name: "t", run: (ctx: TaskContext) => run(ctx) })]).run(call(looks, parts));
}
const deferred = (...names: string[]) => ({ kind: "deferred", events: names.map((name) => ({ name })) });
const SENT: EventLook = { kind: "sent", value: 7 };

describe("an attempt that waits for events", () => {
  it("goes on with what was sent", async () => {
    expect(await attempt((ctx) => ctx.waitForEvent("a"), { a: SENT })).toEqual({ kind: "success", value: 7 });
  });
  it("ends as deferred, with all that it asked for together", async () => {
    expect(await attempt((ctx) => ctx.waitForEvent("a"))).toEqual(deferred("a"));
    expect(await attempt((ctx) => Promise.all([ctx.waitForEvent("a"), ctx.waitForEvent("b"), ctx.waitForEvent("c")]), { b: SENT })).toEqual(deferred("a", "c"));
    const late = async (ctx: TaskContext) => {
      const [a, b] = [ctx.waitForEvent("a"), ctx.waitForEvent("b")];
      return [await a, await b]; // nobody awaits b
    };
    expect(await attempt(late)).toEqual(deferred("a", "b"));
    expect(await attempt(async (ctx) => [await ctx.waitForEvent("a"), await ctx.waitForEvent("b")])).toEqual(deferred("a"));
  });
  it("ends as deferred whatever is made of the error, and runs its finally blocks", async () => {
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
    expect(await attempt((ctx) => ctx.waitForEvent("a").catch((error: unknown) => Promise.reject(new Error("wrapped", { cause: error }))))).toEqual(
      deferred("a"),
    );
    expect(await attempt((ctx) => ctx.waitForEvent("a").catch(() => ctx.fail("gone", { retryable: false })))).toEqual(deferred("a"));
    expect(await attempt((ctx) => Promise.race([ctx.waitForEvent("a"), ctx.waitForEvent("b")]), { a: SENT })).toEqual(deferred("b"));
    expect(await attempt((ctx) => void ctx.waitForEvent("a"))).toEqual(deferred("a"));
  });
  it("has it when a later look finds it", async () => {
    const looks: { [name: string]: EventLook } = {};
    const polls = async (ctx: TaskContext) => {
      await ctx.waitForEvent("a").catch(() => undefined);
      looks["a"] = SENT;
      return ctx.waitForEvent("a");
    };
    expect(await attempt(polls, looks)).toEqual({ kind: "success", value: 7 });
  });
  it("is told when the time is over, which ends the run unless it is caught", async () => {
    const over = { a: { kind: "over" } } as const;
    const outcome = await attempt((ctx) => ctx.waitForEvent("a", { timeoutSeconds: 5 }), over);
    expect(outcome).toMatchObject({ kind: "failed", error: { reason: "event_timeout", retryable: false } });
    const caught = (ctx: TaskContext) => ctx.waitForEvent("a").catch((error: unknown) => (error instanceof FanfoldError ? error.code : "?"));
    expect(await attempt(caught, over)).toEqual({ kind: "success", value: "event_timeout" });
  });
  it.each<[string, number | undefined]>([
    ["", undefined],
    ["two words", undefined],
    ["x".repeat(201), undefined],
    ["a", -1],
    ["a", Number.NaN],
    ["a", Number.POSITIVE_INFINITY],
  ])("is refused %j within %s seconds", async (name, timeoutSeconds) => {
    const outcome = await attempt((ctx) => ctx.waitForEvent(name, timeoutSeconds === undefined ? {} : { timeoutSeconds }));
    expect(errorOf(outcome)).toMatchObject({ reason: "invalid_request", retryable: false });
  });
  it("fails when it is stopped, waiting or not", async () => {
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
  it("takes a map with it", async () => {
    const task = defineTask({ name: "t", run: (ctx, n: number) => (n < 2 ? n : ctx.waitForEvent("a")) });
    const of = (looks: { readonly [name: string]: EventLook }) => createRunner([task]).run({ ...call(looks), each: "map", args: [[1, 2, 3]] });
    expect(await of({})).toEqual(deferred("a"));
    expect(await of({ a: SENT })).toEqual({ kind: "success", value: [1, 7, 7] });
  });
  it("needs an engine", async () => {
    const task = defineTask({ name: "t", run: (ctx: TaskContext) => ctx.waitForEvent("a") });
    await expect(task.inline()).rejects.toMatchObject({ code: "engine_unavailable" });
  });
  it("knows the type of what it waits for", () => {
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
  it("ends as deferred behind what it has yielded, caught or not", async () => {
    for (const task of [streams((ctx) => ctx.waitForEvent("a")), streams((ctx) => ctx.waitForEvent("a").catch(() => 2))]) {
      const items = itemsOf(await runTask(task));
      expect((await items.next()).value).toMatchObject({ canvas: { args: [1] } });
      await expect(items.next()).rejects.toMatchObject({ outcome: deferred("a") });
    }
  });
  it("ends as deferred when it returns with one missing", async () => {
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
