import { describe, expect, it } from "vitest";
import { type PauseTarget, pauseText } from "../../../functions/core/pause.ts";
import { PARKED_SHARDS, parkedKey } from "../../../functions/engine/items/pause-items.ts";
import type { Claim } from "../../../functions/engine/worker-loop.ts";
import { chain, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const began: string[] = [];
const note = defineTask({ name: "note", run: (_ctx, label: string) => void began.push(label) });
const other = defineTask({ name: "other", queue: "paris.video", run: (_ctx, label: string) => void began.push(label) });
const QUEUES = ["engine", "local.default#worker", "paris.video#worker"];
/** Nothing is remembered, so a pause holds at once. */
const CONFIG = { width: 4, headerCacheMs: 0, pauseCacheMs: 0, queues: QUEUES.slice(1) };

function open(config: object = {}): LocalEngine {
  began.length = 0;
  return new LocalEngine([note, other], { ...CONFIG, ...config }, { queues: QUEUES });
}
const both = group([note.si("local"), other.si("paris")]);
/** Returns how many messages are parked for a target. */
async function parked({ store }: LocalEngine, target: PauseTarget): Promise<number> {
  const shards = Array.from({ length: PARKED_SHARDS }, (_, shard) => parkedKey(pauseText(target), shard, "").partition);
  const pages = await Promise.all(shards.map((partition) => store.query("tasks", partition)));
  return pages.reduce((sum, { items }) => sum + items.length, 0);
}
/** Counts the write units that parked messages cost from now on. */
function countParking({ store }: LocalEngine): { units: number } {
  const counted = { units: 0 };
  const write = store.write.bind(store);
  store.write = async (op) => {
    const result = await write(op);
    if (op.key.partition.startsWith("B#")) counted.units += result.units;
    return result;
  };
  return counted;
}
const leaseOf = ({ leaseSeconds = 60, margins = 10 } = {}): number => (leaseSeconds + margins) * 1_000 + 1;

describe("a pause", () => {
  it.each<[PauseTarget, string[]]>([
    [{ kind: "queue", name: "paris.video" }, ["local"]],
    [{ kind: "site", name: "paris" }, ["local"]],
    [{ kind: "task", name: "note" }, ["paris"]],
  ])("of %j holds its runs and no others, and loses none: resumed, they run", async (target, meanwhile) => {
    const local = open();
    await local.engine.pause(target);
    const { jobId } = await local.engine.submit({ canvas: both.canvas });
    await local.untilQuiet(60);
    expect(began).toEqual(meanwhile);
    const named = { ...target, name: target.kind === "queue" ? "paris.video#worker" : target.name };
    expect(await parked(local, named)).toBe(1);
    expect(await local.engine.resume(target)).toBe(true);
    await local.untilQuiet(60);
    expect(began.toSorted()).toEqual(["local", "paris"]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect([await parked(local, named), await local.engine.pauses()]).toEqual([0, []]);
  });

  it("of a job holds it whole, also what follows in place, and other jobs go on", async () => {
    const local = open();
    const { jobId } = await local.engine.submit({ canvas: chain(note.si("a"), note.si("b")).canvas });
    await local.engine.pause({ kind: "job", name: jobId });
    const second = await local.engine.submit({ canvas: note.si("other job").canvas });
    await local.untilQuiet(60);
    expect(began).toEqual(["other job"]);
    expect((await local.engine.job(jobId))?.state).toBe("pausing");
    expect((await local.engine.job(second.jobId))?.state).toBe("success");
    local.clock.set(local.clock.now() + leaseOf());
    expect((await local.engine.job(jobId))?.state).toBe("paused");
    await local.engine.resume({ kind: "job", name: jobId });
    await local.untilQuiet(60);
    expect(began).toEqual(["other job", "a", "b"]);
    expect((await local.engine.job(jobId))?.state).toBe("success");
  });

  it("a step after one that runs when the pause comes does not start", async () => {
    const local = open();
    let jobId = "";
    const pausing = defineTask({
      name: "pausing",
      run: async () => {
        began.push("pausing");
        await local.engine.pause({ kind: "job", name: jobId });
      },
    });
    const { engine } = new LocalEngine([pausing, note], CONFIG, {
      around: (ports) => ({ ...ports, store: local.store, queue: local.queue, blobs: local.blobs, clock: local.clock }),
    });
    ({ jobId } = await engine.submit({ canvas: chain(pausing.si(), note.si("after")).canvas }));
    const handle = async (): Promise<void> => {
      for (const message of await local.queue.receive(QUEUES, 10, 30)) {
        await local.passing(engine.handle(message, LocalEngine.loop));
        await local.queue.ack([message.id]);
      }
    };
    for (let turn = 0; turn < 5; turn++) await handle();
    expect(began).toEqual(["pausing"]);
    await engine.resume({ kind: "job", name: jobId });
    for (let turn = 0; turn < 5; turn++) await handle();
    expect(began).toEqual(["pausing", "after"]);
  });

  it("a message costs one write while it waits and no claim, however often the sweeper comes by", async () => {
    const local = open();
    const target = { kind: "task", name: "note" } as const;
    await local.engine.pause(target);
    const parking = countParking(local);
    const { jobId } = await local.engine.submit({
      canvas: chord(group(Array.from({ length: 8 }, (_, k) => note.si(String(k)))), note.si("body")).canvas,
    });
    const before = countPorts(local);
    await local.untilQuiet(60);
    const messages = await parked(local, target);
    expect([messages, parking.units]).toEqual([8, 8]);
    expect([before.writes.rows, before.writes.ledger]).toEqual([0, 0]);
    const idle = countPorts(local);
    for (let hour = 0; hour < 5; hour++) {
      local.clock.set(local.clock.now() + 3_600_000);
      await local.engine.sweep();
      await local.untilQuiet(60);
    }
    expect([idle.writes.rows, idle.writes.jobs, idle.messages["local.default#worker"] ?? 0]).toEqual([0, 0, 0]);
    expect([await parked(local, target), parking.units]).toEqual([messages, messages]);
    await local.engine.resume(target);
    await local.untilQuiet(60);
    expect((await local.engine.job(jobId))?.counts).toMatchObject({ success: 9 });
  });

  it("is `paused` only once nothing of it is held: a heartbeat moves the time", async () => {
    const local = open();
    const { jobId } = await local.engine.submit({ canvas: note.si("held").canvas });
    await local.engine.pause({ kind: "task", name: "note" });
    const claim: Claim = {
      gid: jobId,
      index: 0,
      stepIndex: 0,
      runId: `${jobId}.0`,
      token: "t",
      attempt: 1,
      task: "note",
      queue: "local.default#worker",
      unclaimed: true,
    };
    const state = async () => (await local.engine.pauses())[0]?.state;
    local.clock.set(local.clock.now() + 50_000);
    await local.engine.heartbeat([claim]);
    local.clock.set(local.clock.now() + leaseOf() - 2);
    expect(await state()).toBe("pausing");
    local.clock.set(local.clock.now() + 2);
    expect(await state()).toBe("paused");
  });

  it("S020 of a site by the configuration parks its work, and ends when the configuration says so", async () => {
    const off = open({ parkedSites: ["paris"] });
    await off.engine.syncPauses();
    expect(await off.engine.pauses()).toMatchObject([{ kind: "site", name: "paris", origin: "config" }]);
    await off.engine.submit({ canvas: both.canvas });
    await off.untilQuiet(60);
    expect(began).toEqual(["local"]);
    await expect(off.engine.resume({ kind: "site", name: "paris" })).rejects.toMatchObject({ code: "pause_in_config" });
    const on = new LocalEngine(
      [note, other],
      { ...CONFIG, parkedSites: [] },
      {
        queues: QUEUES,
        around: (ports) => ({ ...ports, store: off.store, queue: off.queue, blobs: off.blobs, clock: off.clock }),
      },
    );
    await on.engine.sweep();
    await off.untilQuiet(60);
    expect(began).toEqual(["local", "paris"]);
  });

  it("a resume that died before its message is finished by the sweeper", async () => {
    const local = open();
    const target = { kind: "task", name: "note" } as const;
    await local.engine.pause(target);
    await local.engine.submit({ canvas: note.si("a").canvas });
    await local.untilQuiet(60);
    await local.engine.resume(target);
    for (const { id } of await local.queue.receive(["engine"], 10, 30)) await local.queue.ack([id]);
    await local.engine.sweep();
    await local.untilQuiet(60);
    expect(began).toEqual(["a"]);
  });

  it("a job that ended while it was paused runs again when it is retried", async () => {
    const local = open();
    const { jobId } = await local.engine.submit({ canvas: note.si("again").canvas });
    const target = { kind: "job", name: jobId } as const;
    await local.engine.pause(target);
    await local.untilQuiet(60);
    await local.engine.cancel(jobId);
    await local.untilQuiet(60);
    await expect(local.engine.pause(target)).rejects.toMatchObject({ code: "job_ended" });
    await local.engine.retry(jobId, {});
    await local.untilQuiet(60);
    expect(began).toEqual(["again"]);
    expect((await local.engine.job(jobId))?.state).toBe("success");
  });

  it.each<[PauseTarget, string]>([
    [{ kind: "job", name: "nobody" }, "job_not_found"],
    [{ kind: "queue", name: "nowhere.video" }, "unknown_queue"],
    [{ kind: "queue", name: "a b" }, "invalid_queue_name"],
    [{ kind: "site", name: "nowhere" }, "invalid_request"],
    [{ kind: "task", name: "nobody" }, "unknown_task"],
  ])("of %j is refused", async (target, code) => {
    await expect(open().engine.pause(target)).rejects.toMatchObject({ code });
  });
  it("that nobody began is not resumed, and one that stands is not begun again", async () => {
    const local = open();
    const target = { kind: "queue", name: "default" } as const;
    expect(await local.engine.resume(target)).toBe(false);
    const first = await local.engine.pause(target);
    expect(first).toMatchObject({ name: "local.default#worker", state: "pausing", origin: "api" });
    local.clock.set(local.clock.now() + 1_000);
    expect(await local.engine.pause(target)).toEqual(first);
    await expect(local.engine.resume({ kind: "job", name: "nobody" })).rejects.toMatchObject({ code: "job_not_found" });
  });
});
