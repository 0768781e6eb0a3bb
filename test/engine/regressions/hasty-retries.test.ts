import { describe, expect, it } from "vitest";
import { childGroupOf } from "../../../functions/core/plan/run-id.ts";
import { asHeader, headerKey } from "../../../functions/engine/item-kinds.ts";
import type { ReceivedMessage } from "../../../functions/engine/ports.ts";
import { chain, defineStateMachineTask, group } from "../../../functions/sdk/index.ts";
import { MemoryExecutions } from "../../../functions/testing/ports/memory-executions.ts";
import { LocalEngine } from "../local-engine.ts";
import { Plant } from "../plant.ts";
import { Death, HeldCall, HeldRead, onlyMessage, settled, untilIdle, writesHeader } from "../scripted-faults.ts";

const WORKER = "local.default#worker";
const headerOf = async (local: LocalEngine, gid: string) =>
  asHeader(await local.store.get(headerKey(gid), { consistent: true }));
/** Handles what is due for the engine itself, and leaves the messages of workers where they are. */
async function handleControl(local: LocalEngine): Promise<void> {
  for (;;) {
    const [message] = await local.queue.receive(["engine"], 1, 600);
    if (!message) return;
    const { kind } = await local.engine.handle(message, LocalEngine.loop);
    if (kind === "done") await local.queue.ack([message.id]);
  }
}
/** Handles what workers have to do now. */
async function handleWork(local: LocalEngine): Promise<void> {
  for (;;) {
    const [message] = await local.queue.receive([WORKER], 1, 600);
    if (!message) return;
    const { kind } = await local.passing(local.engine.handle(message, LocalEngine.loop));
    if (kind === "done") await local.queue.ack([message.id]);
  }
}
/** Handles what is due now, and leaves messages of one kind for minutes. */
async function handleAllBut(local: LocalEngine, kept: string): Promise<void> {
  for (;;) {
    const [message] = await local.queue.receive(local.queues, 1, 600);
    if (!message) return;
    if ((message.body as { readonly kind?: string }).kind === kept) continue;
    const { kind } = await local.passing(local.engine.handle(message, LocalEngine.loop));
    if (kind === "done") await local.queue.ack([message.id]);
  }
}

describe("a job that is cancelled and retried before anybody below has met the cancel", () => {
  it("starts nothing in a group before that is opened again", async () => {
    const plant = new Plant();
    const { local } = plant;
    const { jobId } = await local.engine.submit({ canvas: group([plant.work.s("a")]).canvas });
    plant.jobId = jobId;
    await local.engine.handle(await onlyMessage(local, ["engine"]), LocalEngine.loop);
    const member = await onlyMessage(local, [WORKER]);
    await local.engine.cancel(jobId);
    await local.engine.retry(jobId, {});
    await local.engine.handle(member, LocalEngine.loop);
    expect(plant.runs).toEqual({});
    expect(await headerOf(local, childGroupOf(`${jobId}.0`))).toMatchObject({ round: 0, outcome: "dropped" });
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 1 }, countsExact: true });
    expect(plant.runs).toEqual({ a: 1 });
  });

  it("streams the pages again that the cancel has cut off, whatever the filter says", async () => {
    const plant = new Plant({ openPages: 1, yieldSeconds: 1, packAbove: 1 });
    const { local } = plant;
    const members = [plant.stream.s(["a", "b"]), plant.work.s("x")];
    plant.broken.add("x");
    const { jobId } = await local.engine.submit({ canvas: group(members, { policy: "settled" }).canvas });
    plant.jobId = jobId;
    await handleControl(local);
    // The owner puts its first page, and returns to its queue because that has not begun.
    await handleWork(local);
    const owner = `${jobId}.0.g.0`;
    expect(await local.engine.run(owner)).toMatchObject({ status: "queued" });
    await handleControl(local);
    const ofPage = await onlyMessage(local, [WORKER]);
    await local.engine.cancel(jobId);
    await handleControl(local);
    await local.engine.handle(ofPage, LocalEngine.loop);
    expect(await local.engine.run(`${owner}.g.0`)).toMatchObject({ status: "cancelled" });
    plant.broken.clear();
    await local.engine.retry(jobId, { filter: { statuses: ["error"] } });
    local.clock.advance(2_000);
    await handleAllBut(local, "sweep");
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 4 }, countsExact: true });
    expect(plant.runs).toMatchObject({ a: 1, b: 1, x: 2 });
  });

  it("makes the input of an execution anew that had not begun", async () => {
    const inputs: number[] = [];
    const encode = defineStateMachineTask<[name: string], null>({
      name: "encode",
      stateMachine: "encode-video",
      input: (_ctx, name) => ({ name, made: inputs.push(inputs.length) }),
    });
    const executions = new MemoryExecutions();
    const local = new LocalEngine(
      [encode],
      { executions: { prefix: "here" } },
      { around: (ports) => ({ ...ports, executions: executions.port() }) },
    );
    const { jobId } = await local.engine.submit({ canvas: encode.s("a").canvas });
    const death = new Death(writesHeader(childGroupOf(`${jobId}.0`)));
    void local.over(local, death.around).handle(await onlyMessage(local), LocalEngine.loop);
    await death.died;
    expect(await local.engine.run(`${jobId}.0`)).toMatchObject({ status: "waiting" });
    await local.engine.cancel(jobId);
    await local.engine.retry(jobId, {});
    await untilIdle(local);
    expect([...executions.all.values()].map(({ input }) => input)).toEqual([{ name: "a", made: 2 }]);
  });

  it("says that the counts of a run are a snapshot that was cancelled before its group was opened again", async () => {
    const plant = new Plant();
    const { local } = plant;
    const inner = group([plant.work.s("a"), plant.work.s("b").set({ countdown: 60 })], { policy: "settled" });
    const { jobId } = await local.engine.submit({ canvas: group([inner], { policy: "settled" }).canvas });
    await untilIdle(local);
    expect(plant.runs).toEqual({ a: 1 });
    await local.engine.cancel(jobId);
    await local.engine.retry(jobId, {});
    const owner = `${jobId}.0.g.0`;
    const death = new Death(({ writes }) => writes.some(({ key }) => key.partition.startsWith(`L#${owner}.g#1#`)));
    const dying = plant.over(death.around);
    let died = false;
    void death.died.then(() => (died = true));
    while (!died) {
      const [message] = await local.queue.receive(local.queues, 1, 1);
      if (!message) throw new Error("the group is not opened again");
      void dying.handle(message, LocalEngine.loop).then(() => local.queue.ack([message.id]));
      for (let k = 0; k < 40; k++) await settled();
    }
    expect(await local.engine.run(owner)).toMatchObject({ status: "waiting", round: 1 });
    await local.engine.cancel(jobId);
    local.clock.advance(600_000);
    await local.engine.sweep();
    await local.untilQuiet();
    const row = await local.store.query("tasks", `G#${jobId}.0.g#0`, {});
    expect(row.items[0]?.attributes).toMatchObject({ status: "cancelled", counts: { inexact: 1 } });
  });

  it("does not cut off links that were called since", async () => {
    const plant = new Plant({ headerCacheMs: 0 });
    const { local } = plant;
    const linked = chain(plant.work.s("a").link(plant.work.si("linked")), plant.work.si("b"));
    const { jobId } = await local.engine.submit({ canvas: group([linked], { policy: "settled" }).canvas });
    plant.jobId = jobId;
    await handleControl(local);
    const links = `${jobId}.0.g.0.l`;
    const first = await onlyMessage(local, [WORKER]);
    const death = new Death(writesHeader(links));
    void plant.over(death.around).handle(first, LocalEngine.loop);
    await death.died;
    await local.engine.cancel(jobId);
    await local.engine.retry(jobId, {});
    // A process takes the member up, and finds later than others that nobody has called the links.
    const late = new HeldRead(links);
    const opening = new HeldCall(writesHeader(links, "round"));
    const slow = plant.over((ports) => opening.around(late.around(ports)));
    let reached = false;
    void late.reached.then(() => (reached = true));
    const taking: Promise<unknown>[] = [];
    while (!reached) {
      const [message] = await local.queue.receive(["engine"], 1, 600);
      if (!message) throw new Error("nobody takes the member up");
      taking.push(slow.handle(message, LocalEngine.loop));
      for (let k = 0; k < 40; k++) await settled();
    }
    await local.engine.handle(first, LocalEngine.loop);
    late.release();
    await Promise.race([opening.reached, Promise.all(taking)]);
    // Only the second step: the links have not begun.
    const [second, other] = await local.queue.receive([WORKER], 2, 600);
    const isSecond = (message: ReceivedMessage | undefined): boolean =>
      (message?.body as { readonly step?: number } | undefined)?.step === 1;
    for (const message of [second, other])
      if (message && isSecond(message)) await local.engine.handle(message, LocalEngine.loop);
    expect(plant.runs).toEqual({ a: 1, b: 1 });
    opening.release();
    await Promise.all(taking);
    local.clock.advance(1_200_000);
    await local.engine.sweep();
    expect(await plant.ends()).toMatchObject({ state: "success", counts: { success: 3 }, countsExact: true });
    expect(plant.runs).toEqual({ a: 1, b: 1, linked: 1 });
  });
});
