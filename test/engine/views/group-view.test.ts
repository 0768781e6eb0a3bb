import { describe, expect, it } from "vitest";
import { chain, chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const one = defineTask({ name: "one", run: (_ctx, n: number) => n });
const blocked = defineTask({ name: "blocked", run: (ctx, n: number) => ctx.waitForEvent(`go-${n}`) });
const fails = defineTask({ name: "fails", run: () => Promise.reject(new Error("no")) });
const last = defineTask({ name: "last", run: () => null });
const stream = defineTask({
  name: "stream",
  run: async function* (_ctx, n: number) {
    for (let i = 0; i < n; i++) yield one.s(i);
    yield blocked.s(0);
  },
});
const tasks = [one, blocked, fails, last, stream];
const firstResult = ({ engine }: LocalEngine, jobId: string) => engine.results(jobId)[Symbol.asyncIterator]().next();
const ids = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe("a group", () => {
  // Ledgers of width 4: one, two and four levels.
  it.each([4, 13, 80])("of %i members tells how many have ended at every moment", async (members) => {
    const local = new LocalEngine(tasks, { width: 4 });
    const { jobId } = await local.engine.submit({
      canvas: chord(
        ids(members).map((n) => blocked.s(n)),
        last.si(),
      ).canvas,
    });
    await local.untilQuiet();
    const gid = `${jobId}.0.g`;
    // In an order that leaves holes in every leaf.
    const order = ids(members).toSorted((a, b) => ((a * 7) % members) - ((b * 7) % members) || a - b);
    for (const [ended, n] of order.entries()) {
      const view = await local.engine.group(gid);
      expect([view.state, view.total, view.remaining, view.countsExact]).toEqual([
        "open",
        members,
        members - ended,
        true,
      ]);
      expect(view.counts["success"] ?? 0).toBe(ended);
      await local.engine.sendEvent(jobId, `go-${n}`, n);
      await local.untilQuiet();
    }
    expect(await local.engine.group(gid)).toMatchObject({
      state: "complete",
      remaining: 0,
      counts: { success: members },
    });
  });
  it("that decided early says that its counts are no more than what had ended", async () => {
    const local = new LocalEngine(tasks);
    const canvas = group([blocked.s(0), fails.s(), one.s(1)], { policy: "failFast" }).canvas;
    const { jobId } = await local.engine.submit({ canvas });
    await local.untilQuiet();
    expect(await local.engine.group(`${jobId}.0.g`)).toMatchObject({
      state: "failed",
      total: 3,
      failed: 1,
      firstError: { message: "no", runId: `${jobId}.0.g.1` },
    });
  });
  it("that a task streams has no total before it is over, and then that of its items", async () => {
    const local = new LocalEngine(tasks, { width: 4 });
    const { jobId } = await local.engine.submit({ canvas: chain(stream.s(6), last.si()).canvas });
    await local.untilQuiet();
    const gid = `${jobId}.0.g`;
    const open = await local.engine.group(gid);
    expect(open).toMatchObject({ state: "open", ownerRunId: `${jobId}.0`, callbackRunId: `${jobId}.0~1` });
    expect(open).not.toHaveProperty("total");
    await local.engine.sendEvent(jobId, "go-0", null);
    await local.untilQuiet();
    expect(await local.engine.group(gid)).toMatchObject({ state: "complete", total: 7, remaining: 0 });
  });
  it("of links has an owner, which does not wait for it, and no callback", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: one.s(1).link(last.si()).canvas });
    await local.untilQuiet();
    const links = await local.engine.group(`${jobId}.0.l`);
    expect(links).toMatchObject({ state: "complete", total: 1, ownerRunId: `${jobId}.0` });
    expect(links).not.toHaveProperty("callbackRunId");
  });
  it("of a canvas may have a time to live, after which the results of its job are refused, too", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({ canvas: group([one.s(1), one.s(2)], { ttlSeconds: 60 }).canvas });
    await local.untilQuiet();
    expect(await firstResult(local, jobId)).toMatchObject({ value: { value: 1 } });
    local.clock.set(local.clock.now() + 61_000);
    await expect(local.engine.group(`${jobId}.0.g`)).rejects.toMatchObject({ code: "group_expired" });
    await expect(firstResult(local, jobId)).rejects.toMatchObject({ code: "group_expired" });
  });
  it("that a retry opens again does not expire while it goes on, and its time to live starts anew", async () => {
    let broken = true;
    const flaky = defineTask({ name: "flaky", run: () => (broken ? Promise.reject(new Error("no")) : null) });
    const local = new LocalEngine([...tasks, flaky]);
    const canvas = group([one.s(1), flaky.s().set({ countdown: 10 })], { ttlSeconds: 60 }).canvas;
    const { jobId } = await local.engine.submit({ canvas });
    await local.untilQuiet();
    const gid = `${jobId}.0.g`;
    const { expiresAt: first = 0 } = await local.engine.group(gid);
    local.clock.set(first + 1);
    broken = false;
    await local.engine.retry(jobId, {});
    await local.untilQuiet();
    const again = await local.engine.group(gid);
    expect(again).toMatchObject({ state: "complete", round: 1, remaining: 0, counts: { success: 2 } });
    expect(again.expiresAt).toBeGreaterThan(first + 59_000);
  });
});
