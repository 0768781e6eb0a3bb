import { describe, expect, it } from "vitest";
import { defineTask } from "../../functions/sdk/index.ts";
import { expectCallbackOnce, TestEngine } from "../../functions/testing/index.ts";
import { callback, child, fails, reading, Spawning } from "./fixtures/spawning.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;

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
