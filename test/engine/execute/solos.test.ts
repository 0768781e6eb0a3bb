import { describe, expect, it } from "vitest";
import type { WriteOp } from "../../../functions/engine/ports.ts";
import { defineTask } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** Jobs of one quick task whose messages a process receives together (docs/protocol-rules.md, section 3). */
describe("jobs of one task that are received together", () => {
  const JOBS = [0, 1, 2, 3, 4, 5];

  /** Submits the jobs, and lets one process handle all their messages at once. */
  async function runTogether({
    each = (index: number): unknown => index,
    before = async (_local: LocalEngine, _jobs: readonly string[]) => {},
    twice = false,
  } = {}) {
    const calls: number[] = [];
    const task = defineTask({
      name: "each",
      retry: { maxAttempts: 1 },
      run: (_ctx, index: number) => {
        calls.push(index);
        return each(index) as number;
      },
    });
    const writes: (readonly WriteOp[])[] = [];
    const local = new LocalEngine(
      [task],
      {},
      {
        around: (ports) => ({
          ...ports,
          store: {
            get: (...given) => ports.store.get(...given),
            getMany: (...given) => ports.store.getMany(...given),
            query: (...given) => ports.store.query(...given),
            queryIndex: (...given) => ports.store.queryIndex(...given),
            write: (op) => {
              writes.push([op]);
              return ports.store.write(op);
            },
            writeMany: (ops) => {
              writes.push(ops);
              return ports.store.writeMany(ops);
            },
          },
        }),
      },
    );
    local.engine.noteTaskSpeed("each", true);
    const submitted = await local.engine.submitMany(JOBS.map((index) => ({ canvas: task.s(index).canvas })));
    const jobs = submitted.map((outcome) => ("submitted" in outcome ? outcome.submitted.jobId : ""));
    await before(local, jobs);
    const received = await local.queue.receive(["local.default#worker"], 100, 30);
    const messages = twice ? [...received, received[0] as (typeof received)[0]] : received;
    writes.length = 0;
    const handled = messages.map((message) => local.engine.handle(message, LocalEngine.loop));
    const dispositions = await local.passing(Promise.all(handled));
    await local.queue.ack(received.map(({ id }) => id));
    return { local, jobs, calls, writes, dispositions };
  }

  it("one call of the store claims them all, and one ends them all", async () => {
    const { local, jobs, calls, writes, dispositions } = await runTogether();
    expect(calls.toSorted((a, b) => a - b)).toEqual(JOBS);
    expect(dispositions).toEqual(JOBS.map(() => ({ kind: "done" })));
    // Claims, entries in the list of ends, ends.
    expect(writes.map((ops) => ops.length)).toEqual([JOBS.length, JOBS.length, JOBS.length]);
    for (const [index, jobId] of jobs.entries())
      expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: index });
  });

  it("a run that fails ends its own job alone", async () => {
    const { local, jobs, dispositions } = await runTogether({
      each: (index) => {
        if (index === 2) throw new Error("no two");
        return index;
      },
    });
    expect(dispositions).toEqual(JOBS.map(() => ({ kind: "done" })));
    const states = await Promise.all(jobs.map(async (jobId) => (await local.engine.job(jobId))?.state));
    expect(states).toEqual(JOBS.map((index) => (index === 2 ? "failure" : "success")));
  });

  it("a job that was cancelled meanwhile does not run, and the others do", async () => {
    const { local, jobs, calls } = await runTogether({
      before: async ({ engine }, [first]) => void (await engine.cancel(first as string)),
    });
    await local.untilQuiet();
    expect(calls.toSorted((a, b) => a - b)).toEqual(JOBS.slice(1));
    expect(await local.engine.job(jobs[0] as string)).toMatchObject({ state: "cancelled" });
  });

  it("a message that came twice runs its job once, and its copy waits until that has ended", async () => {
    const { jobs, calls, dispositions, local } = await runTogether({ twice: true });
    expect(calls.toSorted((a, b) => a - b)).toEqual(JOBS);
    expect(dispositions.slice(0, JOBS.length)).toEqual(JOBS.map(() => ({ kind: "done" })));
    expect(dispositions[JOBS.length]?.kind).toBe("later");
    expect(await local.engine.job(jobs[0] as string)).toMatchObject({ state: "success", value: 0 });
  });

  it("behind a slow run the others return to their queue, and those before it end at once", async () => {
    let slow = true;
    const { local, jobs, calls, dispositions } = await runTogether({
      each: (index) => {
        if (index !== 2 || !slow) return index;
        slow = false;
        return new Promise((resolve) => void waits.then(() => resolve(index)));
      },
      before: async ({ clock }) => void (waits = clock.pause(10_000)),
    });
    expect(calls.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    expect(dispositions.map(({ kind }) => kind)).toEqual(["done", "done", "done", "later", "later", "later"]);
    expect(await local.engine.job(jobs[1] as string)).toMatchObject({ state: "success", value: 1 });
    expect(await local.engine.job(jobs[3] as string)).toMatchObject({ state: "started" });
  });
});
let waits: Promise<unknown> = Promise.resolve();
