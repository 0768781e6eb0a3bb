import { describe, expect, it } from "vitest";
import * as z from "zod";
import { definePathTask, FileActionStatus, type PathObject, type PathPayload } from "../../functions/paths/index.ts";
import {
  createRunner,
  currentQueue,
  defineTask,
  defineWorkflow,
  type Json,
  type TaskContext,
} from "../../functions/sdk/index.ts";
import { refusalOf } from "../core/refusal.ts";
import { errorOf, runTask, taskCall } from "../sdk/calls.ts";

const PATHS: readonly PathObject[] = [{ path: "/data/a", size: 1 }, { path: "/data/b" }];
/** Reports every item as processed. */
function done(ctx: Pick<TaskContext, "task">, jobid: string | number, paths: readonly PathObject[]): PathPayload {
  const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
  for (const { path } of paths) status.add("processed", path);
  return status.dump();
}
/** Returns what `run` received. */
async function received(args: readonly Json[], kwargs: { readonly [name: string]: unknown } = {}, more = {}) {
  let given: unknown;
  const task = definePathTask({
    name: "dynamo.custom.show",
    acceptsStreaming: true,
    run: (ctx, all) => {
      given = all;
      return done(ctx, all.jobid, all.paths as readonly PathObject[]);
    },
    ...more,
  });
  const outcome = await runTask(task, args, { kwargs: kwargs as never });
  return { given: given as Readonly<Record<string, unknown>> | undefined, outcome };
}
const payload = (...paths: readonly string[]): Json => ({
  jobid: 1,
  paths: paths.map((path) => ({ path })),
  status: {},
});

describe("the arguments of a path task", () => {
  it("NG-003 NG-005 NG-006 are the job's id and the items, with all fields of each", async () => {
    const { given } = await received([], { paths: PATHS });
    expect(given).toEqual({ jobid: "J", paths: PATHS, streamResults: false, site: "london" });
  });
  it("NG-004 are there when the task was called without any", async () => {
    const { given, outcome } = await received([]);
    expect([given, outcome.kind]).toEqual([{ jobid: "J", paths: [], streamResults: false, site: "london" }, "success"]);
  });
  it("NG-007 NG-009 are joined by those of the workflow, known or not", async () => {
    const { given } = await received([], { paths: PATHS, hydrate: true, added_later: { by: "the hub" } });
    expect(given).toMatchObject({ hydrate: true, added_later: { by: "the hub" } });
  });
  it("NG-007 tolerate positional arguments", async () => {
    const { given } = await received([5, "five", null], { paths: PATHS });
    expect(given).toMatchObject({ paths: PATHS });
  });
  it("NG-008 of which the task's own schema refuses one fail the whole run for good", async () => {
    const strict = { kwargs: z.strictObject({ paths: z.array(z.unknown()) }) };
    const { given, outcome } = await received([], { paths: PATHS, surprise: 1 }, strict);
    expect(given).toBeUndefined();
    expect(errorOf(outcome)).toMatchObject({ name: "TypeError", reason: "invalid_arguments", retryable: false });
  });
  it("NG-009 are typed and have defaults by the task's own schema", async () => {
    const task = definePathTask({
      name: "t",
      kwargs: z.object({ collection: z.string(), deep: z.boolean().default(true) }),
      run: (ctx, { paths, jobid, collection, deep }) => {
        ctx.log.info(`${collection.toUpperCase()} ${deep}`);
        return done(ctx, jobid, paths);
      },
    });
    const log: { message: string }[] = [];
    await createRunner([task]).run(
      taskCall("t", [], { kwargs: { collection: "harbour-2031", unknown: 1 } }, log as never),
    );
    expect(log.map(({ message }) => message)).toEqual(["HARBOUR-2031 true"]);
  });
  it.each([
    ["jobid", 100],
    ["jobid", "theirs"],
    ["site", "oslo"],
    ["streamResults", true],
    ["streamResults", "in pages"],
  ])("NG-009 that the author gives win over the standard ones: %s", async (name, value) => {
    const { given } = await received([], { paths: PATHS, [name]: value });
    expect(given).toMatchObject({ [name]: value });
  });
  it("NG-009 that the author gives win over what the previous step hands over", async () => {
    const { given } = await received([payload("/handed")], { paths: PATHS });
    expect(given).toMatchObject({ paths: PATHS });
  });
  it("NG-031 NG-032 say whether the results must be streamed", async () => {
    expect((await received([], { stream_results: true })).given).toMatchObject({ streamResults: true });
    expect((await received([], { stream_results: true })).given).not.toHaveProperty("stream_results");
    expect((await received([], { stream_results: false })).given).toMatchObject({ streamResults: false });
  });
  it.each<[string, unknown, string]>([
    ["texts", ["/a"], "/kwargs/paths/0"],
    ["one item", { path: "/a" }, "/kwargs/paths"],
    ["an item without a path", [{ path: "/a" }, { name: "b" }], "/kwargs/paths/1/path"],
    ["a size that is a text", [{ path: "/a", size: "1" }], "/kwargs/paths/0/size"],
  ])("NG-005 are refused before the work when the items are %s", async (_title, paths, field) => {
    const { given, outcome } = await received([], { paths });
    expect(given).toBeUndefined();
    expect(errorOf(outcome)).toMatchObject({ reason: "invalid_payload", details: { field } });
  });
});

describe("what the previous step hands over", () => {
  it.each<[string, Json, readonly PathObject[]]>([
    ["NG-012 a payload: exactly its paths", payload("/b", "/a"), [{ path: "/b" }, { path: "/a" }]],
    ["the payloads of a group, in order", [payload("/b"), payload(), payload("/a")], [{ path: "/b" }, { path: "/a" }]],
    [
      "the payloads of a group of which a member failed",
      [{ $error: { runId: "r", status: "error", name: "Error", message: "m" } }, payload("/a")],
      [{ path: "/a" }],
    ],
    ["a list of items, from a task that is no path task", [{ path: "/a", size: 1 }], [{ path: "/a", size: 1 }]],
    ["an object with paths alone", { paths: [{ path: "/a" }] }, [{ path: "/a" }]],
  ])("may be %s", async (_title, value, paths) => expect((await received([value])).given).toMatchObject({ paths }));
  it.each<[string, Json]>([
    ["null", null],
    ["a number", 4],
    ["numbers", [1, 2]],
    ["an object without paths", { files: [] }],
  ])("is ignored when it holds no items: %s", async (_title, value) =>
    expect((await received([value])).given).toMatchObject({ paths: [] }),
  );
  it("is refused when an item of it has no path", async () => {
    const { outcome } = await received([{ paths: [{ name: "a" }] }]);
    expect(errorOf(outcome)).toMatchObject({ reason: "invalid_payload", details: { field: "/args/0/0/path" } });
  });
  it.each<[string, readonly Json[], object]>([
    ["handed over", [payload()], {}],
    ["given", [], { paths: [] }],
  ])("NG-089 skips the task when no items are %s, and hands over none in turn", async (_title, args, kwargs) => {
    const { given, outcome } = await received(args, kwargs as never);
    expect(given).toBeUndefined();
    expect(outcome).toMatchObject({
      kind: "skipped",
      value: { jobid: "J", paths: [], status: { input_total: 0, summary: { failures: 0, processed: 0, skipped: 0 } } },
    });
  });
});

describe("a task that acts on its own arguments", () => {
  const migrate = definePathTask({
    name: "dynamo.tasks.migrate",
    kwargs: z.object({ abort_missing: z.boolean().default(false) }),
    run: (ctx, { jobid, paths, abort_missing }) => {
      const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
      for (const { path } of paths) status.add(abort_missing ? "aborted" : "failures", path, { message: "gone" });
      return status.dump();
    },
  });
  it.each([
    [true, { aborted: 2 }],
    [false, { failures: 2 }],
  ])("NG-029 ends missing items as it was asked to: abort_missing %j", async (abort_missing, summary) =>
    expect(await runTask(migrate, [], { kwargs: { paths: PATHS as never, abort_missing } })).toMatchObject({
      value: { paths: [], status: { summary } },
    }),
  );
});

describe("a handler of moved or deleted items", () => {
  const keeps = definePathTask({ name: "keeps", run: (ctx, { jobid, paths }) => done(ctx, jobid, paths) });
  const streams = definePathTask({
    name: "streams",
    acceptsStreaming: true,
    run: (ctx, { jobid, paths }) => done(ctx, jobid, paths as readonly PathObject[]),
  });
  const plain = defineTask({ name: "plain", run: () => null });
  const workflow = (handlers: object) =>
    defineWorkflow({ name: "mirror", parameters: z.object({}), handlers, canvas: () => streams.s() });

  it("NG-030 NG-032 that streams its results is accepted", () =>
    expect(workflow({ move: streams, delete: streams }).name).toBe("mirror"));
  it.each([
    ["move", keeps],
    ["delete", plain],
  ])("NG-030 NG-038 that cannot stream is refused when its workflow is defined: %s", (kind, task) => {
    expect(refusalOf(() => workflow({ [kind]: task }))).toMatchObject({
      code: "cannot_stream",
      field: `/handlers/${kind}`,
    });
  });
  it("of another kind is refused by name", () =>
    expect(refusalOf(() => workflow({ rename: streams }))).toMatchObject({
      code: "invalid_request",
      field: "/handlers/rename",
    }));
  it("NG-030 NG-038 that cannot stream is refused at run, before its code", async () => {
    const { given, outcome } = await received([], { stream_results: true, paths: PATHS }, { acceptsStreaming: false });
    expect(given).toBeUndefined();
    expect(errorOf(outcome)).toMatchObject({
      reason: "cannot_stream",
      retryable: false,
      details: { field: "/kwargs/stream_results" },
    });
  });
  it("NG-030 is known to the engine by what it declares", () =>
    expect([keeps, streams].map(({ info }) => info.paths)).toEqual([
      { acceptsStreaming: false, countsTowardsJob: true },
      { acceptsStreaming: true, countsTowardsJob: true },
    ]));
});

describe("the signatures of a path task", () => {
  const task = definePathTask({ name: "dynamo.custom.t", run: (ctx, { jobid, paths }) => done(ctx, jobid, paths) });
  it("take keyword arguments", () => {
    expect(task.s({ paths: PATHS, hydrate: false }).toJSON()).toEqual({
      v: 1,
      task: "dynamo.custom.t",
      kwargs: { paths: PATHS, hydrate: false },
    });
    expect(task.si().canvas.immutable).toBe(true);
    expect(task.signature([1], { a: 2 }, { queue: "bulk" }).toJSON()).toMatchObject({
      args: [1],
      kwargs: { a: 2 },
      options: { queue: "bulk" },
    });
  });
  it("run inline, with a jobid of their own", async () => {
    const made = await task.inline({ paths: PATHS, jobid: 100 });
    expect(made).toMatchObject({ jobid: 100, paths: PATHS, status: { task: "dynamo.custom.t" } });
    expect(Math.abs(Date.parse(made.status.started) - Date.now())).toBeLessThan(60_000);
    expect(await task.inline({ paths: [] })).toMatchObject({ paths: [] });
  });
  it.each(["streamsResults", "ignoreResult"])("cannot be those of a task with %s", (name) =>
    expect(refusalOf(() => definePathTask({ name: "t", [name]: true, run: () => ({}) as never }))).toMatchObject({
      code: "invalid_request",
      field: `/${name}`,
    }),
  );
});
