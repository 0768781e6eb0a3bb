import { describe, expect, it } from "vitest";
import {
  definePathTask,
  expandPaths,
  FileActionStatus,
  type PathObject,
  type StreamOptions,
  StreamTaskResults,
} from "../../../functions/paths/index.ts";
import { chain, chord, defineTask } from "../../../functions/sdk/index.ts";
import { TestEngine } from "../../../functions/testing/index.ts";

const items = (count: number): PathObject[] => Array.from({ length: count }, (_, k) => ({ path: `/${k}`, size: k }));
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
interface Extra {
  readonly options?: StreamOptions;
  readonly each?: (path: string, add: () => Promise<void> | undefined | void) => unknown;
  readonly more?: object;
}
/** A handler that streams when it is asked to. */
function handler(name: string, { options = {}, each = (_path, add) => add(), more = {} }: Extra = {}) {
  return definePathTask({
    name,
    acceptsStreaming: true,
    ...more,
    run: async (ctx, { jobid, paths, streamResults }) => {
      const status = streamResults
        ? new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId, options)
        : new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
      for await (const { path } of expandPaths(paths))
        await each(path, () => status.add(path.endsWith("3") ? "failures" : "processed", path));
      return status.dump();
    },
  });
}
const shown = defineTask({ name: "shown", run: (_ctx, payload) => payload as never });
const streamed = { paths: items(10), stream_results: true } as const;
const inOrder = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

describe("a task that streams its results", () => {
  it("NG-031 NG-033 NG-035 NG-037 reports each item once, and returns where they are", async () => {
    const move = handler("move", { options: { flushItems: 4 } });
    const engine = new TestEngine({ tasks: { move, shown } });
    const jobId = await engine.submit(chain(move.s(streamed), shown.s()));
    const job = await engine.settle(jobId);
    expect(job).toMatchObject({
      state: "failure",
      countsExact: true,
      items: { processed: 9, skipped: 0, failures: 1, aborted: 0, inprogress: 0 },
    });
    const reports = await engine.reports(jobId);
    expect(reports.map(({ position }) => position)).toEqual(inOrder(10));
    expect(reports[3]).toEqual({ runId: `${jobId}.0`, position: 3, state: "failures", item: { path: "/3", size: 3 } });
    expect(job.value).toMatchObject({
      paths: { $reports: `${jobId}.0`, total: 9 },
      status: {
        task: "move",
        input_total: 10,
        summary: { failures: 1, processed: 9, skipped: 0 },
        details: { $reports: `${jobId}.0`, total: 10 },
        sequence: 3,
      },
    });
  });
  it("NG-012 NG-013 NG-098 hands its good items over, also to a task that takes a list, and counts each once", async () => {
    const move = handler("move", { options: { flushItems: 4 } });
    const verify = handler("verify");
    const others = items(10).map(({ path }) => ({ path: `/other${path}` }));
    for (const next of [verify.s(), verify.s({ stream_results: true })]) {
      const engine = new TestEngine({ tasks: { move, verify } });
      const jobId = await engine.submit(chord([move.s(streamed), move.s({ ...streamed, paths: others })], next));
      const job = await engine.settle(jobId);
      expect(job.items).toEqual({ processed: 18, skipped: 0, failures: 2, aborted: 0, inprogress: 0 });
    }
  });
  it("NG-036 moves the counters of its job while it runs", async () => {
    const seen: unknown[] = [];
    const engine: TestEngine = new TestEngine({
      tasks: {
        move: handler("move", {
          options: { flushItems: 2 },
          each: async (path, add) => {
            if (path === "/8") seen.push((await engine.job(jobId)).items);
            await add();
            for (let turn = 0; turn < 5; turn++) await pause();
          },
        }),
      },
    });
    const jobId = await engine.submit(handler("move").s(streamed));
    const job = await engine.settle(jobId);
    expect(seen).toEqual([{ processed: 7, skipped: 0, failures: 1, aborted: 0, inprogress: 0 }]);
    expect(job.items).toMatchObject({ processed: 9, failures: 1 });
  });
  it("NG-036 sends what was added some time ago, although it is little", async () => {
    let before: number | undefined;
    const engine: TestEngine = new TestEngine({
      tasks: {
        move: handler("move", {
          options: { flushSeconds: 0.02 },
          each: async (path, add) => {
            await add();
            if (path !== "/1") return;
            await new Promise((resolve) => setTimeout(resolve, 100));
            before = (await engine.reports(jobId)).length;
          },
        }),
      },
    });
    const jobId = await engine.submit(handler("move").s(streamed));
    await engine.settle(jobId);
    expect(before).toBe(2);
  });
  it("NG-038 holds items back while they wait to be sent", async () => {
    let waits = 0;
    const move = handler("move", {
      options: { flushItems: 2 },
      each: (_path, add) => {
        const added = add();
        if (added) waits++;
        return added;
      },
    });
    const engine = new TestEngine({ tasks: { move } });
    const jobId = await engine.submit(move.s({ ...streamed, paths: items(50) }));
    expect((await engine.settle(jobId)).items).toMatchObject({ processed: 45, failures: 5 });
    expect(waits).toBeGreaterThan(10);
  });
  it("NG-038 fails when its code adds millions without waiting", async () => {
    const floods = definePathTask({
      name: "floods",
      acceptsStreaming: true,
      run: (ctx, { jobid, paths }) => {
        const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId);
        for (const { path } of paths as readonly PathObject[]) void status.add("processed", path);
        return status.dump();
      },
    });
    const engine = new TestEngine({ tasks: { floods } });
    const jobId = await engine.submit(floods.s({ ...streamed, paths: items(10_001) }));
    expect(await engine.settle(jobId)).toMatchObject({ state: "failure", error: { reason: "stream_overflow" } });
  });
  it("NG-039 fails when nothing is reported for long", async () => {
    const stalls = handler("stalls", {
      options: { idleSeconds: 0.05 },
      each: (path, add) => (path === "/4" ? new Promise(() => undefined) : add()),
    });
    const engine = new TestEngine({ tasks: { stalls } });
    const jobId = await engine.submit(stalls.s(streamed));
    expect(await engine.settle(jobId)).toMatchObject({ state: "failure", error: { reason: "stream_idle" } });
  });
  it("NG-030 fails when it returns its results although it was asked to stream them", async () => {
    const keeps = definePathTask({
      name: "keeps",
      acceptsStreaming: true,
      run: (ctx, { jobid, paths }) => new FileActionStatus(ctx.task, paths, jobid, ctx.queue).dump(),
    });
    const engine = new TestEngine({ tasks: { keeps } });
    const job = await engine.settle(await engine.submit(keeps.s(streamed)));
    expect(job).toMatchObject({ state: "failure", error: { reason: "not_streamed", retryable: false } });
  });
  it("NG-034 names its run, and must return what dump gives", async () => {
    const at = (taskid: string | undefined, returned?: object) =>
      definePathTask({
        name: "odd",
        acceptsStreaming: true,
        run: async (ctx, { jobid, paths }) => {
          const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, taskid ?? ctx.runId);
          const payload = await status.dump();
          return returned ? { ...payload, ...returned } : payload;
        },
      });
    const errorOf = async (odd: ReturnType<typeof at>) => {
      const engine = new TestEngine({ tasks: { odd } });
      return (await engine.settle(await engine.submit(odd.s(streamed)))).error;
    };
    expect(await errorOf(at("other.0"))).toMatchObject({ reason: "invalid_payload", details: { field: "/taskid" } });
    expect(await errorOf(at(undefined, { more: 1 }))).toMatchObject({ reason: "invalid_payload" });
    expect(await errorOf(at(undefined))).toBeUndefined();
  });
  it("lists items that were reported in no state, and refuses those that it was not given", async () => {
    const some = definePathTask({
      name: "some",
      acceptsStreaming: true,
      kwargs: undefined,
      run: async (ctx, { jobid, paths, foreign }) => {
        const status = new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId);
        await status.add("processed", "/1");
        if (foreign === true) await status.add("processed", "/elsewhere");
        return status.dump();
      },
    });
    const engine = new TestEngine({ tasks: { some } });
    const job = await engine.settle(await engine.submit(some.s({ ...streamed, paths: items(3) })));
    expect(job.value).toMatchObject({ status: { unreported: [{ path: "/0" }, { path: "/2" }] } });
    const refused = await engine.settle(await engine.submit(some.s({ ...streamed, foreign: true })));
    expect(refused.error).toMatchObject({ reason: "invalid_payload", details: { field: "/item/path" } });
    expect(refused.items).toBeUndefined();
  });
});

describe("a stream that several attempts write", () => {
  const attempts = (retry: number) => ({ retry: { maxAttempts: retry, initialDelaySeconds: 1 } });
  it("NG-100 goes on after what was sent, and neither repeats nor skips an item", async () => {
    const worked: string[] = [];
    let failures = 0;
    const move = handler("move", {
      options: { flushItems: 3 },
      more: attempts(5),
      each: async (path, add) => {
        worked.push(path);
        await add();
        await pause();
        if (path === "/4" || (path === "/8" && failures < 2)) {
          failures++;
          if (failures <= 2) throw new Error("torn");
        }
      },
    });
    const engine = new TestEngine({ tasks: { move } });
    const jobId = await engine.submit(move.s(streamed));
    const job = await engine.settle(jobId);
    expect(job).toMatchObject({ countsExact: true, items: { processed: 9, failures: 1 } });
    expect((await engine.reports(jobId)).map(({ position }) => position)).toEqual(inOrder(10));
    expect(engine.attemptsOf(move)).toHaveLength(3);
    // What was sent is not worked on again.
    expect(worked.filter((path) => path === "/0")).toHaveLength(1);
  });
  it("keeps what was sent when its run fails for good", async () => {
    const move = handler("move", {
      options: { flushItems: 3 },
      each: async (path, add) => {
        await add();
        await pause();
        if (path === "/7") throw new Error("no");
      },
    });
    const first = handler("first");
    const engine = new TestEngine({ tasks: { first, move } });
    const jobId = await engine.submit(chain(first.s({ paths: items(10) }), move.s({ stream_results: true })));
    const job = await engine.settle(jobId);
    const reports = await engine.reports(jobId);
    expect(reports.length).toBe(6);
    // Nine were handed over. The others are in the state of the step before.
    expect(job).toMatchObject({ state: "failure", countsExact: true, items: { processed: 9, failures: 1 } });
  });
  it("goes on in another attempt when its time is over and it has made progress", async () => {
    const move = handler("move", {
      options: { flushItems: 2 },
      more: { timeout: 60 },
      each: async (path, add) => {
        await add();
        await pause();
        if (path === "/5" && engine.attemptsOf("move").length === 1) await new Promise(() => undefined);
      },
    });
    const engine: TestEngine = new TestEngine({ tasks: { move } });
    const jobId = await engine.submit(move.s(streamed));
    expect(await engine.settle(jobId)).toMatchObject({ counts: { success: 1 }, items: { processed: 9, failures: 1 } });
    expect(engine.attemptsOf(move)).toHaveLength(2);
  });
  it.each(Array.from({ length: 30 }, (_, seed) => seed))(
    "NG-100 reports each item once although processes die: seed %i",
    async (seed) => {
      const move = handler("move", {
        options: { flushItems: 2 },
        more: attempts(50),
        each: async (_path, add) => {
          await add();
          await pause();
        },
      });
      const engine = new TestEngine({ tasks: { move }, faults: { seed, crash: 0.08, throttle: 0.02 } });
      const jobId = await engine.submit(move.s({ ...streamed, paths: items(20) }));
      const job = await engine.settle(jobId);
      const positions = (await engine.reports(jobId)).map(({ position }) => position);
      expect(positions.toSorted((a, b) => a - b)).toEqual([...new Set(positions)].toSorted((a, b) => a - b));
      const total = Object.values(job.items ?? {}).reduce((sum, count) => sum + count, 0);
      expect(total).toBe(positions.length);
      // A run whose processes die too often is broken, and keeps what it has reported.
      expect(positions.length).toBeGreaterThanOrEqual(job.counts["success"] === 1 ? 20 : 0);
    },
  );
});
