import { describe, expect, it } from "vitest";
import { childGroupOf } from "../../../functions/core/plan/run-id.ts";
import { asHeader, headerKey } from "../../../functions/engine/item-kinds.ts";
import type { ReceivedMessage } from "../../../functions/engine/ports.ts";
import { approval, chord, defineTask, group, repeat } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Plant } from "../plant.ts";
import {
  Death,
  HeldCall,
  HeldRead,
  Latch,
  marksFirstLeaf,
  onlyMessage,
  settled,
  untilIdle,
  writesHeader,
  writesRun,
} from "../scripted-faults.ts";

async function headerOf(local: LocalEngine, gid: string) {
  return asHeader(await local.store.get(headerKey(gid), { consistent: true }));
}
/** Handles messages until a group is in a round. */
async function untilRound(local: LocalEngine, gid: string, round: number): Promise<void> {
  while ((await headerOf(local, gid))?.round !== round) if (!(await local.turn())) throw new Error(`${gid} rests`);
}
/** Whether a message names members of a group, or this one. */
function names({ body }: ReceivedMessage, gid: string, index?: number): boolean {
  const message = body as { readonly gid?: string; readonly members?: readonly number[] };
  return (
    message.gid === gid && message.members !== undefined && (index === undefined || message.members.includes(index))
  );
}
/** Handles messages until none is due now. Those that `takes` takes are handled by another process, or not at all. */
async function untilIdleBut(local: LocalEngine, takes: (message: ReceivedMessage) => Promise<boolean>): Promise<void> {
  for (;;) {
    const [message] = await local.queue.receive(local.queues, 1, 600);
    if (!message) return;
    if (await takes(message)) continue;
    const { kind } = await local.engine.handle(message, LocalEngine.loop);
    if (kind === "done") await local.queue.ack([message.id]);
  }
}
/** Lets hours pass, each with a sweep. */
async function sweptForHours(local: LocalEngine): Promise<void> {
  for (let hours = 0; hours < 4; hours++) {
    local.clock.advance(3_600_000);
    await local.engine.sweep();
    await local.untilQuiet();
  }
}

describe("a retry that names a run", () => {
  it("takes up a run that was revoked while it waited, though nothing below it failed", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    const inner = group([plant.work.s("a"), approval("go")], { policy: "settled" });
    await plant.fails(group([inner, plant.work.s("b")], { policy: "settled" }));
    const revoked = `${plant.jobId}.0.g.0`;
    await engine.revoke(revoked);
    await plant.ends();
    expect(await engine.run(revoked)).toMatchObject({ status: "cancelled" });
    expect(await engine.previewRetry(plant.jobId, { filter: { runIds: [revoked] } })).toMatchObject({ runs: 1 });
    expect(await plant.retried({ filter: { runIds: [revoked] } })).toMatchObject({ state: "started" });
    const approved = `${revoked}.g.1`;
    await engine.complete(approved, (await engine.run(approved))?.wait?.token ?? "", { value: "yes" });
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 2 }, countsExact: true });
    expect(plant.runs).toEqual({ a: 1, b: 1 });
  });

  it("takes up what its failure had cut off with it", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    const waits = group([approval("go")], { policy: "settled" });
    const { jobId } = await plant.fails(
      group([plant.work.s("b"), plant.work.s("a"), waits], { policy: "failFast" }),
      "b",
    );
    await sweptForHours(plant.local);
    const cut = `${jobId}.0.g.2`;
    expect(await engine.run(cut)).toMatchObject({ status: "cancelled" });
    expect(await plant.retried({ filter: { runIds: [`${jobId}.0.g.0`] } })).toMatchObject({ state: "started" });
    const approved = `${cut}.g.0`;
    await engine.complete(approved, (await engine.run(approved))?.wait?.token ?? "", { value: "yes" });
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 2 }, countsExact: true });
    expect(plant.runs).toEqual({ a: 1, b: 2 });
  });

  it("finds what failed in a cancelled job while its groups are still being cut off", async () => {
    const plant = new Plant();
    const { engine } = plant.local;
    const inner = group([plant.work.s("a"), approval("go")], { policy: "settled" });
    plant.broken.add("a");
    const { jobId } = await engine.submit({ canvas: group([inner, plant.work.s("b")]).canvas });
    await plant.local.untilQuiet();
    plant.broken.clear();
    await engine.cancel(jobId);
    expect(await engine.run(`${jobId}.0.g.0`)).toMatchObject({ status: "waiting" });
    await engine.retry(jobId, { filter: { statuses: ["error"] } });
    await plant.local.untilQuiet();
    const approved = `${jobId}.0.g.0.g.1`;
    await engine.complete(approved, (await engine.run(approved))?.wait?.token ?? "", { value: "yes" });
    await plant.local.untilQuiet();
    expect(await engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 2 } });
    expect(plant.runs).toEqual({ a: 2, b: 1 });
  });

  it("begins a loop anew that came to its bound above failures that it leaves", async () => {
    const plant = new Plant();
    const { jobId } = await plant.fails(
      repeat(group([plant.work.si("a")], { policy: "settled" }) as never, { until: { is: "eq", value: 1 }, most: 2 }),
      "a",
    );
    expect(await plant.local.engine.run(`${jobId}.0`)).toMatchObject({ error: { reason: "repeat_limit" } });
    expect(await plant.retried({ filter: { reasons: ["repeat_limit"] } })).toMatchObject({ round: 1 });
    expect(plant.runs).toEqual({ a: 4 });
  });
});

describe("members that are taken up by several processes", () => {
  it("a member is not marked by a process that read it before another one had taken it up", async () => {
    const plant = new Plant();
    const { local } = plant;
    const members = [plant.work.s("a"), plant.work.s("b")];
    const { jobId } = await plant.fails(group(members, { policy: "settled" }), "b");
    plant.broken.clear();
    const settle = { queue: "engine", jobId, body: { v: 1, kind: "settle", gid: childGroupOf(`${jobId}.0`) } };
    await local.queue.send([settle]);
    const repeated = await onlyMessage(local);
    await local.engine.retry(jobId, { filter: { tasks: ["work"] } });
    const late = new HeldRead(childGroupOf(`${jobId}.0`), 2);
    const work = plant.over(late.around).handle(repeated, LocalEngine.loop);
    await late.reached;
    await untilRound(local, childGroupOf(`${jobId}.0`), 1);
    late.release();
    await work;
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 2 }, countsExact: true });
    expect(plant.runs).toEqual({ a: 1, b: 2 });
  });

  it("a later step is not taken up by a process that read the step before it before another one had taken that up", async () => {
    const plant = new Plant();
    const { local } = plant;
    const consumed = group([plant.work.s("a")], { policy: "settled" });
    const { jobId } = await plant.fails(chord(consumed, plant.next.s("b") as never), "a", "b");
    plant.broken.clear();
    const step = { v: 1, kind: "members", gid: jobId, step: 1, members: [0] };
    await local.queue.send([{ queue: "local.default#worker", jobId, body: step }]);
    const repeated = await onlyMessage(local);
    await local.engine.retry(jobId, { filter: { statuses: ["error"] } });
    const late = new HeldRead(childGroupOf(`${jobId}.0`));
    const work = plant.over(late.around).handle(repeated, LocalEngine.loop);
    await late.reached;
    await untilRound(local, childGroupOf(`${jobId}.0`), 1);
    late.release();
    await work;
    expect(await local.engine.run(`${jobId}.0~1`)).toMatchObject({ status: "error", round: 0 });
    expect(await plant.ends()).toMatchObject({ state: "success", value: [["a"], "b"], counts: { success: 2 } });
    expect(plant.runs).toEqual({ a: 2, b: 2 });
  });

  it("a run that a frozen worker ends well does not run again", async () => {
    const gate = new Latch();
    let ran = 0;
    const slow = defineTask({ name: "slow", run: () => gate.wait().then(() => ++ran) });
    const local = new LocalEngine([slow]);
    const { jobId } = await local.engine.submit({ canvas: slow.s().canvas });
    const held = local.engine.handle(await onlyMessage(local), LocalEngine.loop);
    await gate.reached;
    await local.engine.cancel(jobId);
    await untilIdle(local);
    local.clock.advance(120_000);
    await local.engine.retry(jobId, {});
    const late = new HeldCall(writesRun(`${jobId}.0`, "queued"));
    const taking = local.over(local, late.around).handle(await onlyMessage(local, ["engine"]), LocalEngine.loop);
    await late.reached;
    gate.release();
    await held;
    late.release();
    await taking;
    await sweptForHours(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", round: 1, counts: { success: 1 } });
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "success", round: 0, value: 1 });
    expect(ran).toBe(1);
  });

  it("a group that another process has opened in this round is not dropped", async () => {
    const plant = new Plant({ openPages: 1 });
    const { local } = plant;
    const { jobId } = await plant.fails(plant.streamFast.s(["a", "b", "c", "d", "e", "f"]), "a");
    const streamed = childGroupOf(`${jobId}.0`);
    expect(await headerOf(local, streamed)).toMatchObject({ outcome: "failed" });
    plant.broken.clear();
    await local.engine.retry(jobId, {});
    const late = new HeldRead(streamed);
    const message = await onlyMessage(local);
    const work = plant.over(late.around).handle(message, LocalEngine.loop);
    await late.reached;
    await local.engine.handle(message, LocalEngine.loop);
    const ofPage: HeldCall = new HeldCall(({ writes }) =>
      writes.some(({ key }) => key.partition.startsWith(`G#${streamed}#`)),
    );
    const owner = await onlyMessage(local, ["local.default#worker"]);
    const attempt = plant.over(ofPage.around).handle(owner, LocalEngine.loop);
    await ofPage.reached;
    late.release();
    await work;
    expect(await headerOf(local, streamed)).not.toHaveProperty("outcome");
    ofPage.release();
    await local.passing(attempt);
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 7 } });
  });
});

describe("what a decision of the round before had left", () => {
  it("a full leaf that was not marked upward counts in the next round", async () => {
    const plant = new Plant({ packAbove: 1 });
    const { local } = plant;
    const values = ["a", "b", "c", "d"];
    plant.broken.add("c");
    const members = values.map((name) => plant.work.s(name));
    const { jobId } = await local.engine.submit({ canvas: group(members, { policy: "failFast" }).canvas });
    plant.jobId = jobId;
    const death = new Death(({ writes }) => writes.some(({ key }) => key.partition === `L#${jobId}.0.g#0#2#0`));
    await untilIdleBut(local, async (message) => {
      if (!names(message, `${jobId}.0.g`, 0)) return false;
      void plant.over(death.around).handle(message, LocalEngine.loop);
      return death.died.then(() => true);
    });
    await untilIdle(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure" });
    expect(await plant.retried()).toMatchObject({ state: "success", counts: { success: 4 }, countsExact: true });
    expect(plant.runs).toMatchObject({ a: 1, b: 1, c: 2 });
  });

  it("a late header of an owner that was cancelled again is not looked at for ever", async () => {
    const plant = new Plant();
    const { local } = plant;
    const { engine } = local;
    const { jobId } = await engine.submit({ canvas: plant.stream.s(["a", "b"]).canvas });
    const late = new HeldCall(writesHeader(childGroupOf(`${jobId}.0`)));
    let released = false;
    const death = new Death(() => released);
    const frozen = plant.over((ports) => death.around(late.around(ports)));
    void frozen.handle(await onlyMessage(local), LocalEngine.loop);
    await late.reached;
    await engine.cancel(jobId);
    await untilIdle(local);
    local.clock.advance(120_000);
    await engine.retry(jobId, {});
    await engine.handle(await onlyMessage(local, ["engine"]), LocalEngine.loop);
    await engine.cancel(jobId);
    released = true;
    late.release();
    await death.died;
    await sweptForHours(local);
    expect(await headerOf(local, childGroupOf(`${jobId}.0`))).toMatchObject({ round: 0, state: "closed" });
  });

  it("links that were cut off, but not dropped yet, run in the next round", async () => {
    const plant = new Plant({ headerCacheMs: 600_000 });
    const { local } = plant;
    const linked = plant.work
      .s("a")
      .link(plant.work.si("first"))
      .link(group([plant.work.si("second"), plant.work.si("third")]));
    const late = plant.work.s("b").set({ countdown: 60 });
    plant.broken.add("b");
    const { jobId } = await local.engine.submit({ canvas: group([linked, late], { policy: "failFast" }).canvas });
    plant.jobId = jobId;
    const links = `${jobId}.0.g.0.l`;
    let armed = false;
    const dying = plant.over(new Death((call) => armed && marksFirstLeaf(links)(call)).around);
    const kept: ReceivedMessage[] = [];
    await untilIdleBut(local, async (message) => {
      if (!names(message, links)) return false;
      // It remembers the group as open.
      if (names(message, links, 0)) await dying.handle(message, LocalEngine.loop);
      else kept.push(message);
      return true;
    });
    local.clock.advance(60_000);
    await untilIdle(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure" });
    armed = true;
    void dying.handle(kept[0] as ReceivedMessage, LocalEngine.loop);
    await settled();
    expect(await local.engine.run(`${links}.1`)).toMatchObject({ status: "cancelled" });
    expect(await headerOf(local, links)).not.toHaveProperty("outcome");
    expect(await plant.retried()).toMatchObject({ state: "success", counts: { success: 5 }, countsExact: true });
    expect(plant.runs).toEqual({ a: 1, b: 2, first: 1, second: 1, third: 1 });
  });
});

describe("lists of ends", () => {
  it("a retry that is late to leave the list of an end leaves the end of its own round there", async () => {
    const work = defineTask({ name: "work", run: () => null });
    const local = new LocalEngine([work]);
    const { jobId } = await local.engine.submit({ canvas: work.si().set({ countdown: 60 }).canvas });
    await local.engine.cancel(jobId);
    await untilIdle(local);
    const held = new HeldCall(({ writes }) => writes.some(({ op }) => op === "remove"));
    const retrying = local.over(local, held.around).retry(jobId, {});
    await held.reached;
    await local.engine.cancel(jobId);
    await untilIdle(local);
    held.release();
    await retrying;
    await untilIdle(local);
    expect((await local.engine.jobs({ state: "cancelled" })).items).toMatchObject([{ jobId, round: 1 }]);
  });
});
