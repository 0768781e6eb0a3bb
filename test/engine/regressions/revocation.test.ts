import { describe, expect, it } from "vitest";
import { chain, defineTask, group } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death, Latch, writesHeader, onlyMessage, ScriptedLoop, untilExpanded, untilIdle } from "../scripted-faults.ts";

/** Errors of revocation that the simulation found, each as a script without a sweeper. */
const WORKER = "local.default#worker";
/** Milliseconds after which every cached header is read again. */
const CACHED_MS = 60_000;

describe("errors of revocation that the simulation found", () => {
  it("a run that is revoked while it waits for a slot is not started", async () => {
    let executed = 0;
    const counted = defineTask({ name: "counted", run: () => ++executed });
    const local = new LocalEngine([counted]);
    const { jobId } = await local.engine.submit({ canvas: group([counted.s()]).canvas });
    await untilExpanded(local, jobId);
    const message = await onlyMessage(local);
    const latch = new Latch();
    const loop = new ScriptedLoop();
    const busy = {
      hold: loop.hold.bind(loop),
      tryTakeSlot: () => undefined,
      takeSlot: (alone: boolean) => latch.wait().then(() => loop.takeSlot(alone)),
    };
    const handled = local.engine.handle(message, busy);
    await latch.reached;
    expect(await local.over(local).revoke(`${jobId}.0.g.0`)).toBe(true);
    local.clock.advance(CACHED_MS);
    latch.release();
    const disposition = await handled;
    if (disposition.kind === "later") await local.queue.later(message.id, disposition.delaySeconds);
    await local.untilQuiet();
    expect(executed).toBe(0);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { cancelled: 1 } });
  });

  it("a next step that is created as revoked does not run in place", async () => {
    const run: { local?: LocalEngine; jobId?: string } = {};
    const revoking = defineTask({ name: "revoking", run: () => run.local?.over(run.local).revoke(`${run.jobId}.0~1`) });
    let executed = 0;
    const counted = defineTask({ name: "counted", run: () => ++executed });
    const local = (run.local = new LocalEngine([revoking, counted]));
    const { jobId } = await local.engine.submit({ canvas: chain(revoking.s(), counted.si()).canvas });
    run.jobId = jobId;
    await local.untilQuiet();
    expect(executed).toBe(0);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, cancelled: 1 } });
  });

  it("a revoked row that was given back is ended although its next message expects no row", async () => {
    const latch = new Latch();
    const member = defineTask({
      name: "member",
      run: (_ctx, index: number) => (index === 1 ? latch.wait() : undefined),
    });
    const local = new LocalEngine([member], { packAbove: 1, membersPerMessage: 2 });
    const { jobId } = await local.engine.submit({ canvas: group([member.s(0), member.s(1)]).canvas });
    await untilExpanded(local, jobId);
    const message = await onlyMessage(local, [WORKER]);
    const loop = new ScriptedLoop();
    const handled = local.engine.handle(message, loop);
    await latch.reached;
    // While the member runs, the revocation leaves it to its worker. The worker then stops and sends a smaller message,
    // which counts as a first delivery.
    expect(await local.over(local).revoke(`${jobId}.0.g.1`)).toBe(true);
    await untilIdle(local);
    loop.abort("stopped");
    expect(await local.passing(handled)).toEqual({ kind: "done" });
    await local.queue.ack([message.id]);
    expect(await local.engine.run(`${jobId}.0.g.1`)).toMatchObject({ status: "queued", attempt: 1 });
    local.clock.advance(CACHED_MS);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, cancelled: 1 } });
  });

  it("a repeated walk of a revocation follows the run that a walk which died had ended", async () => {
    const waiting = defineTask({ name: "waiting", run: (ctx) => ctx.waitForEvent("never") });
    const local = new LocalEngine([waiting]);
    const { jobId } = await local.engine.submit({ canvas: waiting.s().stamp({ team: "blue" }).canvas });
    await untilIdle(local);
    expect(await local.engine.revokeStamped(jobId, { team: ["blue"] })).toBe(true);
    const death = new Death(writesHeader(jobId, "outcome"));
    void local.over(local, death.around).handle(await onlyMessage(local), LocalEngine.loop);
    await death.died;
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "cancelled" });
    expect(await local.engine.job(jobId)).toMatchObject({ state: "started" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "failure",
      error: { reason: "revoked" },
      counts: { cancelled: 1 },
    });
  });
});
