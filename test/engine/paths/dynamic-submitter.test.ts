import { describe, expect, it } from "vitest";
import { sizeFor } from "../../../functions/paths/children/chunk-size.ts";
import {
  definePathTask,
  DynamicSubmitter,
  expandPaths,
  FileActionStatus,
  type PathObject,
  type PathPayload,
  type SubmitterOptions,
  StreamTaskResults,
} from "../../../functions/paths/index.ts";
import { chain, defineTask, taskTemplate, type CanvasSource, type Json } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death } from "../scripted-faults.ts";
import { TestEngine } from "../../../functions/testing/index.ts";

const items = (count: number): PathObject[] => Array.from({ length: count }, (_, k) => ({ path: `/${k}`, size: k }));
type Options = Omit<SubmitterOptions, "status">;

/** What the runs of a task were given, in the order in which they began. */
function recorder(name = "migrate", more = {}) {
  const given: (readonly PathObject[])[] = [];
  const task = definePathTask({
    name,
    ...more,
    run: (ctx, { jobid, paths }) => {
      given.push(paths);
      const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
      for (const { path } of paths) status.add("processed", path);
      return status.dump();
    },
  });
  return { task, given, paths: () => given.map((chunk) => chunk.map(({ path }) => path)) };
}
/** A task that gives all its items to a submitter. */
function discovery(options: Options, { keyOf = (_path: string): string => "files", more = {} } = {}) {
  return definePathTask({
    name: "discover",
    ...more,
    run: async (ctx, { jobid, paths }) => {
      const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
      const submitter = new DynamicSubmitter({ status, ...options });
      for (const { path } of paths) await submitter.add(keyOf(path), path);
      return submitter.dump();
    },
  });
}
const shown = defineTask({ name: "shown", run: (_ctx, payload: unknown) => payload as Json });
async function run(tasks: object, canvas: CanvasSource) {
  const engine = new TestEngine({ tasks: tasks as never });
  const jobId = await engine.submit(canvas);
  return { engine, jobId, job: await engine.settle(jobId) };
}
const sorted = (chunks: readonly (readonly string[])[]): number[] =>
  chunks
    .flat()
    .map((path) => Number(path.slice(1)))
    .sort((a, b) => a - b);

describe("a task with a DynamicSubmitter", () => {
  it("NG-044 NG-045 NG-046 starts a child for each chunk of 40, which is given the items as they came", async () => {
    const { task, given } = recorder();
    const discover = discovery({ settings: { files: task.s() } });
    const { job } = await run({ task, discover }, discover.s({ paths: items(100) }));
    expect(given.map((chunk) => chunk.length)).toEqual([40, 40, 20]);
    expect(given.flat()).toEqual(items(100));
    expect(job).toMatchObject({ state: "success", items: { processed: 100 }, counts: { success: 4 } });
  });
  it("returns the payload of its status, in which items of children are not unreported", async () => {
    const { task } = recorder();
    const discover = discovery({ settings: { files: task.s() } });
    const { job } = await run({ task, discover }, discover.s({ paths: items(3) }));
    expect(job.value).toMatchObject({ paths: [], status: { input_total: 3, summary: { processed: 0 } } });
    expect(job.value).not.toHaveProperty("status.unreported");
  });
  it("NG-045 cuts chunks by bytes as well, and makes a larger item one of its own", async () => {
    const GIB = 2 ** 30;
    const sizes = [0.5, 0.4, 0.2, 3, 0.1, 0.1];
    const { task, paths } = recorder();
    const discover = discovery({ settings: { files: task.s() } });
    const given = sizes.map((gib, k) => ({ path: `/${k}`, size: gib * GIB }));
    await run({ task, discover }, discover.s({ paths: given }));
    expect(paths()).toEqual([["/0", "/1"], ["/2"], ["/3"], ["/4", "/5"]]);
  });
  it("gathers items by key, each with a template of its own", async () => {
    const even = recorder("even");
    const odd = recorder("odd");
    const discover = discovery(
      { settings: { 0: even.task.s(), 1: taskTemplate("odd", {}) }, chunkSize: 2 },
      { keyOf: (path) => String(Number(path.slice(1)) % 2) },
    );
    await run({ even: even.task, odd: odd.task, shown, discover }, discover.s({ paths: items(6) }));
    expect([even.paths(), odd.paths()]).toEqual([
      [["/0", "/2"], ["/4"]],
      [["/1", "/3"], ["/5"]],
    ]);
  });
  it("NG-044 starts the steps behind it for each chunk of a key without a template, and they run once only", async () => {
    const { task, paths } = recorder();
    const seen: Json[] = [];
    const report = defineTask({
      name: "report",
      run: (_ctx, payload: PathPayload) => seen.push(payload.paths.length),
    });
    const discover = discovery({ chunkSize: 4 });
    const { job, engine, jobId } = await run(
      { task, discover, report },
      chain(discover.s({ paths: items(10) }), task.s(), report.s()),
    );
    expect(paths().map((chunk) => chunk.length)).toEqual([4, 4, 2]);
    expect(seen).toEqual([4, 4, 2]);
    expect(job).toMatchObject({ state: "success", counts: { success: 7 }, items: { processed: 10 } });
    expect((await engine.runs(jobId)).map(({ runId }) => runId)).not.toContain(`${jobId}.0~1`);
  });
  it("is refused with no_next_step when there is none, when or it is no path task", async () => {
    const discover = discovery({});
    const paths = items(1);
    for (const canvas of [discover.s({ paths }), chain(discover.s({ paths }), shown.s())]) {
      const { job } = await run({ discover, shown }, canvas);
      expect(job).toMatchObject({ state: "failure", error: { reason: "no_next_step" } });
    }
  });
  it("hands the payloads of its children to the next step when it is asked to", async () => {
    const { task } = recorder();
    const discover = discovery({ settings: { files: task.s() }, chunkSize: 4, handsOver: "children" });
    const count = defineTask({
      name: "count",
      run: (_ctx, all: PathPayload[]) => all.map(({ paths }) => paths.length),
    });
    const { job } = await run({ task, discover, count }, chain(discover.s({ paths: items(10) }), count.s() as never));
    expect(job).toMatchObject({ state: "success", value: [4, 4, 2] });
  });
  it("counts what it reports itself, once", async () => {
    const { task } = recorder("migrate", { countsTowardsJob: false });
    const discover = definePathTask({
      name: "discover",
      run: async (ctx, { jobid, paths }) => {
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        const submitter = new DynamicSubmitter({ status, settings: { files: task.s() }, chunkSize: 2 });
        for (const { path } of paths) {
          status.add(path === "/3" ? "failures" : "skipped", path);
          await submitter.add("files", path);
        }
        return submitter.dump();
      },
    });
    const { job } = await run({ task, discover }, discover.s({ paths: items(5) }));
    expect(job).toMatchObject({
      state: "failure",
      items: { skipped: 4, failures: 1, processed: 0 },
      countsExact: true,
    });
  });
  it("without any item has no child, and ends as others do", async () => {
    const { task, given } = recorder();
    const discover = discovery({ settings: { files: task.s() } });
    const { job } = await run({ task, discover }, discover.s({}));
    expect([job.state, given, job.counts]).toMatchObject(["success", [], { success: 1 }]);
  });
  it("runs the steps behind it again in a round, where they failed, and no others", async () => {
    let broken = true;
    const runs: number[] = [];
    const task = definePathTask({
      name: "migrate",
      run: (ctx, { jobid, paths }) => {
        runs.push(paths.length);
        if (broken && paths[0]?.path === "/4") throw new Error("disk full");
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        for (const { path } of paths) status.add("processed", path);
        return status.dump();
      },
    });
    const discover = discovery({ chunkSize: 4 });
    const local = new LocalEngine([task, discover]);
    const { jobId } = await local.engine.submit(chain(discover.s({ paths: items(10) }), task.s()));
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", items: { processed: 6 } });
    broken = false;
    runs.length = 0;
    await local.engine.retry(jobId, {});
    await local.untilQuiet();
    const again = { state: "success", items: { processed: 10 }, countsExact: true };
    expect(await local.engine.job(jobId)).toMatchObject(again);
    expect(runs).toEqual([4]);
  });
  it("must return what dump() of the submitter gives", async () => {
    const { task } = recorder();
    const discover = definePathTask({
      name: "discover",
      run: async (ctx, { jobid, paths }) => {
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        await new DynamicSubmitter({ status, settings: { files: task.s() } }).add("files", "/a");
        return status.dump();
      },
    });
    const { job } = await run({ task, discover }, discover.s({ paths: items(1) }));
    expect(job).toMatchObject({ state: "failure", error: { reason: "invalid_payload" } });
  });
  it.each([
    [{ chunkSize: 0 }, "invalid_request"],
    [{ chunkSize: 5_000 }, "invalid_request"],
    [{ chunkGb: -1 }, "invalid_request"],
    [{ handsOver: "both" }, "invalid_request"],
    [{ chunksize: 5 }, "invalid_request"],
    [{ taskId: "another" }, "invalid_request"],
    [{ settings: { files: shown.si(1) } }, "invalid_canvas"],
  ])("is refused for wrong options: %j", async (options, reason) => {
    const discover = discovery(options as never);
    const { job } = await run({ discover, shown }, discover.s({ paths: items(1) }));
    expect(job).toMatchObject({ state: "failure", error: { reason } });
  });
  it("does not fill the memory when add is not awaited", async () => {
    const { task } = recorder();
    const discover = definePathTask({
      name: "discover",
      run: async (ctx, { jobid }) => {
        const status = new FileActionStatus(ctx.task, [], jobid, ctx.queue);
        const submitter = new DynamicSubmitter({ status, settings: { files: task.s() } });
        for (let k = 0; k < 20_000; k++) void submitter.add("files", `/${k}`);
        return submitter.dump();
      },
    });
    const { job } = await run({ task, discover }, discover.s({}));
    expect(job).toMatchObject({ state: "failure", error: { reason: "stream_overflow" } });
  });
});

describe("a process that dies", () => {
  /** Runs a job whose first process dies before its nth write, blob or message. Another one goes on. */
  async function diesAt(nth: number, streams: boolean, hands: boolean) {
    const { task, given } = recorder();
    const discover = definePathTask({
      name: "discover",
      acceptsStreaming: true,
      run: async (ctx, { jobid, paths, streamResults }) => {
        const status = streamResults
          ? new StreamTaskResults(ctx.task, paths, jobid, ctx.queue, ctx.runId, { flushItems: 2 })
          : new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        const settings: Options["settings"] = hands ? {} : { files: task.s() };
        const submitter = new DynamicSubmitter({ status, settings, chunkSize: 2 });
        for await (const { path } of expandPaths(paths)) {
          await status.add(Number(path.slice(1)) < 2 ? "aborted" : "skipped", path);
          await submitter.add("files", path);
        }
        return submitter.dump();
      },
    });
    let calls = 0;
    const death = new Death(
      ({ writes, messages, blob }) =>
        (writes.length > 0 || messages.length > 0 || blob !== undefined) && calls++ === nth,
    );
    const dying = new LocalEngine([task, discover], {}, { around: death.around });
    const next = new LocalEngine([task, discover], {}, { on: dying });
    const first = discover.s({ paths: items(7), ...(streams && { stream_results: true }) });
    const { jobId } = await next.engine.submit(hands ? chain(first, task.s()) : first);
    let died = false;
    void death.died.then(() => (died = true));
    for (let more = true; more && !died;) {
      const messages = await dying.queue.receive(dying.queues, 10, 30);
      more = messages.length > 0;
      const handled = messages.map(async (message) => {
        const { kind } = await dying.engine.handle(message, LocalEngine.loop);
        if (kind === "done") await dying.queue.ack([message.id]);
      });
      await dying.passing(Promise.race([Promise.all(handled), death.died]));
    }
    await next.untilQuiet(20_000);
    return { died, job: await next.engine.job(jobId), paths: given.map((chunk) => chunk.map(({ path }) => path)) };
  }
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])(
    "NG-033 NG-047 before any of its writes costs no item, and repeats none (streams: %s, next step: %s)",
    { timeout: 60_000 },
    async (streams, hands) => {
      let nth = 0;
      for (; ; nth++) {
        const { died, job, paths } = await diesAt(nth, streams, hands);
        const where = `before call ${nth}`;
        // The items of the task, then those of its children. An attempt of a child may run twice.
        const counted = { processed: 7, skipped: 5, aborted: 2, failures: 0, inprogress: 0 };
        expect([where, job?.items, job?.countsExact]).toEqual([where, counted, true]);
        expect([where, job?.counts["success"]]).toEqual([where, 5]);
        expect([...new Set(sorted(paths))]).toEqual(items(7).map((_, k) => k));
        expect([where, new Set(paths.map(String)).size]).toEqual([where, 4]);
        if (!died) break;
      }
      expect(nth).toBeGreaterThan(15);
    },
  );
});

describe("willSpawnChildren", () => {
  class Held extends DynamicSubmitter {
    holds = true;
    override willSpawnChildren(): boolean {
      return this.holds;
    }
  }
  const holding = (task: ReturnType<typeof recorder>["task"], later: (submitter: Held) => unknown, seconds = 60) =>
    definePathTask({
      name: "discover",
      run: async (ctx, { jobid, paths }) => {
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        const submitter = new Held({ status, settings: { files: task.s() }, holdSeconds: seconds });
        setTimeout(() => void later(submitter), 20);
        return submitter.dump();
      },
    });
  it("NG-048 holds a run open until the last of its children was added", async () => {
    const { task, given } = recorder();
    const discover = holding(task, async (submitter) => {
      await submitter.add("files", "/late");
      await submitter.dump();
    });
    const { job } = await run({ task, discover }, discover.s({}));
    expect([job.state, given]).toEqual(["success", [[{ path: "/late" }]]]);
  });
  it("NG-048 lets the run go on once it says no, with what was added", async () => {
    const { task, given } = recorder();
    const discover = holding(task, (submitter) => {
      void submitter.add("files", "/late");
      submitter.holds = false;
    });
    const { job } = await run({ task, discover }, discover.s({}));
    expect([job.state, given.length]).toEqual(["success", 1]);
  });
  it("NG-048 fails the run as never_sealed after its time", async () => {
    const { task } = recorder();
    const discover = holding(task, () => undefined, 0.2);
    const { job } = await run({ task, discover }, discover.s({}));
    expect(job).toMatchObject({ state: "failure", error: { reason: "never_sealed" } });
  });
  it("NG-048 that says no never ends a run before its children", async () => {
    const { task, given } = recorder();
    const discover = definePathTask({
      name: "discover",
      run: async (ctx, { jobid, paths }) => {
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        const submitter = new Held({ status, settings: { files: task.s() } });
        submitter.holds = false;
        for (const { path } of paths) await submitter.add("files", path);
        return submitter.dump();
      },
    });
    const { job } = await run({ task, discover }, discover.s({ paths: items(50) }));
    expect(job).toMatchObject({ state: "success", counts: { success: 3 }, items: { processed: 50 } });
    expect(given.length).toBe(2);
  });
});

describe("the automatic size of chunks", () => {
  it("aims at the same time for each chunk, and moves step by step within bounds", () => {
    const quick = { secondsPerRun: 0.1, waiting: 0 };
    expect(sizeFor({}, 40, 40, 40)).toBe(40);
    expect(sizeFor({ secondsPerRun: 10 }, 40, 40, 40)).toBe(40);
    expect(sizeFor(quick, 40, 40, 40)).toBe(80);
    expect(sizeFor(quick, 40, 900, 900)).toBe(1_000);
    expect(sizeFor({ secondsPerRun: 60 }, 40, 40, 40)).toBe(20);
    expect(sizeFor({ secondsPerRun: 6_000 }, 40, 3, 3)).toBe(2);
    expect(sizeFor({ secondsPerRun: 60, waiting: 5_000 }, 40, 40, 40)).toBe(40);
  });
});

describe("a run with children that was taken over", () => {
  /** Fails its first attempts, each after one more chunk. */
  const failing = (task: ReturnType<typeof recorder>["task"], options: Options, place: boolean, keys: number) => {
    let attempts = 0;
    let first: number[] = [];
    const discover = definePathTask({
      name: "discover",
      retry: { maxAttempts: 20, initialDelaySeconds: 1, maxDelaySeconds: 1 },
      run: async (ctx, { jobid, paths }) => {
        attempts++;
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        const submitter = new DynamicSubmitter({
          status,
          settings: { 0: task.s(), 1: task.s(), 2: task.s() },
          ...options,
        });
        const from = place ? ((submitter.resumeAt as number | undefined) ?? 0) : 0;
        first = [...first, from];
        for (let k = from; k < paths.length; k++) {
          if (k > 0 && k % 7 === 0 && attempts < 1 + k / 7) throw new Error(`attempt ${attempts}`);
          await submitter.add(String(k % keys), (paths[k] as PathObject).path, place ? { at: k + 1 } : {});
        }
        return submitter.dump();
      },
    });
    return { discover, first: () => first };
  };
  it.each([1, 3])("NG-047 neither repeats nor skips an item: it adds all of them again (%s keys)", async (keys) => {
    const { task, paths } = recorder();
    const { discover, first } = failing(task, { chunkSize: 3 }, false, keys);
    const { job } = await run({ task, discover }, discover.s({ paths: items(50) }));
    expect(job.state).toBe("success");
    expect(sorted(paths())).toEqual(items(50).map((_, k) => k));
    expect(first().length).toBeGreaterThan(3);
  });
  it.each([1, 3])("NG-047 goes on where it is told to (%s keys)", async (keys) => {
    const { task, paths } = recorder();
    const { discover, first } = failing(task, { chunkSize: 3 }, true, keys);
    const { job } = await run({ task, discover }, discover.s({ paths: items(50) }));
    expect(job.state).toBe("success");
    expect(sorted(paths())).toEqual(items(50).map((_, k) => k));
    expect(Math.max(...first())).toBeGreaterThan(30);
  });
  it("fails for good when it adds other items than before", async () => {
    const { task } = recorder();
    let attempts = 0;
    const discover = definePathTask({
      name: "discover",
      retry: { maxAttempts: 5, initialDelaySeconds: 1 },
      run: async (ctx, { jobid, paths }) => {
        const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
        const submitter = new DynamicSubmitter({ status, settings: { files: task.s() }, chunkSize: 2 });
        attempts++;
        for (const { path } of attempts === 1 ? paths : paths.toReversed()) {
          if (attempts === 1 && path === "/5") throw new Error("first");
          await submitter.add("files", path);
        }
        return submitter.dump();
      },
    });
    const { job } = await run({ task, discover }, discover.s({ paths: items(10) }));
    expect(job).toMatchObject({ state: "failure", error: { reason: "replay_differs" } });
  });
  it("NG-033 reports each item once, and gives each to one child", async () => {
    const { task, paths } = recorder("migrate", { countsTowardsJob: false });
    let attempts = 0;
    const discover = definePathTask({
      name: "discover",
      acceptsStreaming: true,
      retry: { maxAttempts: 20, initialDelaySeconds: 1, maxDelaySeconds: 1 },
      run: async (ctx, { jobid, paths: given }) => {
        attempts++;
        const status = new StreamTaskResults(ctx.task, given, jobid, ctx.queue, ctx.runId, { flushItems: 4 });
        const submitter = new DynamicSubmitter({ status, settings: { files: task.s() }, chunkSize: 3 });
        let k = 0;
        for await (const { path } of expandPaths(given)) {
          if (++k % 9 === 0 && attempts < 1 + k / 9) throw new Error(`attempt ${attempts}`);
          await status.add("processed", path);
          await submitter.add("files", path);
          await new Promise((resolve) => setImmediate(resolve));
        }
        return submitter.dump();
      },
    });
    const { job, engine, jobId } = await run(
      { task, discover },
      discover.s({ paths: items(40), stream_results: true } as never),
    );
    expect(job).toMatchObject({ state: "success", items: { processed: 40, skipped: 0 }, countsExact: true });
    expect(sorted(paths())).toEqual(items(40).map((_, k) => k));
    expect((await engine.reports(jobId)).map(({ position }) => position).toSorted((a, b) => a - b)).toEqual(
      items(40).map((_, k) => k),
    );
  });
});
