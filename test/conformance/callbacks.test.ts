import { describe, expect, it } from "vitest";
import { canvasFrom, chord, defineTask, type SpawnedGroup, type TaskContext } from "../../functions/sdk/index.ts";
import { expectCallbackOnce, TestEngine } from "../../functions/testing/index.ts";
import { callback, child, reading, Spawning, wait } from "./fixtures/spawning.ts";

const DAY = 86_400;

describe("the spawn", () => {
  it("D001 D014 returns the ids of the group, its children and its callback, before any of them exists", async () => {
    const seen: unknown[] = [];
    const spawning = new Spawning({ children: [child.s(4), child.s(5)] });
    spawning.plan = {
      ...spawning.plan,
      after: () => {
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
      run: (ctx) => {
        const spawn: unknown = Reflect.get(ctx, "spawnWithCallback");
        (spawn as TaskContext["spawnWithCallback"])([child.s(2)], callback.s());
      },
    });
    const engine = new TestEngine({ tasks: { bound, child, callback } });
    await engine.settle(await engine.submit(bound.s()));
    expect(engine.attemptsOf(callback)).toMatchObject([{ args: [[4]], outcome: "success" }]);
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
      after: (ctx) => {
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
    const [attempt] = spawning.engine.attemptsOf(reading);
    expect((attempt?.value as { read: number[] } | undefined)?.read).toEqual(many.map((_, n) => n * n));
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
