import { describe, expect, it } from "vitest";
import type { Tracking } from "../../../functions/core/canvas/canvas.ts";
import { lockKey } from "../../../functions/engine/items/lock-items.ts";
import { type AnyTask, type CanvasBuilder, chain, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";
import { endAll, go, limited, passSeconds, same, statuses, submit } from "./limited-runs.ts";

const five = ["a", "b", "c", "d", "e"];
const tracked = (
  work: AnyTask & { s: (name: string) => CanvasBuilder },
  names: readonly string[],
  tracking: Tracking,
) =>
  group(
    names.map((name) => work.s(name)),
    { tracking },
  );

describe("a concurrency limit", () => {
  it.each<Tracking>(["lazy", "full", "result", "ledger"])(
    "D074 never lets more runs of a %s group execute than the limit, and all of them in the end",
    async (tracking) => {
      const { floor, work, local } = limited({ concurrency: { limit: 2 } });
      const jobId = await submit(local, tracked(work, five, tracking));
      await go(local);
      expect(floor.running.size).toBe(2);
      expect((await statuses(local, jobId)).toSorted()).toEqual([
        "deferred",
        "deferred",
        "deferred",
        "started",
        "started",
      ]);
      await endAll(local, floor);
      expect(floor.most).toBe(2);
      expect(floor.started.toSorted()).toEqual(five);
      expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 5 } });
    },
  );
  it("D065 D069 counts no attempt for a wait, and sends no message while it lasts", async () => {
    const retry = { maxAttempts: 3, initialDelaySeconds: 1, jitter: 0 };
    const { floor, work, local } = limited({ concurrency: { limit: 1 } }, { retry });
    const jobId = await submit(local, group([work.s("a"), work.s("b")]));
    await go(local);
    const [first = ""] = floor.started;
    const second = first === "a" ? "b" : "a";
    const counted = countPorts(local);
    await passSeconds(local, 30);
    expect(counted.messages).toEqual({});
    floor.end(first);
    await go(local);
    for (let attempt = 1; attempt < 3; attempt++) {
      floor.end(second, new Error("again"));
      await go(local);
      await passSeconds(local, 5);
    }
    expect(floor.attempts).toEqual([1, 1, 2, 3]);
    floor.end(second);
    await go(local);
    const shown = (await local.engine.runs(jobId, {})).items.filter(({ task }) => task === "work");
    expect(new Set(shown.map(({ attempt }) => attempt))).toEqual(new Set([1, 3]));
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });
  it("D074 of a key is shared by all tasks, and another key is another limit", async () => {
    const { floor, work, local } = limited({ concurrency: { limit: 1, key: (_ctx, name: string) => name.charAt(0) } });
    await submit(local, group(["x1", "x2", "y1"].map((name) => work.s(name))));
    await go(local);
    expect(floor.running.size).toBe(2);
    expect([...floor.running.keys()].map((name) => name.charAt(0)).toSorted()).toEqual(["x", "y"]);
    await endAll(local, floor);
    expect(floor.started).toHaveLength(3);
  });
  it("D025 that refuses a child does not let its callback fire before the child has run", async () => {
    const { floor, work, local } = limited({ concurrency: { limit: 1 } });
    const jobId = await submit(local, chord(group([work.s("a"), work.s("b")]), same.s()));
    await go(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "started" });
    floor.end(floor.started[0] as string);
    await go(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "started" });
    await endAll(local, floor);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: [["a", "b"]] });
  });
  it("D075 is free again after a run that throws", async () => {
    const { floor, work, local } = limited({ concurrency: { limit: 1 } });
    await submit(local, group([work.s("a"), work.s("b")], { policy: "settled" }));
    await go(local);
    floor.end(floor.started[0] as string, new Error("no"));
    await go(local);
    expect(floor.started).toHaveLength(2);
    expect(floor.running.size).toBe(1);
  });
  it("is taken by steps that run in place, and by jobs of one task", async () => {
    const { floor, work, local } = limited({ concurrency: { limit: 1 } });
    const alone = await submit(local, work.s("alone"));
    await go(local);
    const chained = await submit(local, chain(same.s(), work.si("after")));
    await go(local);
    expect(floor.started).toEqual(["alone"]);
    expect(await statuses(local, chained)).toEqual(["deferred"]);
    floor.end("alone");
    await go(local);
    expect(floor.started).toEqual(["alone", "after"]);
    floor.end("after");
    await go(local);
    expect(await local.engine.job(alone)).toMatchObject({ state: "success", value: "alone" });
    expect(await local.engine.job(chained)).toMatchObject({ state: "success", value: "after" });
  });
});

describe("a lock", () => {
  it("D070 D072 lets readers share and a writer be alone, in the order in which they came", async () => {
    const { floor, work, local } = limited({});
    const locked = (name: string, mode: "read" | "write") =>
      work.signature([name], {}, { locks: [{ key: "file", mode }] });
    for (const [name, mode] of [
      ["r1", "read"],
      ["r2", "read"],
      ["w", "write"],
      ["r3", "read"],
    ] as const) {
      await submit(local, locked(name, mode));
      await passSeconds(local, 1);
    }
    // The third reader waits behind the writer, which would wait for ever if readers kept coming.
    expect([...floor.running.keys()].toSorted()).toEqual(["r1", "r2"]);
    floor.end("r1");
    await go(local);
    expect([...floor.running.keys()]).toEqual(["r2"]);
    floor.end("r2");
    await go(local);
    expect([...floor.running.keys()]).toEqual(["w"]);
    floor.end("w");
    await go(local);
    expect([...floor.running.keys()]).toEqual(["r3"]);
  });
  it("D060 D072 D074 of a killed worker is free again within its lease and the margin", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file", mode: "read" }], concurrency: { limit: 1 } });
    await submit(local, work.s("dies"));
    await go(local);
    expect(floor.started).toEqual(["dies"]);
    // The worker dies: nobody renews its lease, and its message has not become visible yet.
    const other = defineTask({
      name: "other",
      locks: [{ key: "file" }],
      concurrency: { limit: 1, key: "work" },
      run: () => 1,
    });
    const rescue = new LocalEngine([work, other, same]);
    const engine = rescue.over(local);
    const { jobId } = await engine.submit({ canvas: other.s().canvas, idempotencyKey: "other" });
    const body = { v: 1, kind: "members", gid: jobId, step: 0, members: [0] };
    const receive = async () => {
      await engine.handle({ queue: "local.default#worker", body, receives: 2 }, LocalEngine.loop);
      return (await engine.run(`${jobId}.0`))?.status;
    };
    expect(await receive()).toBe("deferred");
    local.clock.advance(64_000);
    expect(await receive()).toBe("deferred");
    local.clock.advance(2_000);
    expect(await receive()).toBe("queued");
    expect(await receive()).toBe("success");
  });
  it("D071 cannot outlive the lease of its run: a holder whose lock was taken is told so, and its result is discarded", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }] });
    const jobId = await submit(local, work.s("slow"));
    await go(local);
    const row = (await local.store.get({ table: "callbacks", partition: `G#${jobId}`, sort: "!" }))?.attributes;
    const claim = {
      gid: jobId,
      index: 0,
      stepIndex: 0,
      runId: `${jobId}.0`,
      attempt: 1,
      task: "work",
      queue: "local.default#worker",
      unclaimed: false,
    };
    const token = row?.["r_leaseOwner"] as string;
    expect(await local.engine.heartbeat([{ ...claim, token }])).toEqual(["kept"]);
    local.clock.advance(66_000);
    const next = await submit(local, work.s("next"));
    for (let turn = 0; turn < 3; turn++) await go(local);
    // The lock was taken over, so the lease that the holder never renewed has ended for good.
    expect(await local.engine.heartbeat([{ ...claim, token }])).toEqual(["lost"]);
    expect(floor.started).toContain("next");
    void next;
  });
  it("is left to the next one by a run that was cancelled while it was on its way", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }] });
    await submit(local, work.s("first"));
    await go(local);
    const second = await submit(local, work.s("second"));
    await passSeconds(local, 1);
    await submit(local, work.s("third"));
    await passSeconds(local, 1);
    expect(floor.started).toEqual(["first"]);
    await local.engine.cancel(second);
    floor.end("first");
    await go(local);
    expect(floor.started).toEqual(["first", "third"]);
    expect(await local.engine.job(second)).toMatchObject({ state: "cancelled" });
  });
  it("is free again for a retry of its job, which waits like any other", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }] });
    const failed = await submit(local, work.s("fails"));
    await go(local);
    floor.end("fails", new Error("no"));
    await go(local);
    await submit(local, work.s("other"));
    await go(local);
    await local.engine.retry(failed, {});
    await go(local);
    expect(floor.started).toEqual(["fails", "other"]);
    floor.end("other");
    await go(local);
    floor.end("fails");
    await go(local);
    expect(await local.engine.job(failed)).toMatchObject({ state: "success", round: 1 });
  });
  it("is not waited for any longer than a run may wait", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }] });
    await submit(local, work.s("first"));
    await go(local);
    const jobId = await submit(local, group([work.signature(["late"], {}, { expires: 20 })], { policy: "settled" }));
    await go(local);
    await passSeconds(local, 30);
    await passSeconds(local, 2);
    expect(await local.engine.job(jobId)).toMatchObject({ counts: { cancelled: 1 } });
    expect(floor.started).toEqual(["first"]);
  });
  it("D070 is one run's at a time although a batch claims many runs under one token", async () => {
    const quick = defineTask({ name: "quick", locks: [{ key: "file" }], run: () => null });
    const holders = new Set<unknown>();
    const local = new LocalEngine(
      [quick],
      { packAbove: 1, membersPerMessage: 50 },
      {
        around: (ports) => ({
          ...ports,
          store: {
            ...ports.store,
            get: (...given) => ports.store.get(...given),
            getMany: (...given) => ports.store.getMany(...given),
            query: (...given) => ports.store.query(...given),
            queryIndex: (...given) => ports.store.queryIndex(...given),
            writeMany: (...given) => ports.store.writeMany(...given),
            write: async (op) => {
              if (op.op === "put" && op.key.partition === lockKey("l", "file", "w").partition)
                holders.add(op.attributes["runId"]);
              return ports.store.write(op);
            },
          },
        }),
      },
    );
    const jobId = await submit(local, group(Array.from({ length: 120 }, () => quick.s())));
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 120 } });
    expect(holders.size).toBe(120);
  });
});

describe("a rate limit", () => {
  it("D073 starts at most so many runs in a window, and brings each other run back once, when there is room", async () => {
    const starts: number[] = [];
    const call: AnyTask & { s(): CanvasBuilder } = defineTask({
      name: "call",
      rateLimit: { per: 10, limit: 3 },
      run: () => void starts.push(local.clock.now()),
    });
    const local = new LocalEngine([call]);
    const jobId = await submit(local, group(Array.from({ length: 20 }, () => call.s())));
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 20 } });
    const windows = new Map<number, number>();
    for (const at of starts) windows.set(Math.floor(at / 10_000), (windows.get(Math.floor(at / 10_000)) ?? 0) + 1);
    expect([...windows.values()]).toEqual([3, 3, 3, 3, 3, 3, 2]);
    const rows = (await local.engine.runs(jobId, {})).items.filter(({ task }) => task === "call");
    expect(rows.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 20 }, () => 1));
    // Each waited once at most: a claim, a refusal, and a claim that started.
    const stored = await Promise.all(
      rows.map(({ index }) =>
        local.store.query("tasks", `G#${jobId}.0.g#0`, { from: `C#${String(index).padStart(3, "0")}`, limit: 1 }),
      ),
    );
    expect(Math.max(...stored.map(({ items }) => Number(items[0]?.attributes["parks"] ?? 0)))).toBe(1);
  });
  it("D073 counts no start of a run that a lock refuses", async () => {
    const { floor, work, local } = limited({ locks: [{ key: "file" }], rateLimit: { per: 3_600, limit: 2 } });
    await submit(local, group(["a", "b"].map((name) => work.s(name))));
    await go(local);
    for (let k = 0; k < 5; k++) await passSeconds(local, 5);
    expect((await local.engine.locks({})).items).toContainEqual(expect.objectContaining({ kind: "rate", started: 1 }));
    floor.end(floor.started[0] as string);
    await go(local);
    expect(floor.started).toHaveLength(2);
  });
});
