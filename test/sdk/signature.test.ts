import { afterEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { compileCanvas } from "../../functions/core/plan/compile.ts";
import {
  type Canvas,
  chain,
  chord,
  defineTask,
  FanfoldError,
  group,
  setSubmitter,
  type SubmitOptions,
  type Submitter,
  TaskError,
} from "../../functions/sdk/index.ts";
import { refusalOf } from "../core/refusal.ts";

const add = defineTask({ name: "add", run: (_ctx, x: number, y: number) => x + y });
const sum = defineTask({ name: "sum", run: (_ctx, xs: number[]) => xs.reduce((total, x) => total + x, 0) });
const hello = defineTask({
  name: "hello",
  kwargs: z.object({ polite: z.boolean().default(true) }),
  run: (ctx, name: string) => `${ctx.kwargs.polite ? "Dear " : ""}${name}`,
});

describe("signatures", () => {
  it("signatures are data", () => {
    expect(add.s(1, 2).canvas).toEqual({
      kind: "task",
      task: "add",
      args: [1, 2],
      kwargs: {},
      options: {},
      immutable: false,
    });
    expect(add.si(1, 2).canvas).toMatchObject({ immutable: true });
    expect(hello.signature(["Ada"], { polite: false }, { queue: "high", immutable: true }).canvas).toEqual({
      kind: "task",
      task: "hello",
      args: ["Ada"],
      kwargs: { polite: false },
      options: { queue: "high" },
      immutable: true,
    });
  });
  it("sig-013 set merges options into a new signature", () => {
    const first = add.s(1).set({ countdown: 1 });
    expect(first.set({ countdown: 5, queue: "q" }).canvas.options).toEqual({ countdown: 5, queue: "q" });
    expect(first.canvas.options).toEqual({ countdown: 1 });
  });
  it("clone puts arguments before a signature's own and keywords over them", () => {
    const first = hello.signature(["b"], { polite: true });
    expect(first.clone([] as never, { polite: false, x: 1 }, { priority: 3 }).canvas).toMatchObject({
      args: ["b"],
      kwargs: { polite: false, x: 1 },
      options: { priority: 3 },
    });
    expect(add.s(2).clone([1]).canvas.args).toEqual([1, 2]);
  });
  it("sig-011 clone of an immutable signature takes new options only", () => {
    expect(add.si(1, 2).clone([4] as never, { x: 1 }, { priority: 3 }).canvas).toMatchObject({
      args: [1, 2],
      kwargs: {},
      options: { priority: 3 },
      immutable: true,
    });
  });
  it("signatures cannot be changed, not even through the values they were made of", () => {
    const list = [1, 2];
    const signature = sum.s(list);
    list.push(3);
    expect(signature.canvas.args).toEqual([[1, 2]]);
    expect(() => ((signature as { canvas: unknown }).canvas = 1)).toThrow(TypeError);
  });
  it("signatures refuse a value that is not JSON when it is given", () => {
    expect(refusalOf(() => add.s(1, Number.NaN))).toMatchObject({ code: "invalid_canvas", field: "/args/1" });
    expect(refusalOf(() => hello.signature(["a"], { polite: 1n as never }))).toMatchObject({
      code: "invalid_canvas",
      field: "/kwargs/polite",
    });
    expect(refusalOf(() => add.s(1).set({ priority: 11 }))).toMatchObject({
      code: "invalid_canvas",
      field: "/options/priority",
    });
    expect(refusalOf(() => add.s(1).set({ queue: "engine" }))).toMatchObject({
      code: "invalid_queue_name",
      field: "/options/queue",
    });
  });
  it("signatures run inline when called, with prepended arguments", async () => {
    expect(await add.s(4)(2)).toBe(6);
    expect(await add.si(4, 4)()).toBe(8);
    expect(await (add.si(4, 4) as unknown as (x: number) => Promise<number>)(100)).toBe(8);
    expect(await hello.signature(["Ada"], { polite: false })()).toBe("Ada");
  });
});

describe("inline", () => {
  it("inline returns what an engine would store, and checks like one", async () => {
    expect(await add.inline(2, 2)).toBe(4);
    expect(await hello.inline("Ada")).toBe("Dear Ada");
    expect(await defineTask({ name: "n", run: () => undefined }).inline()).toBeNull();
    expect(await defineTask({ name: "n", run: (ctx) => ctx.skip(7) }).inline()).toBe(7);
    await expect(hello.signature(["Ada"], { polite: 3 as never })()).rejects.toMatchObject({
      name: "TypeError",
      retryable: false,
    });
    await expect(defineTask({ name: "n", run: () => 1n }).inline()).rejects.toMatchObject({ reason: "invalid_json" });
  });
  it("inline throws what the task throws", async () => {
    const error = new RangeError("far");
    await expect(
      defineTask({
        name: "n",
        run: () => {
          throw error;
        },
      }).inline(),
    ).rejects.toBe(error);
    await expect(
      defineTask({ name: "n", run: (ctx) => ctx.fail("no", { retryable: false }) }).inline(),
    ).rejects.toMatchObject({
      message: "no",
      retryable: false,
    });
    await expect(
      defineTask({ name: "n", run: (ctx) => ctx.retry({ error: new TaskError("busy") }) }).inline(),
    ).rejects.toMatchObject({ message: "busy" });
  });
  it("inline refuses work that needs an engine", async () => {
    const tasks = [
      defineTask({ name: "n", run: (ctx) => void ctx.spawn(add.s(1, 2)) }),
      defineTask({ name: "n", run: (ctx) => ctx.replace(add.s(1, 2)) }),
      defineTask({ name: "n", run: (ctx) => void ctx.results() }),
      defineTask({
        name: "n",
        run: async function* () {
          yield add.s(1, 2);
        },
      }),
    ];
    for (const task of tasks) await expect(task.inline()).rejects.toMatchObject({ code: "engine_unavailable" });
  });
});

describe("compositions", () => {
  it("chain runs steps one after the other and splices chains", () => {
    const steps = chain(add.s(1, 2), chain(add.s(3), add.s(4)));
    expect(steps.canvas).toMatchObject({ kind: "chain", items: [{ args: [1, 2] }, { args: [3] }, { args: [4] }] });
    let long = chain(add.s(1, 1));
    for (let step = 0; step < 500; step++) long = chain(long, add.s(1));
    expect(compileCanvas(long.canvas)).toHaveLength(501);
    expect(refusalOf(() => chain())).toMatchObject({ code: "invalid_canvas" });
  });
  it("group takes any iterable and options", () => {
    const members = new Set([add.s(1, 1), add.s(2, 2)]);
    expect(group(members, { policy: { threshold: 1 }, tracking: "full" }).canvas).toMatchObject({
      members: [{ args: [1, 1] }, { args: [2, 2] }],
      options: { policy: { threshold: 1 }, tracking: "full" },
    });
    expect(group([]).canvas.members).toEqual([]);
    expect(refusalOf(() => group([], { policy: "any" as never }))).toMatchObject({
      code: "invalid_canvas",
      field: "/options/policy",
    });
    expect(refusalOf(() => group([add as never]))).toMatchObject({ code: "invalid_canvas" });
  });
  it("group refuses an endless iterable", () => {
    const one = add.s(1, 1);
    const endless = {
      *[Symbol.iterator]() {
        while (true) yield one;
      },
    };
    expect(refusalOf(() => group(endless))).toMatchObject({ code: "too_many_children" });
  });
  it("chord takes a group or an iterable for its header", () => {
    const members = [add.s(1, 1), add.s(2, 2)];
    const plain = chord(members, sum.s()).canvas;
    expect(plain).toEqual(chord(group(members), sum.s()).canvas);
    expect(plain).toEqual(chord(group(members).canvas, sum.s().canvas).canvas);
    expect(chord(group(members, { tracking: "full" }), chain(sum.s(), add.s(1))).canvas).toMatchObject({
      header: { options: { tracking: "full" } },
      body: { kind: "chain" },
    });
    expect(refusalOf(() => chord(sum.s() as never, sum.s()))).toMatchObject({ code: "invalid_canvas" });
    expect(refusalOf(() => chord(members, undefined as never))).toMatchObject({ code: "invalid_canvas" });
  });
});

describe("submitting", () => {
  const submitted: [Canvas, SubmitOptions][] = [];
  const submitter = (jobId: string): Submitter => ({
    async submit(canvas, options) {
      submitted.push([canvas, options]);
      return { jobId };
    },
  });
  afterEach(() => {
    setSubmitter(undefined);
    submitted.length = 0;
  });
  it("delay submits to the submitter of the process, or to that of the call", async () => {
    setSubmitter(submitter("process"));
    expect(await add.delay(1, 2)).toEqual({ jobId: "process" });
    expect(await group([add.s(1, 2)]).submit({ idempotencyKey: "k" })).toEqual({ jobId: "process" });
    expect(await chain(add.s(1, 2)).submit({ submitter: submitter("call"), timeoutSeconds: 5 })).toEqual({
      jobId: "call",
    });
    expect(submitted.map(([canvas, options]) => [canvas.kind, options])).toEqual([
      ["task", {}],
      ["group", { idempotencyKey: "k" }],
      ["chain", { timeoutSeconds: 5 }],
    ]);
  });
  it("delay without a submitter says what to do", async () => {
    await expect(add.s(1, 2).submit()).rejects.toThrow(FanfoldError);
    await expect(add.delay(1, 2)).rejects.toMatchObject({ code: "engine_unavailable" });
  });
});

describe("defineTask refuses", () => {
  it.each<[string, object, string]>([
    ["no name", { name: "" }, "/name"],
    ["a name that is too long", { name: "x".repeat(1_000_000) }, "/name"],
    ["a version below zero", { version: -1 }, "/version"],
    ["half a version", { version: 1.5 }, "/version"],
    ["no time", { timeout: 0 }, "/timeout"],
    ["endless time", { timeout: Infinity }, "/timeout"],
    ["a wrong retry policy", { retry: { maxAttempts: -1 } }, "/retry/maxAttempts"],
    ["no work", { run: undefined }, "/run"],
    ["a setting that is not known", { retries: 3 }, "/retries"],
    ["a hook of passes without bulk", { beforePass: () => null }, "/beforePass"],
  ])("defineTask refuses %s", (_title, parts, field) => {
    expect(refusalOf(() => defineTask({ name: "t", run: () => null, ...parts }))).toMatchObject({
      code: "invalid_request",
      field,
    });
  });
  it("defineTask refuses a malformed queue and a malformed policy", () => {
    expect(refusalOf(() => defineTask({ name: "t", queue: "a b", run: () => null }))).toMatchObject({
      code: "invalid_queue_name",
      field: "/queue",
    });
    expect(refusalOf(() => defineTask({ name: "t", policy: "x" as never, run: () => null }))).toMatchObject({
      code: "invalid_canvas",
      field: "/policy",
    });
  });
});

describe("deep canvases", () => {
  const deepened = (around: (inner: never) => unknown): unknown => {
    let inner: unknown = add.s(1);
    for (let level = 0; level < 5_000; level++) inner = around(inner as never);
    return inner;
  };
  it.each<[string, (inner: never) => unknown]>([
    ["groups in groups", (inner) => group([inner])],
    ["chords in bodies", (inner) => chord([add.s(1, 2)], inner)],
    ["links of links", (inner) => add.s(1, 2).link(inner)],
    ["plain data", (inner) => ({ kind: "chain", items: [inner] })],
  ])("%s are refused as too deep instead of overflowing the stack", (_what, around) => {
    expect(refusalOf(() => chain(deepened(around) as never))).toMatchObject({ code: "too_deep" });
  });
});
