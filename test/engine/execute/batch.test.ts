import { describe, expect, it } from "vitest";
import type { Abort, HeldRuns, WorkerLoop } from "../../../functions/engine/worker-loop.ts";
import { chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** A loop that records the runs that it holds, and the most slots that were taken at the same time. */
class RecordingLoop implements WorkerLoop {
  readonly held = new Map<string, { runs: HeldRuns; readonly abort: Abort }>();
  /** The number of runs that each hold had at first. */
  readonly sizes: number[] = [];
  /** The members that remained in each narrowed hold. */
  readonly narrowed: (readonly number[])[] = [];
  slotsInUse = 0;
  mostSlots = 0;
  takeSlot: WorkerLoop["takeSlot"] = async () => {
    this.mostSlots = Math.max(this.mostSlots, ++this.slotsInUse);
    return { release: () => void this.slotsInUse-- };
  };
  tryTakeSlot = (): undefined => undefined;
  hold = (runs: HeldRuns, abort: Abort): ReturnType<WorkerLoop["hold"]> => {
    const entry = { runs, abort };
    this.held.set(runs.token, entry);
    this.sizes.push(runs.members.length);
    return {
      ready: undefined,
      narrow: (left) => {
        entry.runs = left;
        this.narrowed.push(left.members);
      },
      release: () => void this.held.delete(runs.token),
    };
  };
}

describe("a batch of claimed runs", () => {
  const MEMBERS = [0, 1, 2, 3, 4, 5];

  /**
   * Runs a group of quick members, whose pace the worker already knows. The first member calls `whileFirstRuns` and
   * awaits it.
   */
  async function runQuickGroup(whileFirstRuns: (loop: RecordingLoop) => Promise<void> | void) {
    const loop = new RecordingLoop();
    let interrupt = false;
    const each = defineTask({
      name: "each",
      retry: { maxAttempts: 1 },
      run: (_ctx, index: number) => {
        if (!interrupt) return index;
        interrupt = false;
        const interrupted = whileFirstRuns(loop);
        return interrupted === undefined ? index : interrupted.then(() => index);
      },
    });
    const all = defineTask({ name: "all", run: (_ctx, given: readonly number[]) => given });
    const local = new LocalEngine([each, all], { packAbove: 1, membersPerMessage: MEMBERS.length }, { loop });
    const runGroup = async () => {
      const { jobId } = await local.engine.submit({
        canvas: chord(group(MEMBERS.map((index) => each.s(index))), all.s()).canvas,
      });
      await local.untilQuiet();
      return local.engine.job(jobId);
    };
    // The first group teaches the worker how quick the members are.
    await runGroup();
    loop.sizes.length = 0;
    interrupt = true;
    return { job: await runGroup(), loop };
  }

  it("a batch is held as one hold, until all of it is committed", async () => {
    let whileRunning: (readonly number[])[] = [];
    const { job, loop } = await runQuickGroup(({ held }) => {
      whileRunning = [...held.values()].map(({ runs }) => runs.members);
    });
    expect(job).toMatchObject({ state: "success", value: MEMBERS });
    expect({ whileRunning, firstSize: loop.sizes[0], afterwards: loop.held.size, narrowed: loop.narrowed }).toEqual({
      whileRunning: [MEMBERS],
      firstSize: MEMBERS.length,
      afterwards: 0,
      narrowed: [],
    });
  });

  it("a batch is stopped for the first reason that was given: what has not begun is given back, and has not failed", async () => {
    const { job } = await runQuickGroup(({ held }) => {
      for (const { abort } of held.values()) {
        abort("stopped");
        abort("deadline");
      }
    });
    expect(job).toMatchObject({ state: "success", value: MEMBERS });
  });

  it("the members of a batch are not held for the one that is slow", async () => {
    let waiting = true;
    const { job, loop } = await runQuickGroup(async ({ narrowed }) => {
      while (waiting) {
        await new Promise((resolve) => setImmediate(resolve));
        waiting = narrowed.length === 0;
      }
    });
    expect(job).toMatchObject({ state: "success", value: MEMBERS });
    expect({ firstLeft: loop.narrowed[0], afterwards: loop.held.size }).toEqual({ firstLeft: [0], afterwards: 0 });
  });
});

describe("quick members of a big job", () => {
  const MANY = 512;
  const FULL_BATCH = 64;
  const SHORT_BATCH = 24;

  async function quickJobs(tracking: "lazy" | "result") {
    const loop = new RecordingLoop();
    const quick = defineTask({ name: "quick", run: (_ctx, index: number) => index });
    const all = defineTask({ name: "all", queue: "small", run: (_ctx, given: readonly number[]) => given.length });
    const local = new LocalEngine(
      [quick, all],
      { packAbove: 1 },
      { queues: ["engine", "local.default#worker", "local.small#worker"], loop },
    );
    const submit = async (members: number): Promise<string> => {
      const signatures = Array.from({ length: members }, (_, index) => quick.s(index));
      return (await local.engine.submit({ canvas: chord(group(signatures, { tracking }), all.s()).canvas })).jobId;
    };
    // This job teaches the engine how quick the members are.
    await submit(SHORT_BATCH);
    await local.untilQuiet();
    const run = async (...members: readonly number[]) => {
      loop.sizes.length = 0;
      loop.mostSlots = 0;
      const jobs: string[] = [];
      for (const count of members) jobs.push(await submit(count));
      await local.untilQuiet();
      for (const [k, jobId] of jobs.entries())
        expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: members[k] });
      return { longest: Math.max(...loop.sizes), slots: loop.mostSlots };
    };
    return { local, run };
  }

  it("quick members run in full batches, two at a time, and leave other slots free", async () => {
    const { local, run } = await quickJobs("lazy");
    local.clock.advance(1_000);
    expect(await run(MANY)).toEqual({ longest: FULL_BATCH, slots: 2 });
  });

  it("quick members run in short batches while small jobs come, and in full ones again afterwards", async () => {
    const { local, run } = await quickJobs("lazy");
    await run(MANY);
    expect((await run(2, MANY)).longest).toBeLessThanOrEqual(SHORT_BATCH);
    local.clock.advance(1_000);
    expect((await run(MANY)).longest).toBe(FULL_BATCH);
    // Two big jobs at once, or small jobs among themselves, need no short batches.
    expect((await run(MANY, MANY)).longest).toBe(FULL_BATCH);
  });

  it("quick members without claims run one message at a time while small jobs come", async () => {
    const { local, run } = await quickJobs("result");
    local.clock.advance(1_000);
    expect((await run(8 * MANY)).slots).toBeGreaterThan(4);
    expect((await run(2, 8 * MANY)).slots).toBeLessThanOrEqual(2);
  });
});
