import { describe, expect, it } from "vitest";
import {
  type CallbackOptions,
  canvasFrom,
  type CanvasSource,
  chord,
  defineTask,
  type SpawnedGroup,
  type TaskContext,
} from "../../functions/sdk/index.ts";
import { expectCallbackOnce, type Faults, TestEngine } from "../../functions/testing/index.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** What a spawner does, and what it was told. */
interface Plan {
  readonly children?: Iterable<CanvasSource>;
  readonly callback?: CanvasSource;
  readonly options?: CallbackOptions;
  /** Called after the spawn. */
  readonly then?: (ctx: TaskContext) => void;
}
const child = defineTask({ name: "child", run: (_ctx, n: number) => n * n });
const wait = defineTask({ name: "wait", run: async (ctx, n: number) => [n, await ctx.waitForEvent(`go-${n}`)] });
const fails = defineTask({ name: "fails", run: (_ctx, n: number) => Promise.reject(new Error(`child ${n}`)) });
const callback = defineTask({ name: "callback", run: (_ctx, results: unknown) => results });
/** The callback of the seed: it has arguments of its own only, and reads what it wants to know. */
const reading = defineTask({
  name: "reading",
  run: async (ctx, ...args: string[]) => {
    const read: unknown[] = [];
    for await (const { value } of ctx.results()) read.push(value);
    return { args, read, group: ctx.group?.group ?? null, memberOf: ctx.member.group };
  },
});

/** An engine with a task that spawns as a plan says. */
class Spawning {
  plan: Plan = {};
  readonly spawned: SpawnedGroup[] = [];
  readonly spawner = defineTask({
    name: "spawner",
    retry: { maxAttempts: 3, initialDelaySeconds: 1, jitter: 0 },
    run: (ctx) => {
      const { children = [child.s(1), child.s(2), child.s(3)], callback: then = callback.s(), options } = this.plan;
      this.spawned.push(ctx.spawnWithCallback(children, then, options));
      this.plan.then?.(ctx);
    },
  });
  readonly engine: TestEngine;

  constructor(plan: Plan, faults?: Faults) {
    this.plan = plan;
    const tasks = { child, wait, fails, callback, reading, spawner: this.spawner };
    this.engine = new TestEngine({ tasks, ...(faults && { faults }) });
  }
  get group(): SpawnedGroup {
    return this.spawned.at(-1) as SpawnedGroup;
  }
  /** Starts the spawner and lets everything happen. */
  async settled() {
    return this.engine.settle(await this.start());
  }
  async start(): Promise<string> {
    return this.engine.submit(this.spawner.s());
  }
}

describe("the spawn", () => {
  it("D001 D014 returns the ids of the group, its children and its callback, before any of them exists", async () => {
    const seen: unknown[] = [];
    const spawning = new Spawning({ children: [child.s(4), child.s(5)] });
    spawning.plan = {
      ...spawning.plan,
      then: () => {
        const { groupId, callbackId, childIds } = spawning.group;
        seen.push({ groupId, callbackId, childIds: [...childIds], last: childIds.at(1), none: childIds.at(2) });
      },
    };
    const jobId = await spawning.start();
    await spawning.engine.settle(jobId);
    const groupId = `${jobId}.0.g.0.g`;
    expect(seen).toEqual([
      {
        groupId,
        callbackId: `${jobId}.0.g.0~1`,
        childIds: [`${groupId}.0`, `${groupId}.1`],
        last: `${groupId}.1`,
        none: undefined,
      },
    ]);
    const tasks = new Map((await spawning.engine.runs(jobId)).map(({ runId, task }) => [runId, task]));
    expect([...spawning.group.childIds].map((id) => tasks.get(id))).toEqual(["child", "child"]);
    expect(tasks.get(spawning.group.callbackId)).toBe("callback");
  });
  it("D001 gives each call of a run a group of its own", async () => {
    const groups: SpawnedGroup[] = [];
    const twice = defineTask({
      name: "twice",
      run: (ctx) => {
        ctx.spawn(child.s(0));
        for (const n of [1, 2]) groups.push(ctx.spawnWithCallback([child.s(n)], reading.s(`of ${n}`)));
      },
    });
    const engine = new TestEngine({ tasks: { twice, child, reading } });
    const jobId = await engine.submit(twice.s());
    await engine.settle(jobId);
    expect(groups.map(({ groupId }) => groupId)).toEqual([`${jobId}.0.g.1.g`, `${jobId}.0.g.2.g`]);
    for (const { groupId, callbackId } of groups)
      expect(await engine.group(groupId)).toMatchObject({ state: "complete", total: 1, callbackRunId: callbackId });
  });
  it("D003 starts all children at once", async () => {
    const spawning = new Spawning({ children: Array.from({ length: 40 }, (_, n) => child.s(n)) });
    const jobId = await spawning.start();
    await spawning.engine.settle(jobId);
    const children = (await spawning.engine.runs(jobId)).filter(({ task }) => task === "child");
    expect(children).toHaveLength(40);
    expect(new Set(children.map(({ groupId }) => groupId))).toEqual(new Set([spawning.group.groupId]));
  });
  it("D004 is a chord outside of a task, which any client can start", async () => {
    const engine = new TestEngine({ tasks: { child, callback } });
    const jobId = await engine.submit(chord([child.s(2), child.s(3)], callback.s()));
    expect((await engine.settle(jobId)).value).toEqual([4, 9]);
    expect(await engine.group(`${jobId}.0.g`)).toMatchObject({
      state: "complete",
      total: 2,
      callbackRunId: `${jobId}.0~1`,
    });
  });
  it("D005 is bound to the run, so a task may take it out of its context", async () => {
    const bound = defineTask({
      name: "bound",
      run: ({ spawnWithCallback }) => void spawnWithCallback([child.s(2)], callback.s()),
    });
    const engine = new TestEngine({ tasks: { bound, child, callback } });
    await engine.settle(await engine.submit(bound.s()));
    expectCallbackOnce(engine, callback);
  });
  it("D006 is refused where no engine is, and says that it takes one", async () => {
    await expect(new Spawning({}).spawner.inline()).rejects.toMatchObject({ code: "engine_unavailable" });
  });
  it("D007 with a callback of an unknown task fails the run, and nothing is stored", async () => {
    const spawning = new Spawning({ callback: canvasFrom({ task: "nobody" }) });
    expect(await spawning.settled()).toMatchObject({ state: "failure", error: { reason: "unknown_task" } });
    expect(spawning.engine.attemptsOf(child)).toEqual([]);
    await expect(spawning.engine.group(spawning.group.groupId)).rejects.toMatchObject({ code: "group_not_found" });
  });
  it("D010 without children runs the callback immediately, with an empty list", async () => {
    const spawning = new Spawning({ children: [] });
    expect(await spawning.settled()).toMatchObject({ state: "success" });
    expect(spawning.group.childIds).toHaveLength(0);
    expectCallbackOnce(spawning.engine, callback);
    expect(spawning.engine.attemptsOf(callback)[0]?.args).toEqual([[]]);
    expect(await spawning.engine.group(spawning.group.groupId)).toMatchObject({ total: 0, remaining: 0 });
  });
  it("D012 in a repeated attempt returns the same ids, and makes no second group", async () => {
    const spawning = new Spawning({
      then: (ctx) => {
        if (ctx.attempt < 3) throw new Error("after the spawn");
      },
    });
    expect(await spawning.settled()).toMatchObject({ state: "success", counts: { success: 5 } });
    expect(spawning.spawned).toHaveLength(3);
    expect(new Set(spawning.spawned.map(({ groupId }) => groupId)).size).toBe(1);
    expect(new Set(spawning.spawned.map(({ callbackId }) => callbackId)).size).toBe(1);
    expectCallbackOnce(spawning.engine, callback);
    expect(spawning.engine.attemptsOf(child)).toHaveLength(3);
  });
  it("D012 in a run that was taken over after its process died returns the same ids", async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const spawning = new Spawning({}, { seed, crash: 0.05, redeliver: 0.3, throttle: 0.02 });
      expect(await spawning.settled()).toMatchObject({ state: "success", counts: { success: 5 } });
      expect(new Set(spawning.spawned.map(({ groupId }) => groupId)).size).toBe(1);
      expectCallbackOnce(spawning.engine, callback);
    }
  });
  it("D015 of two equal children has two members, and both count", async () => {
    const spawning = new Spawning({ children: [child.s(3), child.s(3)] });
    await spawning.settled();
    expect(spawning.engine.attemptsOf(callback)[0]?.args).toEqual([[9, 9]]);
    expect(await spawning.engine.group(spawning.group.groupId)).toMatchObject({ total: 2, counts: { success: 2 } });
  });
  it("D044 stores the arguments of a signature in order, and none for a task that takes none", () => {
    expect(reading.si("a", "b").toJSON()).toMatchObject({ task: "reading", args: ["a", "b"], immutable: true });
    expect(reading.s().toJSON()).toEqual({ v: 1, task: "reading" });
  });
});

describe("the end of a child", () => {
  it("D016 D017 D018 is counted after its result is stored, and only the last one starts the callback", async () => {
    const spawning = new Spawning({ children: [wait.s(0), wait.s(1)] });
    const jobId = await spawning.start();
    await spawning.engine.settle(jobId);
    const { groupId, childIds, callbackId } = spawning.group;
    expect(await spawning.engine.group(groupId)).toMatchObject({ state: "open", total: 2, remaining: 2 });
    await spawning.engine.sendEvent(jobId, "go-1", "late");
    await spawning.engine.settle(jobId);
    expect(await spawning.engine.group(groupId)).toEqual({
      groupId,
      jobId,
      state: "open",
      round: 0,
      createdAt: expect.any(Number),
      total: 2,
      remaining: 1,
      failed: 0,
      counts: { success: 1 },
      countsExact: true,
      policy: "allSuccess",
      tracking: "lazy",
      ownerRunId: `${jobId}.0.g.0`,
      callbackRunId: callbackId,
      ttlSeconds: DAY,
    });
    const ended = (await spawning.engine.runs(jobId)).find(({ runId }) => runId === childIds.at(1));
    expect(ended).toMatchObject({ status: "success", value: [1, "late"] });
    expect(spawning.engine.attemptsOf(callback)).toEqual([]);
    await spawning.engine.sendEvent(jobId, "go-0", "early");
    await spawning.engine.settle(jobId);
    expectCallbackOnce(spawning.engine, callback);
    expect(await spawning.engine.group(groupId)).toMatchObject({ state: "complete", remaining: 0 });
  });
  it("D019 D041 that is counted again changes nothing: nothing is below zero, and the callback runs once", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const spawning = new Spawning({ options: { ttlSeconds: 1 } }, { seed, redeliver: 1 });
      const jobId = await spawning.start();
      await spawning.engine.settle(jobId);
      await spawning.engine.advance(120);
      expectCallbackOnce(spawning.engine, callback);
      await expect(spawning.engine.group(spawning.group.groupId)).rejects.toMatchObject({ code: "group_expired" });
      expect(await spawning.engine.group(`${jobId}.0.g`)).toMatchObject({ total: 1, remaining: 0 });
    }
  });
  it("D020 of an ordinary task starts no callback, and its job has the root group only", async () => {
    const engine = new TestEngine({ tasks: { child } });
    const jobId = await engine.submit(child.s(3));
    expect(await engine.group(jobId)).toMatchObject({ state: "open", total: 1, remaining: 1 });
    await engine.settle(jobId);
    const root = await engine.group(jobId);
    expect(root).toMatchObject({
      state: "complete",
      total: 1,
      remaining: 0,
      counts: { success: 1 },
      countsExact: true,
    });
    expect(root).not.toHaveProperty("callbackRunId");
    await expect(engine.group(`${jobId}.0.g`)).rejects.toMatchObject({ code: "group_not_found" });
  });
});

describe("the callback", () => {
  it("D031 D032 D033 has exactly its own arguments, knows the group, and reads the results in their order", async () => {
    const spawning = new Spawning({ children: [child.s(3), child.s(1), child.s(2)], callback: reading.si("a", "b") });
    const jobId = await spawning.start();
    await spawning.engine.settle(jobId);
    const { groupId } = spawning.group;
    expect(spawning.engine.attemptsOf(reading)[0]).toMatchObject({ args: ["a", "b"] });
    expect(spawning.engine.attemptsOf(reading)[0]?.value).toEqual({
      args: ["a", "b"],
      read: [9, 1, 4],
      group: groupId,
      memberOf: `${jobId}.0.g`,
    });
  });
  it("D033 reads the results of a group of many pages", async () => {
    const many = Array.from({ length: 700 }, (_, n) => child.s(n));
    const spawning = new Spawning({ children: many, callback: reading.si() });
    await spawning.settled();
    const { read } = spawning.engine.attemptsOf(reading)[0]?.value as { read: number[] };
    expect(read).toEqual(many.map((_, n) => n * n));
    expect([...spawning.group.childIds]).toHaveLength(700);
  });
  it("D035 that fails is retried by its own policy, and its failure is that of the job", async () => {
    const broken = defineTask({
      name: "broken",
      retry: { maxAttempts: 2, initialDelaySeconds: 1 },
      run: () => Promise.reject(new Error("no")),
    });
    const owner = defineTask({
      name: "owner",
      policy: "allSuccess",
      run: (ctx) => void ctx.spawnWithCallback([child.s(1)], broken.s()),
    });
    const engine = new TestEngine({ tasks: { owner, child, broken } });
    const jobId = await engine.submit(owner.s());
    expect(await engine.settle(jobId)).toMatchObject({ state: "failure", error: { message: "no" } });
    expect(engine.attemptsOf(broken)).toHaveLength(2);
    expect(await engine.group(`${jobId}.0.g`)).toMatchObject({
      state: "failed",
      failed: 1,
      firstError: { message: "no", runId: `${jobId}.0.g.0~1` },
    });
  });
  it("D036 of an unknown group is none: nothing is started, and the reader is told", async () => {
    const engine = new TestEngine({ tasks: { child } });
    const jobId = await engine.submit(child.s(1));
    await engine.settle(jobId);
    for (const id of ["nobody", `${jobId}.0.g.0.g`, "a b", ""])
      await expect(engine.group(id)).rejects.toMatchObject({ code: "group_not_found" });
    await expect(engine.group(`${jobId}.0`)).rejects.toThrow(`${jobId}.0 is the id of a run`);
  });
  it("D037 of an inner group is waited for by the group that its spawner is a member of", async () => {
    const spawning = new Spawning({ children: [wait.s(0)] });
    const jobId = await spawning.engine.submit(chord([spawning.spawner.s(), child.s(5)], reading.si()));
    await spawning.engine.settle(jobId);
    expect(await spawning.engine.group(`${jobId}.0.g`)).toMatchObject({ state: "open", remaining: 1 });
    expect(spawning.engine.attemptsOf(reading)).toEqual([]);
    await spawning.engine.sendEvent(jobId, "go-0", "now");
    await spawning.engine.settle(jobId);
    expectCallbackOnce(spawning.engine, callback);
    expectCallbackOnce(spawning.engine, reading);
  });
  it("D038 may spawn a group of its own", async () => {
    const second = defineTask({
      name: "second",
      run: (ctx, results: number[]) =>
        void ctx.spawnWithCallback(
          results.map((n) => child.s(n)),
          reading.si(),
        ),
    });
    const first = defineTask({
      name: "first",
      run: (ctx) => void ctx.spawnWithCallback([child.s(2), child.s(3)], second.s()),
    });
    const engine = new TestEngine({ tasks: { first, second, child, reading } });
    expect(await engine.settle(await engine.submit(first.s()))).toMatchObject({ state: "success" });
    expect(engine.attemptsOf(reading)[0]?.value).toMatchObject({ read: [16, 81] });
  });
});

describe("the time to live of a group", () => {
  it("D008 D039 is a day by default, and counts from the end of the group", async () => {
    const spawning = new Spawning({ children: [child.s(1), child.s(2).set({ countdown: 3 * HOUR })] });
    const jobId = await spawning.start();
    await spawning.engine.advance(2 * HOUR);
    expect(await spawning.engine.group(spawning.group.groupId)).not.toHaveProperty("expiresAt");
    await spawning.engine.settle(jobId);
    const { endedAt = 0 } =
      (await spawning.engine.runs(jobId)).find(({ index, task }) => task === "child" && index === 1) ?? {};
    const { expiresAt = 0 } = await spawning.engine.group(spawning.group.groupId);
    expect(expiresAt - endedAt).toBeGreaterThanOrEqual(DAY * 1_000);
    expect(expiresAt - endedAt).toBeLessThan(DAY * 1_000 + 1_000);
  });
  it("D009 is that of the call, for the group and for the results of its children", async () => {
    const spawning = new Spawning({ options: { ttlSeconds: HOUR } });
    const jobId = await spawning.start();
    await spawning.engine.settle(jobId);
    const { groupId } = spawning.group;
    await spawning.engine.advance(HOUR - 60);
    expect(await spawning.engine.group(groupId)).toMatchObject({ ttlSeconds: HOUR });
    await spawning.engine.advance(61);
    await expect(spawning.engine.group(groupId)).rejects.toMatchObject({
      code: "group_expired",
      details: { groupId, expiredAt: expect.any(Number) },
    });
    // The job goes by its own retention.
    expect(await spawning.engine.job(jobId)).toMatchObject({ state: "success" });
  });
  it("D040 D042 does not run out while children wait or are retried, and the callback runs", async () => {
    const flaky = defineTask({
      name: "flaky",
      retry: { maxAttempts: 3, initialDelaySeconds: 300, jitter: 0 },
      run: (ctx, n: number) => (ctx.attempt < 3 ? Promise.reject(new Error("not yet")) : n),
    });
    const owner = defineTask({
      name: "owner",
      run: (ctx) =>
        void ctx.spawnWithCallback([flaky.s(7), child.s(2).set({ countdown: 900 })], callback.s(), { ttlSeconds: 60 }),
    });
    const engine = new TestEngine({ tasks: { owner, flaky, child, callback } });
    expect(await engine.settle(await engine.submit(owner.s()))).toMatchObject({ state: "success" });
    expect(engine.attemptsOf(callback)[0]?.args).toEqual([[7, 4]]);
  });
  it("D040 that is over before the callback starts does not keep it from the results", async () => {
    const spawning = new Spawning({ callback: reading.si().set({ countdown: 600 }), options: { ttlSeconds: 60 } });
    const jobId = await spawning.start();
    await spawning.engine.advance(300);
    await expect(spawning.engine.group(spawning.group.groupId)).rejects.toMatchObject({ code: "group_expired" });
    await spawning.engine.settle(jobId);
    expect(spawning.engine.attemptsOf(reading)[0]?.value).toMatchObject({ read: [1, 4, 9] });
  });
  it.each([0, -1, 1.5, Number.NaN, 31_536_001, "60"])(
    "of %s is refused, and the field is named",
    async (ttlSeconds) => {
      const spawning = new Spawning({ options: { ttlSeconds: ttlSeconds as number } });
      const { error } = await spawning.settled();
      expect(error).toMatchObject({ reason: "invalid_canvas" });
      expect(error?.message).toMatch(/^\/ttlSeconds must be a whole number from 1/);
    },
  );
});

describe("a group whose members fail", () => {
  it("keeps its callback from running, and says which run failed first", async () => {
    const spawning = new Spawning({ children: [child.s(1), fails.s(2)] });
    await spawning.settled();
    const { groupId, childIds } = spawning.group;
    expect(await spawning.engine.group(groupId)).toMatchObject({
      state: "failed",
      total: 2,
      remaining: 0,
      failed: 1,
      counts: { success: 1, error: 1 },
      firstError: { runId: childIds.at(1), message: "child 2" },
      expiresAt: expect.any(Number),
    });
    expect(spawning.engine.attemptsOf(callback)).toEqual([]);
  });
  it("runs its callback all the same under the policy settled", async () => {
    const spawning = new Spawning({ children: [child.s(1), fails.s(2)], options: { policy: "settled" } });
    await spawning.settled();
    expect(await spawning.engine.group(spawning.group.groupId)).toMatchObject({ state: "complete", failed: 1 });
    expectCallbackOnce(spawning.engine, callback);
  });
});
