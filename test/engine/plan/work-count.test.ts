import { describe, expect, it } from "vitest";
import { countWork } from "../../../functions/core/cost/count-work.ts";
import { DEFAULT_CONFIG } from "../../../functions/engine/config.ts";
import { chordShape } from "../../../functions/engine/plan/chord-shape.ts";
import { protocolOf } from "../../../functions/engine/plan/job-shape.ts";
import {
  approval,
  type BulkRun,
  type CanvasBuilder,
  chain,
  chord,
  defineTask,
  group,
  repeat,
  waitForEvent,
  when,
} from "../../../functions/sdk/index.ts";
import { add, noop } from "../../../functions/tasks/examples.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const streaming = defineTask({
  name: "streaming",
  run: async function* () {
    for (let i = 0; i < 3; i++) yield noop.s();
  },
});
const elsewhere = defineTask({ name: "elsewhere", queue: "other", run: () => null });
const soon = (n: number) =>
  group(Array.from({ length: n }, (_, i) => noop.signature([], {}, { countdown: 1 + (i % 2) * 60 })));
const LEVELS = ["lazy", "full"] as const;
const many = (n: number, tracking: (typeof LEVELS)[number] = "lazy") =>
  group(
    Array.from({ length: n }, () => noop.s()),
    { tracking },
  );
const times = <Item>(n: number, make: () => Item): Item[] => Array.from({ length: n }, make);

const CASES: readonly (readonly [name: string, canvas: CanvasBuilder])[] = [
  ["one task", noop.s()],
  ["a chain of 3", chain(noop.s(), noop.s(), noop.s())],
  ["a chain of 50", chain(...Array.from({ length: 50 }, () => noop.s()))],
  ...LEVELS.flatMap((level) =>
    [1, 2, 10, 64, 65, 256, 257, 5_000].map((n) => [`a ${level} group of ${n}`, many(n, level)] as const),
  ),
  ...LEVELS.flatMap((level) =>
    [10, 257].map((n) => [`a ${level} chord of ${n}`, chord(many(n, level), noop.s())] as const),
  ),
  ["a chord in a chain", chain(noop.s(), chord(many(10), noop.s()), noop.s())],
  ["a group of 300 chains", group(times(300, () => chain(noop.s(), noop.s())))],
  [
    "a group of chains of different length",
    group(Array.from({ length: 300 }, (_, i) => chain(...times(1 + (i % 3), () => noop.s())))),
  ],
  ["a group over two queues", group(Array.from({ length: 700 }, (_, i) => (i % 3 === 0 ? elsewhere.s() : noop.s())))],
  ["a chord of chords", chord(group(times(3, () => chord(many(10), noop.s()))), noop.s())],
  ["100 chords in a group", group(times(100, () => chord(many(10), noop.s())))],
  [
    "chords three deep",
    chord(group(times(3, () => chord(group(times(4, () => chord(many(5, "full"), noop.s()))), noop.s()))), noop.s()),
  ],
  ["a task with a callback", noop.s().link(noop.s())],
  ["members with callbacks", group(times(70, () => noop.s().link(noop.s()).link(noop.s())))],
  ["members with a start time", soon(300)],
  ["a step that starts later", chain(noop.s(), noop.signature([], {}, { countdown: 5 }))],
];

async function run(
  canvas: CanvasBuilder,
  during: (local: LocalEngine, jobId: string) => Promise<unknown> = async () => undefined,
  config = {},
) {
  const local = new LocalEngine([add, noop, elsewhere, streaming], config, {
    queues: ["engine", "local.default#worker", "local.other#worker"],
  });
  const counted = countPorts(local);
  const plan = local.engine.estimate({ canvas: canvas.canvas });
  expect(counted.writes).toEqual({ rows: 0, ledger: 0, headers: 0, plan: 0, jobs: 0 });
  local.store.resetStats();
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet();
  await during(local, jobId);
  await local.untilQuiet();
  const reads = local.store.stats().readUnits;
  return { plan, counted, reads, job: await local.engine.job(jobId) };
}

describe("a plan counts what the engine then does", () => {
  it.each(CASES)("a plan counts what the engine then does: %s", { timeout: 120_000 }, async (_name, canvas) => {
    const { plan, counted, reads, job } = await run(canvas);
    expect(job).toMatchObject({ state: "success", counts: { success: plan.taskRuns }, countsExact: true });
    const { total: _total, ...writes } = plan.writeUnits;
    expect({ writes, messages: plan.messages.byQueue, send: plan.requests.send, blobs: plan.blobs }).toEqual(counted);
    expect(reads).toBeLessThanOrEqual(plan.readUnitsAtMost);
    expect(plan.readUnitsAtMost).toBeLessThanOrEqual(3 * reads);
    expect(plan).toMatchObject({ notes: [], grows: false });
  });
});

/** Returns the plan's units and messages in the form in which they are counted. */
const planned = ({ plan }: Awaited<ReturnType<typeof run>>) => {
  const { total: _total, ...writes } = plan.writeUnits;
  return { writes, messages: plan.messages.byQueue, send: plan.requests.send, blobs: plan.blobs };
};

describe("a plan of a bulk task", () => {
  it.each([300, 2_048])("counts claims, commits, packs and calls of %i runs", async (runs) => {
    const together = defineTask({
      name: "together",
      bulk: { maxSeconds: 1 },
      run: (_ctx, all: readonly BulkRun<[]>[]) => all.map(() => ({ value: null })),
    });
    const local = new LocalEngine([together]);
    const counted = countPorts(local);
    const canvas = group(Array.from({ length: runs }, () => together.s()));
    const plan = local.engine.estimate({ canvas: canvas.canvas });
    const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    const { total: _total, ...planned } = plan.writeUnits;
    const { rows, ledger, ...beside } = counted.writes;
    expect(planned.rows).toBe(rows);
    // How runs are cut into calls depends on when they come.
    expect(Math.abs(planned.ledger - ledger)).toBeLessThanOrEqual(0.1 * runs);
    const [less, more] = [beside, planned].map(({ headers, plan: pages, jobs }) => headers + pages + jobs);
    expect(Math.abs(less! - more!)).toBeLessThanOrEqual(0.02 * runs + 30);
    expect(plan.notes).toEqual([expect.stringContaining("runs of together share calls") as string]);
    const calls = plan.messages.byQueue["local.default#worker"]!;
    expect(calls).toBeGreaterThan(counted.messages["local.default#worker"]! * 0.8);
  });
});

describe("what a plan cannot know, it says", () => {
  it("a plan counts the way of a branch with more task runs", async () => {
    const longer = when({ is: "eq", value: null }, chain(noop.s(), noop.s()), noop.s());
    const taken = await run(chain(noop.s(), longer));
    expect(taken.plan.notes).toEqual([expect.stringContaining("branch") as string]);
    expect(planned(taken)).toEqual(taken.counted);
    const other = await run(chain(noop.s(), when({ is: "eq", value: 1 }, chain(noop.s(), noop.s()), noop.s())));
    expect(other.counted.writes.rows).toBeLessThan(other.plan.writeUnits.rows);
  });
  it("a plan counts a loop as often as it may run", async () => {
    const loop = (until: number) =>
      chain(add.s(0, 0), repeat(add.s(1), { until: { is: "eq", value: until }, most: 4 }));
    const whole = await run(loop(4));
    expect(whole.plan).toMatchObject({ taskRuns: 5, notes: [expect.stringContaining("loop") as string] });
    expect(planned(whole)).toEqual(whole.counted);
    const shorter = await run(loop(2));
    expect(shorter.counted.writes.rows).toBeLessThan(whole.counted.writes.rows);
  });
  it("a plan of a task that streams says what is known, and that it grows", async () => {
    const { plan, job } = await run(chain(streaming.s(), noop.s()));
    expect(plan).toMatchObject({
      taskRuns: 2,
      grows: true,
      notes: [expect.stringMatching(/^grows while it runs: 2 task runs are known; .*streaming/) as string],
    });
    expect(job?.counts).toEqual({ success: 5 });
  });
  it("waits cost what they write, whoever answers", async () => {
    const answered = await run(chain(noop.s(), approval("sign")), async (local, jobId) => {
      const { wait } = (await local.engine.run(`${jobId}.0~1`)) ?? {};
      await local.engine.complete(`${jobId}.0~1`, wait?.token ?? "", { value: 1 });
    });
    expect(planned(answered)).toEqual(answered.counted);
    const told = await run(chain(noop.s(), waitForEvent("paid")), (local, jobId) =>
      local.engine.sendEvent(jobId, "paid", 1),
    );
    expect(planned(told)).toEqual(told.counted);
  });
  it("an empty group is followed up twice, which costs a few writes more", async () => {
    const { plan, counted } = await run(group([]));
    const total = Object.values(counted.writes).reduce((sum, units) => sum + units, 0);
    expect(total - plan.writeUnits.total).toBeGreaterThanOrEqual(0);
    expect(total - plan.writeUnits.total).toBeLessThanOrEqual(10);
  });
});

describe("a job of pages", () => {
  it.each([
    [1, 100, DEFAULT_CONFIG],
    [3, 100, DEFAULT_CONFIG],
    [257, 5, { ...DEFAULT_CONFIG, expandRange: 64 }],
  ])(
    "a job of %i pages of %i items writes what all its parts are planned to write",
    { timeout: 120_000 },
    async (pages, perPage, config) => {
      const local = new LocalEngine([noop], config);
      const counted = countPorts(local);
      const request = { body: noop.s().canvas };
      const { jobId } = await local.engine.openJob(request);
      for (let page = 0; page < pages; page++)
        await local.engine.putInputPage(
          jobId,
          page,
          Array.from({ length: perPage }, () => noop.s().canvas),
        );
      await local.engine.sealInput(jobId, pages);
      await local.untilQuiet();
      expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
      const shape = chordShape({ children: perPage * pages, perPage, level: "lazy" }, DEFAULT_CONFIG.width);
      expect(countWork(shape.job, shape.pages, protocolOf(config, 900))).toMatchObject({
        writes: counted.writes,
        messages: counted.messages,
        blobs: counted.blobs,
        requests: { send: counted.send },
      });
      expect(local.engine.estimate(request)).toMatchObject({
        taskRuns: 1,
        grows: true,
        notes: [expect.stringContaining("pages") as string],
      });
    },
  );
});
