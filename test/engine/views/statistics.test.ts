import { describe, expect, it } from "vitest";
import type { Engine } from "../../../functions/engine/contract.ts";
import { PortError, type Ports, type WriteOp } from "../../../functions/engine/ports.ts";
import { randomOf, SeededFaults } from "../../../functions/testing/kit/seeded-faults.ts";
import { defineTask, group, type CanvasBuilder } from "../../../functions/sdk/index.ts";
import { add, fail, noop, waitFor } from "../../../functions/tasks/examples.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

let local: LocalEngine;
/** Takes 200 ms of the local clock, and returns a text of 100 characters. */
const slow = defineTask({
  name: "slow",
  run: () => {
    local.clock.advance(200);
    return "x".repeat(98);
  },
});
const flaky = defineTask({
  name: "flaky",
  retry: { maxAttempts: 2 },
  run: (ctx) => {
    if (ctx.attempt === 1) throw new Error("once");
    return 1;
  },
});
const video = defineTask({ name: "video", queue: "paris.video", run: () => null });
const parent = defineTask({ name: "parent", run: (ctx) => void ctx.spawn(group([noop.s(), noop.s()])) });
const large = defineTask({ name: "large", run: () => "y".repeat(100_000) });
const TASKS = [add, noop, fail, waitFor, slow, flaky, video, parent, large];
const QUEUES = ["engine", "local.default#worker", "paris.video#worker"];
const many = (n: number, task: { s(): CanvasBuilder } = noop) => group(Array.from({ length: n }, () => task.s()));

function start(): void {
  local = new LocalEngine(TASKS, {}, { queues: QUEUES });
}
async function run(canvas: CanvasBuilder): Promise<string> {
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet();
  return jobId;
}
async function statistics(filter: Parameters<Engine["statistics"]>[0] = {}) {
  await local.engine.flushStatistics();
  return local.engine.statistics(filter);
}

describe("statistics of tasks", () => {
  it("S137 tell counts by outcome, attempts that are tried again, durations, sizes and the share that ended well", async () => {
    start();
    await run(group([slow.s(), slow.s(), fail.s(), flaky.s()], { policy: "settled" }));
    const { items, approximate } = await statistics();
    expect(approximate).toBe(true);
    expect(items.map(({ task }) => task)).toEqual(["fail", "flaky", "slow"]);
    const [failed, retried, slept] = items;
    const none = { success: 0, skipped: 0, error: 0, broken: 0, cancelled: 0 };
    expect(failed!.life).toMatchObject({ counts: { ...none, error: 1 }, successRate: 0 });
    expect(retried!.life).toMatchObject({ counts: { ...none, success: 1 }, retried: 1, successRate: 1 });
    expect(slept!.life).toMatchObject({ counts: { ...none, success: 2 }, bytes: 200, meanBytes: 100 });
    expect(slept!.life.meanSeconds).toBeCloseTo(0.2, 5);
  });
  it("S137 tell the speed and the mean of the last five minutes beside those of all time", async () => {
    start();
    await run(many(30));
    local.clock.advance(3_600_000);
    await run(group([slow.s(), noop.s()]));
    const { items } = await statistics({ task: "noop" });
    expect(items).toHaveLength(1);
    const { recent, life } = items[0]!;
    expect([recent.counts.success, life.counts.success]).toEqual([1, 31]);
    expect(recent.seconds).toBeGreaterThanOrEqual(240);
    expect(recent.seconds).toBeLessThanOrEqual(300);
    expect(recent.perSecond).toBeCloseTo(1 / recent.seconds, 8);
    expect(life.perSecond).toBeCloseTo(31 / life.seconds, 8);
    local.clock.advance(600_000);
    expect((await statistics({ task: "noop" })).items[0]!.recent).toMatchObject({ perSecond: 0, busy: 0 });
  });
  it("tell a young task the speed of the time that it has been counted", async () => {
    start();
    await run(many(30));
    local.clock.advance(10_000);
    const { recent } = (await statistics({ task: "noop" })).items[0]!;
    expect(recent.seconds).toBeLessThan(20);
    expect(recent.perSecond).toBeGreaterThan(1);
  });
  it("count only what ran at the site that is asked for", async () => {
    start();
    await run(group([video.s(), noop.s(), noop.signature([], {}, { queue: "paris.video" })]));
    const at = async (site: string) =>
      (await statistics({ site })).items.map(({ task, life }) => [task, life.counts.success]);
    expect(await at("paris")).toEqual([
      ["noop", 1],
      ["video", 1],
    ]);
    expect(await at("local")).toEqual([["noop", 1]]);
    expect((await statistics({ task: "noop" })).items[0]!.life.counts.success).toBe(2);
    expect((await statistics({ task: "nobody" })).items).toEqual([]);
  });
  it("are listed page by page, and a cursor of another list is refused", async () => {
    start();
    await run(group([noop.s(), slow.s(), video.s()]));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await statistics({ limit: 1, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.items.map(({ task }) => task));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(["noop", "slow", "video"]);
    await expect(statistics({ cursor: "a b" })).rejects.toMatchObject({ code: "invalid_request" });
  });
  it("count a run that spawns once, when its children have ended, and a run that is cancelled while it waits", async () => {
    start();
    await run(parent.s());
    expect((await statistics({ task: "parent" })).items[0]!.life.counts.success).toBe(1);
    const { jobId } = await local.engine.submit({ canvas: waitFor.s("go").canvas });
    await local.turn();
    expect(await local.engine.revoke(`${jobId}.0`)).toBe(true);
    await local.untilQuiet();
    expect((await statistics({ task: "wait-for" })).items[0]!.life.counts).toMatchObject({ success: 0, cancelled: 1 });
  });
  it("measure a result that is kept as a blob", async () => {
    start();
    await run(large.s());
    expect((await statistics({ task: "large" })).items[0]!.life.bytes).toBe(100_002);
  });
  it("S139 S143 tell how far a job is, and how long it takes at its speed", async () => {
    start();
    const { jobId } = await local.engine.submit({ canvas: many(100, slow).canvas });
    expect((await statistics({ job: jobId })).job).toEqual({
      jobId,
      state: "pending",
      ended: 0,
      planned: 100,
      perSecond: 0,
    });
    for (let turns = 0; turns < 3; turns++) await local.turn();
    const { job } = await statistics({ job: jobId });
    expect(job).toMatchObject({ state: "started", planned: 100 });
    expect(job!.ended).toBeGreaterThan(0);
    expect(job!.secondsLeft).toBeCloseTo((100 - job!.ended) / job!.perSecond, 5);
    await local.engine.pause({ kind: "job", name: jobId });
    expect((await statistics({ job: jobId })).job).not.toHaveProperty("secondsLeft");
    await local.engine.resume({ kind: "job", name: jobId });
    await local.untilQuiet();
    expect((await statistics({ job: jobId })).job).toMatchObject({ state: "success", ended: 100, secondsLeft: 0 });
    await expect(statistics({ job: "nobody" })).rejects.toMatchObject({ code: "job_not_found" });
  });
});

describe("the writes of statistics", () => {
  it("S140 are none for a run: 10,000 runs cost what a flush costs", { timeout: 60_000 }, async () => {
    start();
    const counted = countPorts(local);
    const units = (): number => Object.values(counted.writes).reduce((sum, each) => sum + each, 0);
    await run(many(10_000));
    const before = units();
    expect(before).toBeGreaterThan(20_000);
    // The minute and the total of the task, its entry in the list of tasks, the minutes of two queues.
    await local.engine.flushStatistics();
    expect(units() - before).toBe(5);
    await local.engine.flushStatistics();
    expect(units() - before).toBe(5);
    expect((await local.engine.statistics({ task: "noop" })).items[0]!.life.counts.success).toBe(10_000);
  });
  it("are added up over processes, whoever flushes first", async () => {
    start();
    const other = local.over(local);
    await run(many(70));
    const { jobId } = await local.engine.submit({ canvas: many(30).canvas });
    for (let messages = await local.queue.receive(QUEUES, 100, 30); messages.length > 0;) {
      await local.passing(
        Promise.all(
          messages.map(async ({ id, ...message }) => {
            await other.handle(message, LocalEngine.loop);
            await local.queue.ack([id]);
          }),
        ),
      );
      messages = await local.queue.receive(QUEUES, 100, 30);
    }
    expect((await local.engine.job(jobId))?.state).toBe("success");
    await Promise.all([other.flushStatistics(), local.engine.flushStatistics(), other.flushStatistics()]);
    expect((await other.statistics({ task: "noop" })).items[0]!.life.counts.success).toBe(100);
    const queue = (await other.queues(QUEUES)).find(({ name }) => name === "local.default#worker");
    expect(queue).toMatchObject({ workers: 2 });
  });
  it.each([
    ["throttled", 8],
    ["unwritable", 8],
    ["outage", 8],
    ["ambiguous", 4],
  ] as const)("wait for the next flush where the store is %s: %i of 8 runs are counted", async (kind, counted) => {
    start();
    const write = local.store.write.bind(local.store);
    let failing = false;
    local.store.write = (op) =>
      failing && /^S[TQ]/.test(op.key.partition) ? Promise.reject(new PortError(kind, "not now")) : write(op);
    await run(many(4));
    failing = true;
    await expect(local.engine.flushStatistics()).resolves.toBeUndefined();
    failing = false;
    await run(many(4));
    const { items } = await statistics({ task: "noop" });
    expect(items[0]?.life.counts.success ?? "none listed").toBe(counted);
  });
  it("that a killed process has not flushed are lost, and nothing else", async () => {
    start();
    await run(many(3));
    await local.engine.flushStatistics();
    await run(many(5));
    const survivor = local.over(local);
    expect((await survivor.statistics({ task: "noop" })).items[0]!.life.counts.success).toBe(3);
  });
});

describe("a run is counted once", () => {
  it("although its message is delivered to two processes, and again after its end", async () => {
    start();
    const other = local.over(local);
    const { jobId } = await local.engine.submit({ canvas: group([noop.s(), fail.s()], { policy: "settled" }).canvas });
    const seen: Awaited<ReturnType<typeof local.queue.receive>>[number][] = [];
    for (let messages = await local.queue.receive(QUEUES, 100, 30); messages.length > 0;) {
      seen.push(...messages);
      const handled = messages.flatMap((message) =>
        [local.engine, other].map((engine) => engine.handle(message, LocalEngine.loop)),
      );
      await local.passing(Promise.all(handled));
      await local.queue.ack(messages.map(({ id }) => id));
      messages = await local.queue.receive(QUEUES, 100, 30);
    }
    await local.untilQuiet();
    for (const message of seen) await local.passing(other.handle(message, LocalEngine.loop));
    expect((await local.engine.job(jobId))?.state).toBe("failure");
    await other.flushStatistics();
    const { items } = await statistics();
    expect(items).toMatchObject([
      { task: "fail", life: { counts: { error: 1 } } },
      { task: "noop", life: { counts: { success: 1 } } },
    ]);
  });
});

/** Changes what becomes of the writes of statistics. */
type Writing = (ports: Ports, random: () => number) => Ports;
const writes =
  (
    change: (op: WriteOp, write: Ports["store"]["write"], random: () => number) => ReturnType<Ports["store"]["write"]>,
  ) =>
  (ports: Ports, random: () => number): Ports => {
    const write: Ports["store"]["write"] = (op) => ports.store.write(op);
    const changed = (op: WriteOp) => (/^S[TQ]#/.test(op.key.partition) ? change(op, write, random) : write(op));
    return { ...ports, store: { ...ports.store, write: changed } };
  };
/** A fifth of the writes is done, and the answer is lost. */
const losesAnswers = (kind: "ambiguous" | "outage"): Writing =>
  writes(async (op, write, random) => {
    const lost = random() < 0.2;
    const result = await write(op);
    if (lost) throw new PortError(kind, "the answer was lost");
    return result;
  });
const sound: Writing = losesAnswers("ambiguous");
const calm: Writing = (ports) => ports;
const REPEATED = "a write whose answer was lost is repeated";
const BROKEN: { readonly [name: string]: Writing } = {
  [REPEATED]: losesAnswers("outage"),
  "numbers are put in place of those of others": writes((op, write) =>
    write(
      op.op === "update"
        ? { ...op, change: { ...op.change, set: { ...op.change.set, ...op.change.add }, add: {} } }
        : op,
    ),
  ),
};

/** Works through a group with processes that are refused calls and die, and returns what its statistics count. */
async function countUnderFaults(seed: number, crash: number, writing: Writing = sound): Promise<number> {
  start();
  const random = randomOf(seed);
  const { jobId } = await local.engine.submit({ canvas: many(60).canvas });
  let faults: SeededFaults | undefined;
  let worker: Engine | undefined;
  for (let turns = 0; turns < 5_000 && !(await local.engine.job(jobId))?.endedAt; turns++) {
    if (!worker || !faults || faults.isDead) {
      faults = new SeededFaults({ seed, throttle: 0.05, crash }, random);
      worker = local.over(local, (ports) => writing(faults!.around(ports), random));
    }
    const messages = await local.queue.receive(QUEUES, 4, 30);
    if (messages.length === 0) local.clock.advance(5_000);
    for (const { id, ...message } of messages) {
      const handled = worker.handle(message, LocalEngine.loop).then(
        async ({ kind }) => {
          if (kind === "done" && random() < 0.8) await local.queue.ack([id]);
        },
        () => undefined,
      );
      await local.passing(Promise.race([handled, faults.died]));
      if (random() < 0.2) await local.passing(Promise.race([worker.flushStatistics(), faults.died]));
      if (faults.isDead) break;
    }
    if (turns % 50 === 49) await local.passing(local.engine.sweep({ all: true }));
  }
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 60 } });
  for (let flushes = 0; flushes < 20; flushes++)
    await local.passing(Promise.race([worker!.flushStatistics(), faults!.died]));
  const [counted] = (await statistics({ task: "noop" })).items;
  return counted?.life.counts.success ?? 0;
}
describe("statistics under faults", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "count each run once, although calls are refused and messages come again: seed %i",
    async (seed) => expect(await countUnderFaults(seed, 0, calm)).toBe(60),
  );
  it.each([1, 2, 3, 4, 5, 6])("count no run twice, although answers are lost: seed %i", async (seed) => {
    const counted = await countUnderFaults(seed, 0.01);
    expect(counted).toBeGreaterThanOrEqual(0);
    expect(counted).toBeLessThanOrEqual(60);
  });
  it.each(Object.keys(BROKEN))("a broken variant is caught: %s", async (name) => {
    const counted: number[] = [];
    for (const seed of [1, 2, 3, 4, 5, 6]) counted.push(await countUnderFaults(seed, 0, BROKEN[name]));
    // Sound ones never count too much, and in a calm run never too little.
    expect(counted.some((count) => (name === REPEATED ? count > 60 : count < 60))).toBe(true);
  });
  it.each([1, 2, 3, 4, 5, 6])("count no run twice, although processes die: seed %i", async (seed) =>
    expect(await countUnderFaults(seed, 0.01, calm)).toBeLessThanOrEqual(60),
  );
});

describe("attempts that lost their lease", () => {
  it("are counted when another worker takes the run over, and not when they end late", async () => {
    start();
    await local.engine.submit({ canvas: noop.s().canvas });
    const [message] = await local.queue.receive(QUEUES, 1, 30);
    let wake: () => void = () => undefined;
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const frozen = local.over(local, ({ runner, ...ports }) => ({
      ...ports,
      runner: { ...runner, run: (call) => asleep.then(() => runner.run(call)) },
    }));
    const late = frozen.handle(message!, LocalEngine.loop);
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
    local.clock.advance(120_000);
    await local.untilQuiet();
    wake();
    await local.passing(late);
    await frozen.flushStatistics();
    expect((await statistics({ task: "noop" })).items[0]!.life).toMatchObject({ killed: 1, counts: { success: 1 } });
  });
});

describe("queues and sites", () => {
  it("S137 queues tell how fast they are worked off, and when they will be empty", async () => {
    start();
    await run(many(40));
    await local.engine.submit({ canvas: many(10).canvas });
    await local.engine.flushStatistics();
    const queue = async () => (await local.engine.queues(QUEUES)).find(({ name }) => name === "local.default#worker")!;
    const { depth, runsPerSecond, messagesPerSecond, drainSeconds, workers } = await queue();
    expect(workers).toBe(1);
    expect(runsPerSecond).toBeGreaterThan(0);
    expect(drainSeconds).toBeCloseTo(depth!.ready / messagesPerSecond, 8);
    await local.engine.pause({ kind: "queue", name: "default" });
    expect(await queue()).not.toHaveProperty("drainSeconds");
  });
  it("sites tell their queues, what waits there, and whether they are paused or left out", async () => {
    local = new LocalEngine(
      TASKS,
      { queues: ["local.default#worker", "paris.video#worker", "rome.default#worker"], parkedSites: ["rome"] },
      { queues: QUEUES },
    );
    await run(group([video.s(), video.s(), noop.s()]));
    await local.engine.pause({ kind: "site", name: "paris" });
    await local.engine.syncPauses();
    await local.engine.flushStatistics();
    const sites = await local.engine.sites();
    expect(sites).toMatchObject([
      { site: "local", queues: ["local.default#worker"], workers: 1, queued: 0, paused: false, process: true },
      { site: "paris", queues: ["paris.video#worker"], workers: 1, paused: true, process: true },
      { site: "rome", queues: ["rome.default#worker"], workers: 0, runsPerSecond: 0, paused: true, process: false },
    ]);
    expect(sites[1]!.runsPerSecond).toBeCloseTo(2 * sites[0]!.runsPerSecond, 8);
  });
});
