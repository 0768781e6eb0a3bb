import { describe, expect, expectTypeOf, it } from "vitest";
import * as z from "zod";
import { definePathTask, FileActionStatus, type PathObject, type PathPayload } from "../../functions/paths/index.ts";
import {
  chain,
  chord,
  defineTask,
  defineWorkflow,
  group,
  type CanvasBuilder,
  type JsonObject,
  type Missing,
  type ResultOf,
  type TaskSignature,
} from "../../functions/sdk/index.ts";

// `npm run check:types` checks these types. Running them only proves that they load.
const add = defineTask({ name: "add", run: (_ctx, x: number, y: number) => x + y });
const label = defineTask({
  name: "label",
  run: async (_ctx, n: number, prefix: string, _suffix?: string) => `${prefix}${n}`,
});
const all = defineTask({ name: "all", run: (_ctx, ...xs: number[]) => xs.length });
const typed = defineTask({
  name: "typed",
  kwargs: z.object({ deep: z.boolean().default(false), at: z.coerce.date() }),
  args: z.tuple([z.string(), z.number()]),
  run: (ctx, path, depth) => ({ path, depth, deep: ctx.kwargs.deep, at: ctx.kwargs.at.toISOString() }),
});
const stream = defineTask({
  name: "stream",
  run: async function* (ctx, path: string) {
    yield add.s(1, 2);
    yield ctx.at(path, add.s(1, 2));
    return path.length;
  },
});

describe("types", () => {
  it("positional arguments are typed by run", () => {
    expectTypeOf<typeof add.inline>().parameters.toEqualTypeOf<[x: number, y: number]>();
    expectTypeOf<typeof add.inline>().returns.resolves.toEqualTypeOf<number>();
    expectTypeOf<typeof label.delay>().parameters.toEqualTypeOf<[n: number, prefix: string, _suffix?: string]>();
    expectTypeOf<typeof all.inline>().parameters.toEqualTypeOf<number[]>();
  });
  it("a signature is typed by its missing arguments, from the left", () => {
    expectTypeOf(add.s(1, 2)).toEqualTypeOf<TaskSignature<[], number>>();
    expectTypeOf(add.s(4)).toEqualTypeOf<TaskSignature<[number], number>>();
    expectTypeOf(add.s()).parameters.toEqualTypeOf<[x: number, y: number]>();
    expectTypeOf(add.s(4).clone([1])).toEqualTypeOf<TaskSignature<[], number>>();
    expectTypeOf(label.s("a", "b")).parameters.toEqualTypeOf<[number]>();
    expectTypeOf(add.signature([4], {}, { queue: "high" })).parameters.toEqualTypeOf<[number]>();
    expectTypeOf<Missing<[a: string, b: number, c: boolean], [true]>>().toEqualTypeOf<[string, number]>();
  });
  it("wrong arguments do not compile", () => {
    const wrong = [
      // @ts-expect-error a text is no number
      () => add.s("4"),
      // @ts-expect-error too many
      () => add.s(1, 2, 3),
      // @ts-expect-error an immutable signature takes nothing from a chain, so it must be whole
      () => add.si(1),
      // @ts-expect-error partial arguments are the end of the list: the last is a text
      () => label.s(1),
      // @ts-expect-error what is missing is a number
      () => add.s(4)("x"),
      // @ts-expect-error nothing is missing
      () => add.s(4, 4)(1),
      // @ts-expect-error not an option
      () => add.s(4).set({ que: "high" }),
      // @ts-expect-error a task is not a signature
      () => chain(add),
    ];
    expectTypeOf(wrong).toBeArray();
  });
  it("schemas type the arguments that run receives", () => {
    expectTypeOf<typeof typed.inline>().parameters.toEqualTypeOf<[string, number]>();
    expectTypeOf<typeof typed.inline>().returns.resolves.toEqualTypeOf<{
      path: string;
      depth: number;
      deep: boolean;
      at: string;
    }>();
    // @ts-expect-error not a boolean
    void (() => typed.signature(["a", 1], { deep: "yes" }));
    defineTask({ name: "k", run: (ctx) => void expectTypeOf(ctx.kwargs).toEqualTypeOf<JsonObject>() });
  });
  it("a streaming task has the type of what it returns", () => {
    expectTypeOf(stream.s("/a")).toEqualTypeOf<TaskSignature<[], number>>();
  });
  it("compositions carry the type of their value", () => {
    expectTypeOf(chain(add.s(1, 2), label.s("a"))).toExtend<CanvasBuilder<string>>();
    expectTypeOf<ResultOf<ReturnType<typeof label.s>>>().toEqualTypeOf<string>();
    const members = group([1, 2].map((n) => label.s(n, "a", "b")));
    expectTypeOf<ResultOf<typeof members>>().toEqualTypeOf<string[]>();
    expectTypeOf(chord(members, label.si(1, "a"))).toExtend<CanvasBuilder<string>>();
    // @ts-expect-error a chord has a body
    void (() => chord(members));
  });
  it("a workflow's canvas receives its parameters", () => {
    defineWorkflow({
      name: "w",
      parameters: z.object({ n: z.int(), at: z.coerce.date().optional() }),
      canvas: (parameters) => {
        expectTypeOf(parameters).toEqualTypeOf<{ n: number; at?: Date | undefined }>();
        return add.s(parameters.n, 1);
      },
    });
    // @ts-expect-error a number is no canvas
    defineWorkflow({ name: "w", parameters: z.object({}), canvas: () => 7 });
  });
});

describe("types of path tasks", () => {
  const open = definePathTask({
    name: "open",
    run: (ctx, { jobid, paths, streamResults, site, ...own }) => {
      expectTypeOf(paths).toEqualTypeOf<readonly PathObject[]>();
      expectTypeOf(jobid).toEqualTypeOf<string | number>();
      expectTypeOf(streamResults).toEqualTypeOf<boolean>();
      expectTypeOf(site).toEqualTypeOf<string>();
      expectTypeOf(own["anything"]).toEqualTypeOf<unknown>();
      return new FileActionStatus(ctx.task, paths, jobid, ctx.queue).dump();
    },
  });
  const closed = definePathTask({
    name: "closed",
    kwargs: z.object({ endpoint: z.string(), site: z.enum(["oslo", "bergen"]), hydrate: z.boolean().default(false) }),
    run: (ctx, { jobid, paths, endpoint, site, hydrate }) => {
      expectTypeOf(paths).toEqualTypeOf<readonly PathObject[]>();
      expectTypeOf(endpoint).toEqualTypeOf<string>();
      expectTypeOf(site).toEqualTypeOf<"oslo" | "bergen">();
      expectTypeOf(hydrate).toEqualTypeOf<boolean>();
      return new FileActionStatus(ctx.task, paths, jobid, ctx.queue).dump();
    },
  });
  it("keyword arguments are typed, and a chain of path tasks is one", () => {
    expectTypeOf(chain(open.s({ paths: [{ path: "/a" }] }), closed.s({ endpoint: "e" }))).toExtend<
      CanvasBuilder<PathPayload>
    >();
    // @ts-expect-error A path is an object.
    expect(() => open.s({ paths: ["/a"] })).not.toThrow();
    // @ts-expect-error The endpoint is a text.
    expect(() => closed.s({ endpoint: 5 })).not.toThrow();
    const status = new FileActionStatus("t", [], 1, "q");
    // @ts-expect-error There is no such state.
    expect(() => status.add("failure", "/a")).toThrow("did you mean");
    // @ts-expect-error A path task has no items to map over.
    expect(open.map).toBeUndefined();
  });
  it("a payload from scratch may be partial, and have more", () => {
    definePathTask({
      name: "scratch",
      run: async (_ctx, { jobid, paths }) => ({
        jobid,
        paths,
        more: true,
        status: {
          task: "scratch",
          input_paths: paths,
          input_total: paths.length,
          summary: { processed: paths.length },
          details: { processed: paths },
          started: new Date(),
        },
      }),
    });
    // @ts-expect-error A payload is needed.
    expect(definePathTask({ name: "nothing", run: () => undefined }).name).toBe("nothing");
  });
});
