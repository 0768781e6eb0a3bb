import { describe, expect, it } from "vitest";
import type { Json } from "../../functions/core/json.ts";
import { chain, defineTask, group } from "../../functions/sdk/index.ts";
import { add, fail, noop, sum } from "../../functions/tasks/examples.ts";
import { LocalEngine } from "./local-engine.ts";

const streamThen = defineTask({
  name: "stream-then",
  run: async function* (ctx, n: number, ending: string) {
    for (let i = 0; i < n; i++) yield add.s(i, 1);
    if (ending === "skip") ctx.skip("enough");
    if (ending === "replace") ctx.replace(add.s(1, 1));
    if (ending === "throw") throw new Error("in the middle");
  },
});
const chatty = defineTask({
  name: "chatty",
  run: (ctx) => {
    for (let i = 0; i < 300; i++) ctx.log.info("x".repeat(1_900), { text: "y".repeat(1_900) });
    throw new Error("after all that");
  },
});
const counting = defineTask({
  name: "counting",
  run: (ctx, i: number) => {
    for (let k = 0; k < 20; k++) ctx.count(`c${i}_${k}`, 1);
  },
});
const tasks = [add, fail, noop, sum, streamThen, chatty, counting];
async function run(canvas: Parameters<LocalEngine["engine"]["submit"]>[0]["canvas"], config = {}) {
  const local = new LocalEngine(tasks, config);
  const { jobId } = await local.engine.submit({ canvas });
  await local.untilQuiet();
  return { local, jobId, job: await local.engine.job(jobId) };
}

describe("a generator that ends by throwing", () => {
  it("has ended its stream when it skips: everything yielded before counts, in a full page or not", async () => {
    for (const n of [0, 1, 10]) {
      const { job, local, jobId } = await run(streamThen.s(n, "skip").canvas);
      expect(job).toMatchObject({ state: "success", value: "enough", counts: { success: n + 1 }, countsExact: true });
      expect(await local.engine.sweep()).toMatchObject({ checked: 0 });
      expect((await local.engine.runs(jobId, {})).items.filter(({ task }) => task === "math.add").length).toBe(n);
    }
  });
  it("fails when it asks to be replaced", async () => {
    for (const n of [0, 10])
      expect((await run(streamThen.s(n, "replace").canvas)).job).toMatchObject({ state: "failure", error: { reason: "invalid_request" } });
  });
  it("fails when it throws, and its children are listed and drawn", async () => {
    const { job, local, jobId } = await run(streamThen.s(3, "throw").canvas);
    expect(job).toMatchObject({ state: "failure", error: { message: "in the middle", runId: `${jobId}.0` } });
    expect((await local.engine.runs(jobId, {})).items.length).toBeGreaterThan(1);
    expect((await local.engine.graph(jobId)).nodes.some(({ kind }) => kind === "group")).toBe(true);
  });
});

describe("input pages and their seal", () => {
  it("refuses a seal below a page that was put, and a page behind the seal never counts", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    for (let page = 0; page < 4; page++) await local.engine.putInputPage(jobId, page, [add.s(page, 0).canvas]);
    await expect(local.engine.sealInput(jobId, 3)).rejects.toMatchObject({ code: "invalid_request", details: { page: 3 } });
    await local.engine.sealInput(jobId, 4);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 6 });
  });
});

describe("what user code may make too large", () => {
  it("a huge log is cut at both ends and kept beside the run", async () => {
    const { job, local, jobId } = await run(chatty.s().canvas);
    expect(job).toMatchObject({ state: "failure", error: { message: "after all that" } });
    const { detail } = (await local.engine.run(`${jobId}.0`)) ?? {};
    expect(detail?.stack).toContain("after all that");
    expect(detail?.log.length).toBeGreaterThan(5);
    expect((detail?.log.length ?? 0) + (detail?.dropped ?? 0)).toBe(300);
  });
  it("counters of ever new names are added up under one", async () => {
    const { job } = await run(group(Array.from({ length: 600 }, (_, i) => counting.s(i))).canvas);
    expect(job).toMatchObject({ state: "success", counts: { success: 600 } });
    const counts = Object.entries(job?.counts ?? {}).filter(([name]) => name.startsWith("u_"));
    expect(counts.length).toBeLessThan(100);
    expect(counts.reduce((all, [, count]) => all + count, 0)).toBe(12_000);
  });
});

describe("early decisions", () => {
  it("a group that fails fast inside a settled one is counted, and the job says that its counts are a snapshot", async () => {
    const early = group([fail.s(), ...Array.from({ length: 8 }, () => noop.s())], { policy: "failFast" });
    const { job } = await run(group([early, early], { policy: "settled" }).canvas);
    expect(job).toMatchObject({ state: "failure", countsExact: false });
  });
  it("an open job is timed out at its deadline, however long nothing moved", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.openJob({ timeoutSeconds: 4_000 });
    for (let second = 0; second < 4_060; second += 10) {
      local.clock.advance(10_000);
      await local.engine.sweep();
      while (await local.turn());
    }
    expect(await local.engine.job(jobId)).toMatchObject({ state: "timed-out" });
  });
});

describe("a task that no worker knows", () => {
  it("is given its time from when a worker first says so, however long it had waited in its queue", async () => {
    const local = new LocalEngine(tasks, { unknownTaskGraceSeconds: 60 });
    const { jobId } = await local.engine.submit({ canvas: chain(add.s(1, 1)).canvas });
    const old = new LocalEngine([noop], { unknownTaskGraceSeconds: 60 });
    local.clock.advance(7_200_000);
    const [message] = await local.queue.receive(local.queues, 1, 30);
    const older = old.over(local);
    expect(await older.handle({ ...(message as { queue: string; body: Json; receives: number }) }, LocalEngine.loop)).toMatchObject({ kind: "later" });
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "queued" });
    local.clock.advance(61_000);
    expect(await older.handle({ ...(message as { queue: string; body: Json; receives: number }), receives: 2 }, LocalEngine.loop)).toMatchObject({
      kind: "done",
    });
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "broken", error: { reason: "unknown_task" } });
  });
});

describe("a sweep", () => {
  it("that waited behind another one does not take the moment between them for a standstill", async () => {
    const local = new LocalEngine(tasks, { membersPerMessage: 256 });
    let leavesRead = 0;
    const query = local.store.query.bind(local.store);
    local.store.query = (table, partition, options) => {
      if (partition.startsWith("G#")) leavesRead++;
      return query(table, partition, options);
    };
    await local.engine.submit({ canvas: group(Array.from({ length: 1_000 }, (_, i) => add.s(i, 1))).canvas });
    // Some members end, the others go on waiting for their workers.
    const handle = async (queue: string): Promise<number> => {
      const messages = await local.queue.receive([queue], 1, 3_600);
      for (const message of messages) await local.engine.handle(message, LocalEngine.loop);
      return messages.length;
    };
    while (await handle("engine"));
    const { ready } = await local.queue.depth("local.default#worker");
    for (let k = 1; k < ready; k++) await handle("local.default#worker");
    while (await handle("engine"));
    local.clock.advance(61_000);
    for (let k = 0; k < 5; k++) await local.engine.sweep();
    const sweeps = (await local.queue.receive(["engine"], 100, 30)).filter(({ body }) => JSON.stringify(body).includes('.g"'));
    expect(sweeps).toHaveLength(5);
    leavesRead = 0;
    for (const message of sweeps) await local.engine.handle(message, LocalEngine.loop);
    expect(leavesRead).toBe(0);
    // One that was begun and not finished is done again.
    await local.engine.handle({ ...(sweeps[0] as (typeof sweeps)[number]), receives: 2 }, LocalEngine.loop);
    expect(leavesRead).toBeGreaterThan(0);
  });
});
