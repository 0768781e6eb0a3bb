import { describe, expect, it } from "vitest";
import {
  definePathTask,
  DynamicSubmitter,
  expandPaths,
  FileActionStatus,
  type SubmitterOptions,
  StreamTaskResults,
} from "../../../functions/paths/index.ts";
import { type CanvasSource, chain } from "../../../functions/sdk/index.ts";
import { TestEngine } from "../../../functions/testing/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death } from "../scripted-faults.ts";
import { items, recorder, sorted } from "./submitter-tasks.ts";

type Options = Omit<SubmitterOptions, "status">;
async function run(tasks: object, canvas: CanvasSource) {
  const engine = new TestEngine({ tasks: tasks as never });
  return { job: await engine.settle(await engine.submit(canvas)) };
}

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
