import { describe, expect, it } from "vitest";
import { LIMITS } from "../../functions/core/limits.ts";
import { chain, defineTask, group, type FailurePolicy, type TaskContext } from "../../functions/sdk/index.ts";
import { errorOf, itemsOf, runTask } from "./calls.ts";

const child = defineTask({ name: "child", run: (_ctx, _n: number | null) => null });
const canvas = (n: number) => child.s(n).canvas;
function taskOf(run: (ctx: TaskContext) => unknown, policy?: FailurePolicy) {
  return defineTask({ name: "t", run: (ctx: TaskContext) => run(ctx), ...(policy !== undefined && { policy }) });
}
function* numbers(count: number) {
  for (let n = 0; n < count; n++) yield child.s(n);
}

describe("spawned children", () => {
  it("spawned children are part of the outcome, and a returned value is kept", async () => {
    const outcome = await runTask(
      taskOf((ctx) => {
        ctx.spawn(child.s(1));
        ctx.spawn([canvas(2), child.s(3)]);
        ctx.spawn(numbers(1));
        return "own";
      }),
    );
    expect(outcome).toEqual({
      kind: "success",
      value: "own",
      spawned: { children: [canvas(1), canvas(2), canvas(3), canvas(0)], policy: "settled", value: "own" },
    });
  });
  it("a task that returns nothing takes the results of its spawned children", async () => {
    expect(await runTask(taskOf((ctx) => void ctx.spawn(child.s(1))))).toMatchObject({
      value: null,
      spawned: { value: "group" },
    });
    expect(
      await runTask(
        taskOf((ctx) => {
          ctx.spawn(child.s(1));
          return null;
        }),
      ),
    ).toMatchObject({ value: null, spawned: { value: "own" } });
  });
  it("spawned children exist only if the attempt succeeds", async () => {
    const skipped = taskOf((ctx) => {
      ctx.spawn(child.s(1));
      ctx.skip();
    });
    expect(await runTask(skipped)).toEqual({ kind: "skipped", value: null });
    const failed = taskOf((ctx) => {
      ctx.spawn(child.s(1));
      throw new Error("no");
    });
    expect(await runTask(failed)).toMatchObject({ kind: "failed" });
    expect(await runTask(taskOf((ctx) => void ctx.spawn([])))).toEqual({ kind: "success", value: null });
  });
  it("spawned children share one policy: the call's, else the task's", async () => {
    expect(await runTask(taskOf((ctx) => void ctx.spawn(child.s(1)), "failFast"))).toMatchObject({
      spawned: { policy: "failFast" },
    });
    const stated = taskOf((ctx) => {
      ctx.spawn(child.s(1), { policy: { threshold: 2 } });
      ctx.spawn(child.s(2));
    }, "failFast");
    expect(await runTask(stated)).toMatchObject({ spawned: { policy: { threshold: 2 } } });
    const torn = taskOf((ctx) => {
      ctx.spawn(child.s(1), { policy: "settled" });
      ctx.spawn(child.s(2), { policy: "allSuccess" });
    });
    expect(await runTask(torn)).toMatchObject({ kind: "failed", error: { reason: "invalid_request" } });
    expect(await runTask(taskOf((ctx) => void ctx.spawn(child.s(1), { policy: "any" as never })))).toMatchObject({
      kind: "failed",
      error: { reason: "invalid_canvas" },
    });
  });
  it("the number of spawned children is bounded, even for an endless iterable", async () => {
    expect(await runTask(taskOf((ctx) => void ctx.spawn(numbers(LIMITS.spawnedChildren))))).toMatchObject({
      kind: "success",
    });
    const outcome = await runTask(taskOf((ctx) => void ctx.spawn(numbers(Infinity))));
    expect(outcome).toMatchObject({ kind: "failed", error: { reason: "too_many_children", retryable: false } });
  });
  it("spawned children must be signatures", async () => {
    for (const wrong of [child, 7, null, "child", [child], { kind: "other" }]) {
      expect(await runTask(taskOf((ctx) => void ctx.spawn(wrong as never)))).toMatchObject({
        kind: "failed",
        error: { reason: "invalid_canvas" },
      });
    }
  });
  it("spawned children cannot be awaited, and the error names the alternatives", async () => {
    const outcome = await runTask(taskOf((ctx) => ctx.spawn(child.s(1)).result()));
    expect(outcome).toMatchObject({ kind: "failed", error: { reason: "waiting_inside_task", retryable: false } });
    expect(errorOf(outcome).message).toMatch(/spawnWithCallback.*replace.*chord/);
  });
  it("spawned children may have a callback, which runs as their policy says", async () => {
    const task = (policy?: FailurePolicy) =>
      taskOf(
        (ctx) =>
          void ctx.spawnWithCallback([child.s(1), child.s(2)], chain(child.s(3), child.s()), {
            ...(policy !== undefined && { policy }),
          }),
      );
    const chord = (options: object) => ({
      kind: "chord",
      header: { kind: "group", members: [canvas(1), canvas(2)], options },
      body: chain(child.s(3), child.s()).canvas,
    });
    expect(await runTask(task())).toMatchObject({
      spawned: { children: [chord({})], policy: "settled", value: "group" },
    });
    expect(await runTask(task("settled"))).toMatchObject({ spawned: { children: [chord({ policy: "settled" })] } });
  });
});

describe("replace", () => {
  it("replace takes the run's value from another canvas and keeps the run's counts", async () => {
    const task = taskOf((ctx) => {
      ctx.count("seen");
      return ctx.replace(group([child.s(1)]));
    });
    expect(await runTask(task)).toEqual({
      kind: "success",
      value: null,
      counters: { seen: 1 },
      spawned: { children: [group([child.s(1)]).canvas], policy: "allSuccess", value: "replace" },
    });
  });
  it("replace is refused beside children", async () => {
    const task = taskOf((ctx) => {
      ctx.spawn(child.s(1));
      ctx.replace(child.s(2));
    });
    expect(await runTask(task)).toMatchObject({ kind: "failed", error: { reason: "invalid_request" } });
  });
});

describe("a task that spawns and streams", () => {
  it("a task that spawns and then streams is refused before its first item", async () => {
    const task = taskOf((ctx) => {
      ctx.spawn(child.s(1));
      return (async function* () {
        yield child.s(2);
      })();
    });
    expect(await runTask(task)).toMatchObject({ kind: "failed", error: { reason: "invalid_request" } });
  });
  it("a task that spawns while it streams is refused", async () => {
    const task = defineTask({
      name: "t",
      run: async function* (ctx) {
        yield child.s(1);
        ctx.spawn(child.s(2));
      },
    });
    const items = itemsOf(await runTask(task));
    expect((await items.next()).value).toEqual({ canvas: canvas(1) });
    await expect(items.next()).rejects.toMatchObject({
      outcome: { kind: "failed", error: { reason: "invalid_request" } },
    });
  });
});
