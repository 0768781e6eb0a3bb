import { describe, expect, it } from "vitest";
import type { FailureGroup } from "../../../functions/engine/contract.ts";
import type { FailureFilter } from "../../../functions/engine/requests.ts";
import { defineTask, group, type TaskContext, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { onlyMessage, Outage } from "../scripted-faults.ts";

const TRACKINGS = ["full", "lazy", "result", "ledger"] as const;
type Members = Readonly<Record<string, readonly string[]>>;

const failing = (name: string) =>
  defineTask({
    name,
    run: (_ctx: TaskContext, reason: string): string => {
      if (reason === "") return "fine";
      throw new TaskError(`it was ${reason}`, { reason });
    },
  });
const TASKS = ["copy", "copy.all", "read"].map(failing);

async function start(
  local: LocalEngine,
  members: Members,
  tracking: (typeof TRACKINGS)[number] = "lazy",
): Promise<string> {
  const signatures = TASKS.flatMap((task) => (members[task.name] ?? []).map((reason) => task.s(reason)));
  const { jobId } = await local.engine.submit({ canvas: group(signatures, { tracking, policy: "settled" }).canvas });
  await local.untilQuiet();
  return jobId;
}
async function all(local: LocalEngine, filter: FailureFilter = {}): Promise<FailureGroup[]> {
  const found: FailureGroup[] = [];
  let cursor: string | undefined;
  do {
    const page = await local.engine.failures({ ...filter, ...(cursor !== undefined && { cursor }) });
    found.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}
const counts = (groups: readonly FailureGroup[]) => groups.map(({ task, reason, count }) => [task, reason, count]);
/** Counts the writes to items whose partition begins so, from now on. */
function countWrites(local: LocalEngine, prefix: string): () => number {
  let writes = 0;
  const write = local.store.write.bind(local.store);
  local.store.write = (op) => {
    if (op.key.partition.startsWith(prefix)) writes++;
    return write(op);
  };
  local.store.writeMany = (ops) => Promise.all(ops.map((op) => local.store.write(op)));
  return () => writes;
}

describe("the list of failures", () => {
  it("D022 S138 failures of all jobs are grouped by task and reason, with their times and the newest runs", async () => {
    const local = new LocalEngine(TASKS);
    const first = await start(local, { copy: ["disk", "disk", "gone"], read: ["disk", ""] });
    const firstAt = local.clock.now();
    local.clock.set(firstAt + 60_000);
    const second = await start(local, { copy: ["disk"], "copy.all": ["disk"] });
    const found = await all(local);
    expect(counts(found)).toEqual([
      ["copy", "disk", 3],
      ["copy", "gone", 1],
      ["copy.all", "disk", 1],
      ["read", "disk", 1],
    ]);
    const [disk] = found as [FailureGroup];
    expect(disk.error).toEqual({ name: "TaskError", message: "it was disk" });
    expect(disk.runIds).toEqual([`${second}.0.g.0`, `${first}.0.g.1`, `${first}.0.g.0`]);
    expect(disk.firstAt).toBeLessThanOrEqual(firstAt);
    expect(disk.lastAt).toBeGreaterThanOrEqual(firstAt + 60_000);
    expect(counts(await all(local, { since: firstAt + 60_000 }))).toEqual([
      ["copy", "disk", 1],
      ["copy.all", "disk", 1],
    ]);
  });
  it("the list of failures takes a task, a reason, or both", async () => {
    const local = new LocalEngine(TASKS);
    await start(local, { copy: ["disk", "gone"], "copy.all": ["disk"], read: ["gone"] });
    expect(counts(await all(local, { task: "copy" }))).toEqual([
      ["copy", "disk", 1],
      ["copy", "gone", 1],
    ]);
    expect(counts(await all(local, { reason: "disk", limit: 1 }))).toEqual([
      ["copy", "disk", 1],
      ["copy.all", "disk", 1],
    ]);
    expect(counts(await all(local, { task: "read", reason: "gone" }))).toEqual([["read", "gone", 1]]);
    expect(await all(local, { task: "read", reason: "disk" })).toEqual([]);
  });
  it("a failure without a reason is listed by the name of its error, and any text can be a reason", async () => {
    const odd = ["a#b", "ä ö", "x".repeat(300), "\0"];
    const plain = defineTask({
      name: "plain",
      run: (): never => {
        throw new RangeError("no");
      },
    });
    const local = new LocalEngine([...TASKS, plain]);
    await local.engine.submit({ canvas: plain.s().canvas });
    await start(local, { copy: odd });
    expect(counts(await all(local, { task: "plain" }))).toEqual([["plain", "RangeError", 1]]);
    const reasons = (await all(local, { task: "copy" })).map(({ reason }) => reason);
    const kept = odd.map((reason) => (reason.length > 128 ? `${reason.slice(0, 127)}…` : reason));
    expect(new Set(reasons)).toEqual(new Set(kept));
    for (const reason of reasons) expect(counts(await all(local, { task: "copy", reason }))).toHaveLength(1);
  });
  it("of many failures of one kind a thousand are counted, and the first and the last are known", async () => {
    const local = new LocalEngine(TASKS);
    const jobId = await start(local, { copy: Array.from({ length: 1_200 }, () => "disk") });
    const [found] = (await all(local)) as [FailureGroup];
    expect(found).toMatchObject({ count: 1_000, more: true });
    expect(found.runIds).toHaveLength(5);
    const ended = await Promise.all([0, 1_199].map((k) => local.engine.run(`${jobId}.0.g.${k}`)));
    expect(found.firstAt).toBeLessThanOrEqual(ended[0]?.endedAt ?? 0);
    expect(found.lastAt).toBeGreaterThanOrEqual(ended[1]?.endedAt ?? 0);
  });
  it.each(TRACKINGS)(
    "failures of a group that tracks %s are listed once, whatever is delivered again",
    async (tracking) => {
      const local = new LocalEngine(TASKS);
      const jobId = await start(local, { copy: ["disk", "", "disk"] }, tracking);
      const message = { v: 1, kind: "members", gid: `${jobId}.0.g`, step: 0, members: [0, 1, 2] };
      await local.queue.send([{ queue: "local.default#worker", jobId, body: message }]);
      await local.untilQuiet();
      expect(counts(await all(local))).toEqual([["copy", "disk", 2]]);
    },
  );
  it("a failure costs one write in the list, a success none, and a kind one for each process", async () => {
    const local = new LocalEngine(TASKS);
    const writes = countWrites(local, "FX");
    await start(local, { copy: Array.from({ length: 100 }, () => "") });
    expect(writes()).toBe(0);
    await start(local, { copy: Array.from({ length: 100 }, () => "disk") });
    expect(writes()).toBeLessThanOrEqual(101 + 1);
    await start(local, { copy: Array.from({ length: 100 }, () => "disk") });
    expect(writes()).toBeLessThanOrEqual(201 + 1);
  });
  it("a cancelled run is no failure, but one that expired is", async () => {
    const local = new LocalEngine(TASKS);
    const canvas = group([failing("copy").signature(["disk"], {}, { expires: 1 }), failing("copy").s("disk")]).canvas;
    const { jobId } = await local.engine.submit({ canvas });
    await local.turn();
    await local.engine.cancel(jobId);
    await local.untilQuiet();
    expect(await all(local)).toEqual([]);
    const late = await local.engine.submit({ canvas: failing("copy").signature(["disk"], {}, { expires: 1 }).canvas });
    local.clock.set(local.clock.now() + 5_000);
    await local.untilQuiet();
    expect(await local.engine.job(late.jobId)).toMatchObject({ state: "failure" });
    expect(counts(await all(local))).toEqual([["copy", "expired", 1]]);
  });
});

describe("a failure whose worker died", () => {
  it("a failure whose worker died before it was listed is listed before its message is acknowledged", async () => {
    const local = new LocalEngine(TASKS);
    await local.engine.submit({ canvas: failing("copy").s("disk").canvas });
    const message = await onlyMessage(local);
    const outage = new Outage(({ writes }) => writes.some(({ key }) => key.partition.startsWith("FX")));
    await expect(local.over(local, outage.around).handle(message, LocalEngine.loop)).rejects.toThrow(Outage.message);
    expect(await all(local)).toEqual([]);
    await local.untilQuiet();
    expect(counts(await all(local))).toEqual([["copy", "disk", 1]]);
  });
});
