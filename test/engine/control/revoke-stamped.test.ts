import { describe, expect, it } from "vitest";
import type { Canvas } from "../../../functions/core/canvas/canvas.ts";
import { LIMITS } from "../../../functions/core/limits.ts";
import { runKey } from "../../../functions/engine/item-kinds.ts";
import { withRootRows } from "../../../functions/engine/items/root-row.ts";
import { chain, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { add, fail, sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";

const began: string[] = [];
const note = defineTask({ name: "note", run: (_ctx, label: string) => void began.push(label) });
const list = defineTask({ name: "list", run: (_ctx, values: unknown[]) => values });
const parent = defineTask({
  name: "parent",
  run: (ctx) => ctx.replace(group([note.si("child").set({ countdown: 600 })])),
});
const tasks = [add, sum, fail, note, list, parent];
const CONFIG = { width: 4, headerCacheMs: 0 };
const MINUTE = 60_000;

async function started({ canvas }: { canvas: Canvas }, turns: number): Promise<{ local: LocalEngine; jobId: string }> {
  began.length = 0;
  const local = new LocalEngine(tasks, CONFIG);
  const { jobId } = await local.engine.submit({ canvas });
  for (let turn = 0; turn < turns; turn++) await local.turn();
  return { local, jobId };
}
/** Loses the messages that are in the engine's queue. */
async function lose(local: LocalEngine): Promise<void> {
  for (const { id } of await local.queue.receive(["engine"], 10, 30)) await local.queue.ack([id]);
}

describe("revoke by stamp", () => {
  it("members with a revoked stamp do not start, with or without a row; the others run", async () => {
    const canvas = group(
      ["a", "b", "c"].map((label) => note.si(label).stamp({ team: label === "b" ? ["x", "blue"] : label })),
    );
    const { local, jobId } = await started(canvas, 0);
    expect(await local.engine.revokeStamped(jobId, { team: ["blue", "c"] })).toBe(true);
    await local.untilQuiet();
    expect(began).toEqual(["a"]);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "failure",
      counts: { success: 1, cancelled: 2 },
      error: { name: "Revoked", reason: "revoked" },
    });
  });
  it("revoking a stamp ends what waits for its time at once, also a group that a run waits for", async () => {
    const canvas = group([
      note.si("late").set({ countdown: 600 }).stamp({ team: "blue" }),
      parent.si().stamp({ team: "blue" }),
    ]);
    const { local, jobId } = await started(canvas, 6);
    const at = local.clock.now();
    await local.engine.revokeStamped(jobId, { team: ["blue"] });
    for (let turn = 0; turn < 10; turn++) await local.turn();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { cancelled: 2 } });
    expect(local.clock.now() - at).toBeLessThan(MINUTE);
    expect(began).toEqual([]);
  });
  it("revoking a stamp ends later steps as they come, delayed ones at once", async () => {
    const canvas = chain(
      note.si("first").set({ countdown: 30 }),
      note.si("second").set({ countdown: 600 }).stamp({ n: 1 }),
      note.si("third"),
    );
    const { local, jobId } = await started(canvas, 4);
    await local.engine.revokeStamped(jobId, { n: [1] });
    await local.untilQuiet(120);
    expect(began).toEqual(["first"]);
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "failure",
      counts: { success: 1, cancelled: 1 },
      error: { runId: `${jobId}.0~1` },
    });
  });
  it("revoking a stamp ends delayed members of a group that is opened later", async () => {
    const canvas = chain(
      note.si("first").set({ countdown: 30 }),
      group([note.si("a").set({ countdown: 600 }).stamp({ n: 1 }), note.si("b")]),
      list.s(),
    );
    const { local, jobId } = await started(canvas, 4);
    await local.engine.revokeStamped(jobId, { n: [1] });
    await local.untilQuiet(120);
    expect(began).toEqual(["first", "b"]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "revoked" } });
  });
  it("a revocation whose message is lost is repaired by the sweeper", async () => {
    const canvas = chord(group([note.si("a").set({ countdown: 3_000 }).stamp({ n: 1 }), note.si("b")]), list.s());
    const { local, jobId } = await started(canvas, 8);
    await local.engine.revokeStamped(jobId, { n: [1] });
    await lose(local);
    await local.untilQuiet(10);
    expect((await local.engine.job(jobId))?.state).toBe("started");
    local.clock.set(local.clock.now() + 2 * MINUTE);
    await local.engine.sweep();
    for (let turn = 0; turn < 12; turn++) await local.turn();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { reason: "revoked" } });
    expect(began).toEqual(["b"]);
  });
  it("revoking a stamp stops a run that has begun by its heartbeat", async () => {
    const { local, jobId } = await started(note.si("a").stamp({ n: 1 }), 0);
    await local.engine.revokeStamped(jobId, { n: [1] });
    // This is the claim of a worker that read the header before the revocation.
    const key = runKey({ gid: jobId, index: 0, stepIndex: 0 }, CONFIG.width);
    const claim = {
      gid: jobId,
      index: 0,
      stepIndex: 0,
      runId: `${jobId}.0`,
      token: "t",
      attempt: 1,
      task: "note",
      queue: "local.default#worker",
      unclaimed: false,
    };
    const attributes = {
      v: 1,
      jobId,
      ttl: 1e10,
      status: "started",
      round: 0,
      attempt: 1,
      leaseOwner: "t",
      leaseUntil: local.clock.now() + MINUTE,
    };
    await withRootRows(local.store).write({ op: "put", key, attributes });
    expect(await local.engine.heartbeat([claim])).toEqual(["cancelled"]);
  });
  it("revoking a stamp calls the error links of what it ends, unless they carry the stamp as well", async () => {
    const host = (label: string) =>
      note
        .si(label)
        .set({ countdown: 600 })
        .stamp({ n: 1 })
        .linkError(note.si(`${label} failed`));
    const both = note.si("c").set({ countdown: 600 }).linkError(note.si("c failed")).stamp({ n: 1 });
    const { local, jobId } = await started(group([host("a"), both]), 6);
    await local.engine.revokeStamped(jobId, { n: [1] });
    await local.untilQuiet(120);
    expect(began).toEqual(["a failed"]);
    expect((await local.engine.job(jobId))?.state).toBe("failure");
  });
  it("revoking is refused for no stamp, for too many and for ones that are too long; an ended job says so", async () => {
    const { local, jobId } = await started(note.si("a").stamp({ n: 1 }), 0);
    await expect(local.engine.revokeStamped("never", { n: [1] })).rejects.toMatchObject({ code: "job_not_found" });
    await expect(local.engine.revokeStamped(jobId, {})).rejects.toMatchObject({ code: "invalid_request" });
    await expect(local.engine.revokeStamped(jobId, { n: ["x".repeat(500)] })).rejects.toMatchObject({
      code: "invalid_request",
    });
    const many = Array.from({ length: LIMITS.revokedStamps }, (_, k) => k + 2);
    expect(await local.engine.revokeStamped(jobId, { n: many })).toBe(true);
    expect(await local.engine.revokeStamped(jobId, { n: [7] })).toBe(true);
    await expect(local.engine.revokeStamped(jobId, { n: [1] })).rejects.toMatchObject({ code: "too_many_stamps" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect(await local.engine.revokeStamped(jobId, { n: [7] })).toBe(false);
  });
});

describe("jobs by stamp", () => {
  it("jobs are found by any stamp of their canvas, newest first, page by page; jobs without stamps cost nothing", async () => {
    const local = new LocalEngine(tasks, CONFIG);
    const submit = async ({ canvas }: { canvas: Canvas }): Promise<string> => {
      local.clock.set(local.clock.now() + 1_000);
      return (await local.engine.submit({ canvas })).jobId;
    };
    const writes = async (of: { canvas: Canvas }): Promise<number> => {
      const before = local.store.stats().writes;
      await submit(of);
      return local.store.stats().writes - before;
    };
    const plain = await writes(note.si("plain"));
    expect(await writes(note.si("stamped").stamp({ other: 1 }))).toBe(plain + 1);
    const long = "x".repeat(300);
    const jobs: string[] = [];
    for (let n = 0; n < 3; n++)
      jobs.unshift(
        await submit(
          chord(
            group([note.si("a").linkError(note.si("b").stamp({ team: ["blue", n] })), note.si("c").stamp({ long })]),
            list.s(),
          ),
        ),
      );
    const ids = async (name: string, value: string | number, more = {}) =>
      (await local.engine.jobs({ stamp: { name, value }, ...more })).items.map(({ jobId }) => jobId);
    expect(await ids("team", "blue")).toEqual(jobs);
    expect(await ids("team", 1)).toEqual([jobs[1]]);
    expect(await ids("long", long)).toEqual(jobs);
    const odd = await submit(note.si("odd").stamp({ "\u0000\ud800": "x" }));
    expect(await ids("\u0000\ud800", "x")).toEqual([odd]);
    expect(await ids("team", "red")).toEqual([]);
    expect(await ids("team", "blue", { state: "success" })).toEqual([]);
    const first = await local.engine.jobs({ stamp: { name: "team", value: "blue" }, limit: 2 });
    expect(await ids("team", "blue", { cursor: first.cursor })).toEqual(jobs.slice(2));
    await local.untilQuiet();
    expect(await ids("team", "blue", { state: "success" })).toEqual(jobs);
  });
});
