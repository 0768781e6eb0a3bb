import { describe, expect, it } from "vitest";
import type { Abort, HeldRuns, WorkerLoop } from "../../../functions/engine/worker-loop.ts";
import { chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

/** A loop that remembers what it was asked to hold. */
class Holding implements WorkerLoop {
  readonly held = new Map<string, { runs: HeldRuns; readonly abort: Abort }>();
  readonly sizes: number[] = [];
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
const MEMBERS = 6;

describe("a batch of claimed runs", () => {
  /** Runs a group of `MEMBERS` twice: of the first one the engine learns that they are quick. `first`: called when the first member of the second one runs. */
  async function runTwice(first: (loop: Holding) => Promise<void> | void) {
    const loop = new Holding();
    let meets = false;
    const each = defineTask({
      name: "each",
      retry: { maxAttempts: 1 },
      run: (_ctx, index: number) => {
        if (!meets) return index;
        meets = false;
        const met = first(loop);
        return met === undefined ? index : met.then(() => index);
      },
    });
    const all = defineTask({ name: "all", run: (_ctx, given: readonly number[]) => given });
    const local = new LocalEngine([each, all], { packAbove: 1, membersPerMessage: MEMBERS }, undefined, undefined, loop);
    const run = async (): Promise<unknown> => {
      const members = Array.from({ length: MEMBERS }, (_, index) => each.s(index));
      const { jobId } = await local.engine.submit({ canvas: chord(group(members), all.s()).canvas });
      await local.untilQuiet();
      return local.engine.job(jobId);
    };
    await run();
    loop.sizes.length = 0;
    meets = true;
    return { job: await run(), loop };
  }
  const value = Array.from({ length: MEMBERS }, (_, index) => index);

  it("is held as one, until all is committed", async () => {
    let seen: (readonly number[])[] = [];
    const { job, loop } = await runTwice(({ held }) => {
      seen = [...held.values()].map(({ runs }) => runs.members);
    });
    expect(job).toMatchObject({ state: "success", value });
    expect([seen, loop.sizes[0], loop.held.size, loop.narrowed]).toEqual([[value], MEMBERS, 0, []]);
  });

  it("is stopped for the first reason that was given: what did not begin is given back, and has not failed", async () => {
    const { job } = await runTwice(({ held }) => {
      for (const { abort } of held.values()) {
        abort("stopped");
        abort("deadline");
      }
    });
    expect(job).toMatchObject({ state: "success", value });
  });

  it("is held no longer than its members: not for the one that is slow", async () => {
    let waiting = true;
    const { job, loop } = await runTwice(async ({ narrowed }) => {
      while (waiting) {
        await new Promise((resolve) => setImmediate(resolve));
        waiting = narrowed.length === 0;
      }
    });
    expect(job).toMatchObject({ state: "success", value });
    expect([loop.narrowed[0], loop.held.size]).toEqual([[0], 0]);
  });
});

describe("quick members of a big job", () => {
  const MANY = 512;
  const FULL_BATCH = 64;
  const SHORT_BATCH = 24;

  async function quickJobs(tracking: "lazy" | "result") {
    const loop = new Holding();
    const quick = defineTask({ name: "quick", run: (_ctx, index: number) => index });
    const all = defineTask({ name: "all", queue: "small", run: (_ctx, given: readonly number[]) => given.length });
    const local = new LocalEngine([quick, all], { packAbove: 1 }, ["engine", "local.default#worker", "local.small#worker"], undefined, loop);
    const submit = async (members: number): Promise<string> => {
      const signatures = Array.from({ length: members }, (_, index) => quick.s(index));
      return (await local.engine.submit({ canvas: chord(group(signatures, { tracking }), all.s()).canvas })).jobId;
    };
    // From these the engine learns how quick they are.
    await submit(SHORT_BATCH);
    await local.untilQuiet();
    const run = async (...members: readonly number[]) => {
      loop.sizes.length = 0;
      loop.mostSlots = 0;
      const jobs: string[] = [];
      for (const count of members) jobs.push(await submit(count));
      await local.untilQuiet();
      for (const [k, jobId] of jobs.entries()) expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: members[k] });
      return { longest: Math.max(...loop.sizes), slots: loop.mostSlots };
    };
    return { local, run };
  }

  it("are run in full batches, two at a time, and leave other slots free", async () => {
    const { local, run } = await quickJobs("lazy");
    local.clock.advance(1_000);
    expect(await run(MANY)).toEqual({ longest: FULL_BATCH, slots: 2 });
  });

  it("are run in short batches while small jobs come, and in full ones again afterwards", async () => {
    const { local, run } = await quickJobs("lazy");
    await run(MANY);
    expect((await run(2, MANY)).longest).toBeLessThanOrEqual(SHORT_BATCH);
    local.clock.advance(1_000);
    expect((await run(MANY)).longest).toBe(FULL_BATCH);
    // Two big ones, or small ones among themselves, need not hurry.
    expect((await run(MANY, MANY)).longest).toBe(FULL_BATCH);
  });

  it("without claims run one message at a time while small jobs come", async () => {
    const { local, run } = await quickJobs("result");
    local.clock.advance(1_000);
    expect((await run(8 * MANY)).slots).toBeGreaterThan(4);
    expect((await run(2, 8 * MANY)).slots).toBeLessThanOrEqual(2);
  });
});
