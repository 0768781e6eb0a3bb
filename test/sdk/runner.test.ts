import { describe, expect, it } from "vitest";
import * as z from "zod";
import { LIMITS } from "../../functions/core/limits.ts";
import {
  createRegistry,
  createRunner,
  defineTask,
  FanfoldError,
  TaskBroken,
  TaskError,
  type ResultEntry,
  type TaskContext,
} from "../../functions/sdk/index.ts";
import { errorOf, runTask, taskCall, type LogLine } from "./calls.ts";
import { refusalOf } from "../core/refusal.ts";

const noop = defineTask({ name: "noop", run: () => null });
function taskOf(
  run: (ctx: TaskContext) => unknown,
  parts: { ignoreResult?: boolean; streamsResults?: boolean; policy?: "failFast" } = {},
) {
  return defineTask({ name: "t", run: (ctx: TaskContext, ..._args: unknown[]) => run(ctx), ...parts });
}

describe("what a task returns", () => {
  it.each<[unknown, unknown]>([
    [4, 4],
    ["", ""],
    [null, null],
    [undefined, null],
    [Promise.resolve([1, { a: undefined }, undefined]), [1, {}, null]],
  ])("return value %# becomes the value of the task", async (returned, value) => {
    expect(await runTask(taskOf(() => returned))).toEqual({ kind: "success", value });
  });

  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  it.each<[string, unknown, RegExp]>([
    ["a BigInt", { n: 1n }, /result of t\/n is a bigint/],
    ["a function", () => 1, /result of t is a function/],
    ["a symbol", [Symbol("x")], /result of t\/0 is a symbol/],
    ["NaN", Number.NaN, /NaN/],
    ["a cycle", cycle, /contains itself/],
    ["a Date", { at: new Date(0) }, /result of t\/at is a Date \(use toISOString\(\)\)/],
    ["a Map", new Map(), /an instance of Map/],
    ["an instance of a class", new TaskError("x"), /an instance of TaskError/],
    ["a sync generator", (function* () {})(), /not plain JSON/],
    ["what is too large", "x".repeat(LIMITS.valueBytes), /larger than \d+ bytes/],
  ])("a task that returns %s fails for good", async (_title, returned, message) => {
    const outcome = await runTask(taskOf(() => returned));
    expect(outcome).toMatchObject({ kind: "failed", error: { name: "FanfoldError", retryable: false } });
    expect(errorOf(outcome).message).toMatch(message);
  });
  it("the return value is neither checked nor kept when the task ignores its result", async () => {
    expect(await runTask(taskOf(() => 1n, { ignoreResult: true }))).toEqual({ kind: "success", value: null });
  });
  it("the value is a copy that the task cannot change afterwards", async () => {
    const list = [1];
    const outcome = await runTask(taskOf(() => list));
    list.push(2);
    expect(outcome).toEqual({ kind: "success", value: [1] });
  });
});

describe("what a task throws", () => {
  const throwing = () => {
    throw new Error("a getter");
  };
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  it.each<[string, unknown, { name: string; message?: string; reason?: string; retryable?: boolean }]>([
    ["an error", new RangeError("too far"), { name: "RangeError", message: "too far" }],
    ["a text", "no", { name: "Error", message: "no" }],
    ["null", null, { name: "Error", message: "null was thrown" }],
    ["undefined", undefined, { name: "Error", message: "undefined was thrown" }],
    ["a cyclic object", cycle, { name: "Error" }],
    [
      "an error with getters that throw",
      Object.defineProperty(new Error("x"), "message", { get: throwing }),
      { name: "Error" },
    ],
    [
      "a proxy that traps everything",
      new Proxy({}, { get: throwing, getPrototypeOf: throwing, has: throwing, ownKeys: throwing }),
      { name: "Error" },
    ],
    [
      "a TaskError",
      new TaskError("gone", { retryable: false, reason: "not_found" }),
      { name: "TaskError", reason: "not_found", retryable: false },
    ],
    [
      "a FanfoldError",
      new FanfoldError("results_too_large", "much"),
      { name: "FanfoldError", reason: "results_too_large", retryable: false },
    ],
  ])("%s becomes a failure, whether thrown or rejected", async (_title, thrown, error) => {
    const sync = taskOf(() => {
      throw thrown;
    });
    expect(await runTask(sync)).toMatchObject({ kind: "failed", error });
    expect(await runTask(taskOf(() => Promise.reject(thrown)))).toMatchObject({ kind: "failed", error });
  });
  it("a thenable that throws is a failure", async () => {
    // oxlint-disable-next-line unicorn/no-thenable
    expect(await runTask(taskOf(() => Object.defineProperty({}, "then", { get: throwing })))).toMatchObject({
      kind: "failed",
      error: { message: "a getter" },
    });
  });
  it("TaskBroken of another copy of the package breaks the run as well", async () => {
    const copy = "../../functions/sdk/errors.ts?copy";
    const { TaskBroken: Other } = (await import(/* @vite-ignore */ copy)) as { readonly TaskBroken: typeof TaskBroken };
    expect(Other).not.toBe(TaskBroken);
    const outcome = await runTask(taskOf(() => Promise.reject(new Other("cannot", "format"))));
    expect(outcome).toMatchObject({ kind: "broken", error: { reason: "format" } });
  });
  it("a task that throws TaskBroken ends its run as broken", async () => {
    const outcome = await runTask(taskOf(() => Promise.reject(new TaskBroken("cannot", "format"))));
    expect(outcome).toMatchObject({
      kind: "broken",
      error: { name: "TaskBroken", message: "cannot", reason: "format", retryable: false },
    });
  });
  it("a run of a task that the worker does not have is broken", async () => {
    expect(await createRunner([noop]).run(taskCall("other", []))).toMatchObject({
      kind: "broken",
      error: { reason: "unknown_task" },
    });
    expect(await createRunner([noop]).run(taskCall("constructor", []))).toMatchObject({ kind: "broken" });
  });
});

describe("arguments", () => {
  const add = defineTask({
    name: "add",
    args: z.tuple([z.number(), z.number().default(10)]),
    run: (_ctx, x, y) => x + y,
  });
  it("arguments are those of the call, checked when they are declared", async () => {
    expect(await runTask(add, [1, 2])).toEqual({ kind: "success", value: 3 });
    expect(await runTask(add, [1])).toEqual({ kind: "success", value: 11 });
  });
  it.each<[unknown[], string]>([
    [[], "/args"],
    [["1", 2], "/args/0"],
    [[1, null], "/args/1"],
    [[1, 2, 3], "/args"],
  ])("arguments that do not fit fail the run for good: %j", async (args, field) => {
    const outcome = await runTask(add, args as number[]);
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { name: "TypeError", retryable: false, reason: "invalid_arguments" },
    });
    expect(errorOf(outcome).message).toContain(`${field}: `);
  });
  it("arguments pass through unchecked when none are declared", async () => {
    const all = defineTask({ name: "all", run: (ctx, ...args: unknown[]) => [args, ctx.kwargs] as unknown[] });
    expect(await runTask(all, [1, "x"], { kwargs: { a: 1 } })).toEqual({
      kind: "success",
      value: [[1, "x"], { a: 1 }],
    });
  });
  it("keyword arguments are completed by the schema, and undeclared ones pass through", async () => {
    const task = defineTask({
      name: "k",
      kwargs: z.object({ n: z.int().default(3) }),
      run: (ctx) => ({ ...ctx.kwargs }),
    });
    expect(await runTask(task, [], { kwargs: { other: true } })).toEqual({
      kind: "success",
      value: { n: 3, other: true },
    });
    expect(await runTask(task, [], { kwargs: { n: 1.5 } })).toMatchObject({
      kind: "failed",
      error: { name: "TypeError", retryable: false },
    });
  });
  it("arguments may be checked by asynchronous schemas, whose exceptions are failures", async () => {
    const even = z.number().refine(async (n) => {
      if (n < 0) throw new Error("negative");
      return n % 2 === 0;
    });
    const task = defineTask({ name: "even", args: z.tuple([even]), run: (_ctx, n) => n });
    expect(await runTask(task, [2])).toEqual({ kind: "success", value: 2 });
    expect(await runTask(task, [3])).toMatchObject({ kind: "failed", error: { name: "TypeError" } });
    expect(await runTask(task, [-1])).toMatchObject({ kind: "failed", error: { message: "negative" } });
  });
});

describe("the signal", () => {
  const timeout = Object.assign(new Error("too late"), { name: "TimeoutError", reason: "timeout", retryable: true });
  it("the signal ends an attempt whose code ignores it, and a late error of that code is dropped", async () => {
    const controller = new AbortController();
    let late: ((error: Error) => void) | undefined;
    const running = runTask(
      taskOf(() => new Promise((_resolve, reject) => (late = reject))),
      [],
      { signal: controller.signal },
    );
    await Promise.resolve();
    controller.abort(timeout);
    expect(await running).toMatchObject({
      kind: "failed",
      error: { name: "TimeoutError", reason: "timeout", retryable: true },
    });
    late?.(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
  });
  it("the signal's reason is reported even when the code throws another error", async () => {
    const controller = new AbortController();
    const task = taskOf((ctx) => {
      controller.abort(timeout);
      if (ctx.signal.aborted) ctx.skip("stopped");
    });
    expect(await runTask(task, [], { signal: controller.signal })).toMatchObject({
      kind: "failed",
      error: { reason: "timeout" },
    });
  });
  it("a signal that has already aborted keeps the code from running", async () => {
    let ran = false;
    const task = taskOf(() => (ran = true));
    expect(await runTask(task, [], { signal: AbortSignal.abort("why") })).toMatchObject({
      kind: "failed",
      error: { message: "why" },
    });
    expect(ran).toBe(false);
  });
});

describe("the context", () => {
  it("the context says where and when the task runs", async () => {
    const task = taskOf(({ jobId, runId, attempt, round, site, queue, deadline, cursor, group }) => ({
      jobId,
      runId,
      attempt,
      round,
      site,
      queue,
      deadline,
      cursor: cursor ?? "none",
      group: group ?? "none",
    }));
    expect(await runTask(task, [], { attempt: 3, round: 2 })).toEqual({
      kind: "success",
      value: {
        jobId: "J",
        runId: "J.0",
        attempt: 3,
        round: 2,
        site: "london",
        queue: "london.default#worker",
        deadline: 1_000,
        cursor: "none",
        group: "none",
      },
    });
  });
  it("the context ends the attempt as the task says", async () => {
    expect(await runTask(taskOf((ctx) => ctx.skip({ why: "known" })))).toEqual({
      kind: "skipped",
      value: { why: "known" },
    });
    expect(await runTask(taskOf((ctx) => ctx.skip()))).toEqual({ kind: "skipped", value: null });
    expect(await runTask(taskOf((ctx) => ctx.skip(1n)))).toMatchObject({ kind: "failed" });
    expect(await runTask(taskOf((ctx) => ctx.fail("no", { retryable: false })))).toEqual({
      kind: "failed",
      error: { name: "Error", message: "no", retryable: false },
    });
    expect(await runTask(taskOf((ctx) => ctx.fail(new RangeError("far"))))).toMatchObject({
      kind: "failed",
      error: { name: "RangeError" },
    });
    expect(await runTask(taskOf((ctx) => ctx.retry({ error: "busy", delaySeconds: 30 })))).toEqual({
      kind: "retry",
      error: { name: "Error", message: "busy" },
      delaySeconds: 30,
    });
    expect(await runTask(taskOf((ctx) => ctx.retry()))).toMatchObject({ kind: "retry", error: { reason: "retry" } });
    expect(await runTask(taskOf((ctx) => ctx.retry({ delaySeconds: Number.NaN })))).toMatchObject({
      kind: "failed",
      error: { reason: "invalid_request" },
    });
  });
  it("the context counts", async () => {
    const task = taskOf((ctx) => {
      ctx.count("files");
      ctx.count("files", 2);
      ctx.count("bytes", 1_000);
    });
    expect(await runTask(task)).toEqual({ kind: "success", value: null, counters: { files: 3, bytes: 1_000 } });
  });
  it.each<[string, (ctx: TaskContext) => void]>([
    ["a name with a dot", (ctx) => ctx.count("a.b")],
    ["half a file", (ctx) => ctx.count("files", 0.5)],
    ["too many names", (ctx) => Array.from({ length: 21 }, (_, i) => ctx.count(`c${i}`))],
  ])("the context does not count %s", async (_title, run) => {
    expect(await runTask(taskOf(run))).toMatchObject({ kind: "failed", error: { reason: "invalid_request" } });
  });
  it("the context logs lines and fields, and never fails over them", async () => {
    const lines: LogLine[] = [];
    const task = taskOf((ctx) => {
      ctx.log.debug("d");
      ctx.log.info("i", { n: 1 });
      ctx.log.warn("w", { n: 1n } as never);
      ctx.log.error("e".repeat(1e6));
      ctx.log.info(7 as never);
    });
    expect(await createRunner([task]).run(taskCall("t", [], {}, lines))).toMatchObject({ kind: "success" });
    expect(lines.map((line) => line.level)).toEqual(["debug", "info", "warn", "error", "info"]);
    expect(lines[1]).toEqual({ level: "info", message: "i", fields: { n: 1 } });
    expect(lines[2]?.fields).toMatchObject({ dropped: expect.stringContaining("bigint") });
    expect(lines[3]?.message.length).toBe(LIMITS.logLineCharacters);
    expect(lines[4]?.message).toBe("7");
  });
  it("the context reads results, and knows the group only where the task streams them", async () => {
    const entries: ResultEntry[] = [{ index: 0, runId: "J.0.g.0", status: "success", value: 5 }];
    const handle = { group: "J.0.g", total: 1, success: 1, failed: 0 };
    const run = async (ctx: TaskContext) => {
      const values = [];
      for await (const entry of ctx.results()) values.push(entry.value ?? null);
      return { values, group: ctx.group?.group ?? null };
    };
    const streams = createRunner([taskOf(run, { streamsResults: true })]);
    expect(await streams.run(taskCall("t", [handle], {}, [], entries))).toEqual({
      kind: "success",
      value: { values: [5], group: "J.0.g" },
    });
    expect(await streams.run(taskCall("t", [[5]], {}, [], entries))).toMatchObject({ value: { group: null } });
    expect(await createRunner([taskOf(run)]).run(taskCall("t", [handle]))).toMatchObject({ value: { group: null } });
  });
});

describe("registries", () => {
  it("a registry says what the engine must know about a task", () => {
    const task = defineTask({
      name: "t",
      version: 2,
      queue: "#custom",
      timeout: 60,
      retry: { maxAttempts: 3 },
      streamsResults: true,
      run: () => null,
    });
    expect(createRegistry([task, noop]).info("t")).toEqual({
      name: "t",
      version: 2,
      queue: "#custom",
      timeoutSeconds: 60,
      retry: { maxAttempts: 3, initialDelaySeconds: 1, backoffFactor: 2, maxDelaySeconds: 300, jitter: 0.5 },
      streamsResults: true,
      ignoreResult: false,
    });
    expect(createRegistry([noop]).info("noop")).toMatchObject({
      version: 0,
      timeoutSeconds: 900,
      retry: { maxAttempts: 1 },
    });
    expect(createRegistry([noop]).info("constructor")).toBeUndefined();
  });
  it("a registry refuses two tasks of one name", () => {
    const other = defineTask({ name: "noop", run: () => 1 });
    expect(refusalOf(() => createRegistry([noop, other]))).toMatchObject({ code: "invalid_request", field: "/name" });
    expect(refusalOf(() => createRunner([noop, other]))).toMatchObject({ code: "invalid_request", field: "/name" });
    expect(createRegistry([noop, noop]).info("noop")).toBeDefined();
  });
});
