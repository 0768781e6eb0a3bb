import { describe, expect, it } from "vitest";
import { childGroupOf } from "../../../functions/core/plan/run-id.ts";
import type { EngineConfig } from "../../../functions/engine/config.ts";
import { type AnyTask, type CanvasBuilder, chain, defineTask, TaskError } from "../../../functions/sdk/index.ts";
import { sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";
import {
  Death,
  HeldCall,
  Latch,
  onlyMessage,
  ScriptedLoop,
  sends,
  settled,
  untilIdle,
  writesHeader,
  writesRun,
} from "../scripted-faults.ts";

/**
 * Errors of open groups that the simulation found, each as a script. The owner is the run whose generator is cut into
 * pages of 1, 2, 4 .. items.
 */
const WORKER = "local.default#worker";
const item = defineTask({ name: "item", run: (_ctx, index: number) => index });
const failing = defineTask({
  name: "failing",
  run: (): never => {
    throw new TaskError("the first item", { retryable: false });
  },
});
async function started({ canvas }: CanvasBuilder, owner: AnyTask, config: Partial<EngineConfig> = {}) {
  const local = new LocalEngine([owner, item, failing, sum, handle], config);
  const { jobId } = await local.engine.submit({ canvas });
  return { local, jobId, owner: `${jobId}.0`, pages: `${jobId}.0.g` };
}
const handle = defineTask({ name: "handle", streamsResults: true, run: (_ctx, given: unknown) => given });

describe("errors of open groups that the simulation found", () => {
  it("a handle of an open group counts its members, not its pages", async () => {
    const owner = defineTask({
      name: "owner",
      run: async function* () {
        for (let index = 0; index < 7; index++) yield item.s(index);
      },
    });
    const { local, jobId } = await started(chain(owner.s(), handle.s()), owner);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: { total: 7, success: 7, failed: 0 },
    });
  });

  it("an owner stops streaming into a group that has failed early, in the attempt that finds it failed", async () => {
    const owner = defineTask({
      name: "owner",
      policy: "failFast",
      run: async function* () {
        for (let index = 0; index < 100; index++) yield failing.s();
      },
    });
    const { local, owner: runId } = await started(owner.s(), owner, { openPages: 1 });
    const handled = local.engine.handle(await onlyMessage(local), LocalEngine.loop);
    await settled();
    // The first page fails the group. No later page ever ends, so there is never room for another one.
    await untilIdle(local);
    await local.passing(handled);
    await local.untilQuiet();
    expect(await local.engine.run(runId)).toMatchObject({
      status: "error",
      attempt: 1,
      error: { message: "the first item" },
    });
  });

  it("an owner does not ask its generator again once an earlier attempt has left a group that failed early", async () => {
    let attempts = 0;
    const latch = new Latch();
    const owner = defineTask({
      name: "owner",
      policy: "failFast",
      run: async function* () {
        if (++attempts > 1) return;
        yield failing.s();
        await latch.wait();
      },
    });
    const { local, owner: runId } = await started(owner.s(), owner);
    const loop = new ScriptedLoop();
    const handled = local.engine.handle(await onlyMessage(local), loop);
    await latch.reached;
    await untilIdle(local);
    loop.abort("stopped");
    await local.passing(handled);
    await local.untilQuiet();
    expect(attempts).toBe(1);
    expect(await local.engine.run(runId)).toMatchObject({
      status: "error",
      attempt: 2,
      error: { message: "the first item" },
    });
  });

  it("the last page is sent again when the attempt that wrote it died before the page's message", async () => {
    const owner = defineTask({
      name: "owner",
      run: async function* () {
        yield item.s(0);
        return "streamed";
      },
    });
    const { local, jobId, pages } = await started(owner.s(), owner);
    const death = new Death(sends("members", pages));
    void local.over(local, death.around).handle(await onlyMessage(local), LocalEngine.loop);
    await death.died;
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: "streamed",
      counts: { success: 2 },
    });
  });

  it("an owner has not timed out when back-pressure kept it from its generator until the deadline", async () => {
    const owner = defineTask({
      name: "owner",
      run: async function* () {
        for (let index = 0; index < 3; index++) yield item.s(index);
        return "streamed";
      },
    });
    const { local, jobId, owner: runId } = await started(owner.s(), owner, { openPages: 1, yieldSeconds: 600 });
    // The first attempt puts a page. No worker runs the page, so neither this attempt nor the next has room for
    // another.
    for (const reason of ["stopped", "deadline"] as const) {
      const loop = new ScriptedLoop();
      const handled = local.engine.handle(
        await onlyMessage(local, reason === "stopped" ? local.queues : [WORKER]),
        loop,
      );
      await settled();
      expect(local.clock.nextWake()).toBeDefined();
      loop.abort(reason);
      await local.passing(handled);
      expect(await local.engine.run(runId)).toMatchObject({ status: "queued" });
      local.clock.advance(1_000);
    }
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: "streamed",
      counts: { success: 4 },
    });
  });

  it("an owner has not timed out when its process froze until the deadline, before the generator was asked for anything", async () => {
    const owner = defineTask({
      name: "owner",
      run: async function* () {
        yield item.s(0);
        return "streamed";
      },
    });
    const { local, jobId, pages } = await started(owner.s(), owner);
    const frozen = new HeldCall(writesHeader(pages));
    const loop = new ScriptedLoop();
    const handled = local.over(local, frozen.around).handle(await onlyMessage(local), loop);
    await frozen.reached;
    loop.abort("deadline");
    frozen.release();
    await handled;
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: "streamed",
      counts: { success: 2 },
    });
  });

  it("the last page that a ledger has room for takes everything that is left, however slow the rest is", async () => {
    // With a width of 2 there is room for 4 pages: items 0; 1, 2; 3 to 6; and all from 7 on.
    const latches: { readonly [index: number]: Latch } = { 1: new Latch(), 8: new Latch() };
    const owner = defineTask({
      name: "owner",
      run: async function* () {
        for (let index = 0; index < 12; index++) {
          await latches[index]?.wait();
          yield item.s(index);
        }
        return "streamed";
      },
    });
    const { local, jobId } = await started(owner.s(), owner, { width: 2 });
    const handled = local.engine.handle(await onlyMessage(local), LocalEngine.loop);
    // Once a child has begun, the owner need not wait before its fourth page, so no time passes until then.
    await latches[1]?.reached;
    await untilIdle(local);
    latches[1]?.release();
    await latches[8]?.reached;
    // The timers of the earlier pages end while the owner cuts the last page.
    local.clock.advance(1_000);
    await settled();
    latches[8]?.release();
    await local.passing(handled);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: "streamed",
      counts: { success: 13 },
    });
  });

  it("an owner keeps its own value and count when another process finds its group decided before the owner waits for it", async () => {
    const latch = new Latch();
    const owner = defineTask({
      name: "owner",
      run: async function* () {
        yield item.s(0);
        await latch.wait();
        return "streamed";
      },
    });
    const { local, jobId, owner: runId, pages } = await started(owner.s(), owner);
    const commit = new HeldCall(writesRun(runId, "waiting"));
    let committed = false;
    const ownSettle = new HeldCall((call) => committed && writesRun(runId, "success")(call));
    const handled = local
      .over(local, (ports) => commit.around(ownSettle.around(ports)))
      .handle(await onlyMessage(local), LocalEngine.loop);
    await latch.reached;
    await untilIdle(local);
    latch.release();
    await commit.reached;
    // The group is sealed and decided, and its owner still runs. The page's message is delivered again.
    const otherSettle = new HeldCall(writesRun(runId));
    const page = { v: 1, kind: "members", gid: pages, step: 0, members: [0] };
    const other = local
      .over(local, otherSettle.around)
      .handle({ queue: "engine", body: page, receives: 2 }, LocalEngine.loop);
    await local.passing(Promise.race([other, otherSettle.reached]));
    committed = true;
    commit.release();
    await ownSettle.reached;
    otherSettle.release();
    await other;
    ownSettle.release();
    await handled;
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      value: "streamed",
      counts: { success: 2 },
    });
  });

  it("a repeated seal follows the decision of a seal that died after it", async () => {
    const local = new LocalEngine([item, sum]);
    const { jobId } = await local.engine.openJob({ body: sum.s().canvas });
    await local.engine.putInputPage(jobId, 0, [item.s(3).canvas]);
    await untilIdle(local);
    const death = new Death(writesRun(`${jobId}.0`));
    void local.over(local, death.around).sealInput(jobId, 1);
    await death.died;
    await local.engine.sealInput(jobId, 1);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 3 });
  });

  it("an input that was never opened takes pages as soon as its cancelled job is retried", async () => {
    const local = new LocalEngine([item, sum]);
    const jobId = "0123456789abcdef0123456789abcdef";
    const death = new Death(writesHeader(childGroupOf(`${jobId}.0`)));
    void local.over(local, death.around).openJob({ jobId, body: sum.s().canvas });
    await death.died;
    await local.engine.cancel(jobId);
    await local.untilQuiet();
    await local.engine.retry(jobId, { filter: { statuses: ["cancelled"] } });
    await local.engine.putInputPage(jobId, 0, [item.s(1).canvas, item.s(2).canvas]);
    await local.engine.sealInput(jobId, 1);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 3, counts: { success: 3 } });
  });
});
