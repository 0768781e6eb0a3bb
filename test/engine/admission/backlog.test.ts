import { describe, expect, it } from "vitest";
import type { Signature } from "../../../functions/core/canvas/canvas.ts";
import type { EngineConfig } from "../../../functions/engine/config.ts";
import { type OutgoingMessage, PortError, type Ports, type QueueDepth } from "../../../functions/engine/ports.ts";
import { chord, defineTask, group, TaskBroken } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const Q = "local.default#worker";
const began: string[] = [];
let failing = false;
const note = defineTask({
  name: "note",
  run: (_ctx, label: string) => {
    began.push(label);
    if (failing) throw new TaskBroken("not now");
  },
});
const elsewhere = defineTask({
  name: "elsewhere",
  queue: "paris.video",
  run: (_ctx, label: string) => void began.push(label),
});
const QUEUES = ["engine", Q, "paris.video#worker"];
const CONFIG = {
  width: 4,
  headerCacheMs: 0,
  pauseCacheMs: 0,
  caps: { [Q]: 3 },
  messagesPerTurn: 2,
  expandRange: 8,
  inPlaceSteps: 0,
  queues: QUEUES.slice(1),
};
function open(config: Partial<EngineConfig> = {}, around?: (ports: Ports) => Ports): LocalEngine {
  began.length = 0;
  failing = false;
  return new LocalEngine([note, elsewhere], { ...CONFIG, ...config }, { queues: QUEUES, ...(around && { around }) });
}
const members = (count: number, name = "m") => Array.from({ length: count }, (_, k) => note.si(`${name}${k}`));
const withPriority = (canvas: Signature, priority: number): Signature => ({
  ...canvas,
  options: { ...canvas.options, priority },
});
/** Handles what is in the engine's queue, and nothing of the tasks' queues. */
async function dispatchAll(local: LocalEngine, engine = local.engine): Promise<void> {
  for (let k = 0; k < 20; k++) {
    const messages = await local.queue.receive(["engine"], 10, 30);
    if (messages.length === 0) return;
    for (const message of messages) {
      const disposition = await local.passing(engine.handle(message, LocalEngine.loop));
      if (disposition.kind === "done") await local.queue.ack([message.id]);
      else await local.queue.later(message.id, disposition.delaySeconds);
    }
  }
}
/** Handles one message of the tasks' queue, then what dispatchers want. Returns the labels that began. */
async function runOne(local: LocalEngine, engine = local.engine): Promise<readonly string[]> {
  const before = began.length;
  const [message] = await local.queue.receive([Q], 1, 30);
  if (message) {
    await local.passing(engine.handle(message, LocalEngine.loop));
    await local.queue.ack([message.id]);
  }
  local.clock.set(local.clock.now() + 1_000);
  await dispatchAll(local, engine);
  return began.slice(before);
}
const depth = async ({ queue }: LocalEngine, name = Q): Promise<number> => {
  const { ready, inFlight } = await queue.depth(name);
  return ready + inFlight;
};
async function entries({ store }: LocalEngine): Promise<number> {
  const pages = await Promise.all([0, 1, 2].map((band) => store.query("tasks", `BQ#${Q}#${band}`)));
  return pages.reduce((sum, { items }) => sum + items.length, 0);
}
/** Makes the next calls of `depth` give this. */
const depths =
  (give: () => Promise<QueueDepth | undefined>) =>
  (ports: Ports): Ports => ({
    ...ports,
    queue: {
      maxDelaySeconds: 900,
      send: (messages: readonly OutgoingMessage[]) => ports.queue.send(messages),
      depth: give,
    },
  });

describe("a queue with a cap", () => {
  it("S021 S098 takes no more messages than its cap; the rest of a big group is pending, and all of it runs", async () => {
    const local = open();
    const { jobId } = await local.engine.submit({ canvas: chord(group(members(20)), note.si("body")).canvas });
    await dispatchAll(local);
    expect([await depth(local), await entries(local)]).toEqual([3, 3]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "started", pending: 17 });
    let deepest = 0;
    for (let k = 0; k < 40; k++) {
      await runOne(local);
      deepest = Math.max(deepest, await depth(local));
    }
    expect(deepest).toBe(3);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 21 } });
    expect([await depth(local), await entries(local), began.length]).toEqual([0, 0, 21]);
  });

  it("keeps what waits as ranges: a range costs a write, one for each turn, and no row", async () => {
    const local = open({ expandRange: 4_096, width: 256, messagesPerTurn: 16, caps: { [Q]: 16 } });
    const plain = open({ expandRange: 4_096, width: 256, caps: {} });
    const counted = countPorts(local);
    const without = countPorts(plain);
    for (const engine of [local, plain])
      await engine.engine.submit({ canvas: group(Array.from({ length: 4_096 }, () => note.si("x"))).canvas });
    await dispatchAll(local);
    await dispatchAll(plain);
    expect(await depth(local)).toBe(16);
    // The root of the job: an entry put and removed. The group: put, and shortened after a turn. Two passes each.
    expect(counted.writes.jobs - without.writes.jobs).toBeLessThanOrEqual(14);
    expect(counted.writes.rows).toBe(without.writes.rows);
  });

  it("D045 members of other queues, and queues without a cap, cost what they did and are sent at once", async () => {
    const local = open();
    await local.engine.submit({ canvas: group(Array.from({ length: 9 }, (_, k) => elsewhere.si(`e${k}`))).canvas });
    await dispatchAll(local);
    expect([await depth(local, "paris.video#worker"), await entries(local)]).toEqual([9, 0]);
    expect((await local.store.query("tasks", "BD")).items).toEqual([]);
  });

  it("takes members of one group for their own queue and band only", async () => {
    const local = open();
    const mixed = Array.from({ length: 12 }, (_, k) =>
      k % 2 === 0 ? note.si(`n${k}`) : k % 3 === 0 ? elsewhere.si(`e${k}`) : note.si(`h${k}`).set({ priority: 9 }),
    );
    const { jobId } = await local.engine.submit({ canvas: group(mixed).canvas });
    await local.untilQuiet(600);
    expect(began.toSorted()).toEqual(mixed.flatMap(({ canvas }) => (canvas as Signature).args as string[]).toSorted());
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect(await entries(local)).toBe(0);
  });

  it("S099 whose depth is unknown, or cannot be read, is given nothing; afterwards it is", async () => {
    let give: () => Promise<QueueDepth | undefined> = () => Promise.resolve(undefined);
    const local = open(
      {},
      depths(() => give()),
    );
    const { jobId } = await local.engine.submit({ canvas: group(members(4)).canvas });
    await dispatchAll(local);
    give = () => Promise.reject(new PortError("outage", "SQS does not answer"));
    local.clock.set(local.clock.now() + 5_000);
    await dispatchAll(local);
    expect(await depth(local)).toBe(0);
    give = () => local.queue.depth(Q);
    await local.untilQuiet(600);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });

  it("S091 that cannot be served does not stop another queue", async () => {
    const both = { ...CONFIG.caps, "paris.video#worker": 1 };
    const local = open({ caps: both }, (ports) => ({
      ...ports,
      queue: {
        maxDelaySeconds: 900,
        send: (messages) => ports.queue.send(messages),
        depth: async (name) => {
          if (name === Q) throw new Error("a mistake");
          return ports.queue.depth(name);
        },
      },
    }));
    await local.engine.submit({ canvas: note.si("stuck").canvas });
    await local.engine.submit({ canvas: elsewhere.si("goes on").canvas });
    for (let k = 0; k < 10; k++) {
      const [message] = await local.queue.receive(["engine", "paris.video#worker"], 1, 30);
      if (!message) break;
      const handled = await local.passing(local.engine.handle(message, LocalEngine.loop).catch(() => undefined));
      if (handled) await local.queue.ack([message.id]);
    }
    expect(began).toEqual(["goes on"]);
  });
});

describe("turns of a backlog", () => {
  /** Starts jobs of some members each, a second apart. Returns the labels in the order in which they are admitted. */
  async function orderOf(
    jobs: readonly { readonly name: string; readonly count: number; readonly priority?: number }[],
  ) {
    const local = open({ caps: { [Q]: 1 }, messagesPerTurn: 1 });
    for (const { name, count, priority = 5 } of jobs) {
      local.clock.set(local.clock.now() + 1_000);
      const canvas = members(count, name).map((each) => each.set({ priority }));
      await local.engine.submit({ canvas: (count === 1 ? canvas[0]! : group(canvas)).canvas });
    }
    // The jobs are expanded before the first of them is admitted.
    const real = local.queue.depth.bind(local.queue);
    local.queue.depth = () => Promise.resolve({ ready: 99, delayed: 0, inFlight: 0 });
    await dispatchAll(local);
    local.queue.depth = real;
    local.clock.set(local.clock.now() + 1_000);
    await dispatchAll(local);
    for (let k = 0; k < 60; k++) await runOne(local);
    return began;
  }

  it("S094 begin with the newest job, go round all jobs, and serve the oldest in every fourth take", async () => {
    const order = await orderOf(["a", "b", "c", "d", "e"].map((name) => ({ name, count: 4 })));
    expect(order.map((label) => label[0]).slice(0, 8)).toEqual(["e", "d", "c", "a", "b", "a", "e", "a"]);
    expect(order).toHaveLength(20);
  });

  it("serve a job that comes last before the rest of those that came earlier", async () => {
    const local = open({ caps: { [Q]: 1 }, messagesPerTurn: 1 });
    await local.engine.submit({ canvas: group(members(20, "big")).canvas });
    await dispatchAll(local);
    await runOne(local);
    await local.engine.submit({ canvas: note.si("small").canvas });
    await dispatchAll(local);
    await runOne(local);
    await runOne(local);
    await runOne(local);
    expect(began).toContain("small");
  });

  it("serve the highest band first, and the lowest that waits in every eighth take", async () => {
    const order = await orderOf([
      { name: "low", count: 3, priority: 0 },
      { name: "middle", count: 3, priority: 5 },
      { name: "high", count: 16, priority: 9 },
    ]);
    const low = order.flatMap((label, k) => (label.startsWith("low") ? [k] : []));
    expect(order.slice(0, 7).every((label) => label.startsWith("high"))).toBe(true);
    // Once among the takes of the dispatcher, and once among those of the queue, which serves bands as well.
    expect(low[0]).toBeLessThan(16);
    expect(order).toHaveLength(22);
  });

  it("a run of the high band that was started last is the next that its full queue starts", async () => {
    const local = open();
    await local.engine.submit({ canvas: group(members(30)).canvas });
    await dispatchAll(local);
    for (let k = 0; k < 5; k++) await runOne(local);
    expect(await depth(local)).toBe(3);
    await local.engine.submit({ canvas: withPriority(note.si("urgent").canvas as Signature, 7) });
    await dispatchAll(local);
    expect(await depth(local)).toBe(4);
    expect(await runOne(local)).toEqual(["urgent"]);
  });
});

describe("what waits in a backlog", () => {
  it("is not admitted by a second dispatcher while the first has its lease, and by one afterwards", async () => {
    const local = open();
    await local.engine.submit({ canvas: note.si("x").canvas });
    const [message] = await local.queue.receive(["engine"], 1, 30);
    // A dispatcher that dies in the middle has the right to the queue until its lease is over.
    const dying = local.over(local, (ports) => ({
      ...ports,
      queue: {
        ...ports.queue,
        maxDelaySeconds: 900,
        send: (messages) => ports.queue.send(messages),
        depth: () => Promise.reject(new Error("dies")),
      },
    }));
    await expect(dying.handle(message!, LocalEngine.loop)).rejects.toThrow("dies");
    const first = await local.engine.handle({ ...message!, receives: 1 }, LocalEngine.loop);
    expect(first).toEqual({ kind: "later", delaySeconds: 1 });
    const again = await local.engine.handle({ ...message!, receives: 2 }, LocalEngine.loop);
    expect(again).toEqual({ kind: "later", delaySeconds: 65 });
    expect(await depth(local)).toBe(0);
    local.clock.set(local.clock.now() + 65_001);
    expect(await local.engine.handle({ ...message!, receives: 3 }, LocalEngine.loop)).toEqual({ kind: "done" });
    expect(await depth(local)).toBe(1);
  });

  it("is left alone by the sweeper, which asks the dispatcher again when its message was lost", async () => {
    const local = open({ sweepSeconds: 10, resendSeconds: 10 });
    const { jobId } = await local.engine.submit({ canvas: group(members(20)).canvas });
    await dispatchAll(local);
    const before = await entries(local);
    for (let k = 0; k < 5; k++) {
      local.clock.set(local.clock.now() + 400_000);
      await local.engine.sweep();
      await dispatchAll(local);
    }
    expect(await entries(local)).toBe(before);
    // Every message of the engine's queue is lost.
    local.clock.set(local.clock.now() + 5_000);
    await local.queue.ack((await local.queue.receive(["engine"], 100, 30)).map(({ id }) => id));
    for (let k = 0; k < 40; k++) {
      local.clock.set(local.clock.now() + 61_000);
      await local.engine.sweep();
      await runOne(local);
    }
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });

  it("of a cancelled job is never sent, and is removed", async () => {
    const local = open();
    const { jobId } = await local.engine.submit({ canvas: group(members(20)).canvas });
    await dispatchAll(local);
    await local.engine.cancel(jobId);
    for (let k = 0; k < 10; k++) await runOne(local);
    expect([await depth(local), await entries(local), began]).toEqual([0, 0, []]);
    expect((await local.engine.job(jobId))?.pending).toBeUndefined();
  });

  it("S020 of a paused queue or job stays there, and is admitted after a resume without a flood", async () => {
    for (const target of ["queue", "job"] as const) {
      const local = open();
      const { jobId } = await local.engine.submit({ canvas: group(members(12)).canvas });
      const pause = target === "queue" ? { kind: target, name: Q } : { kind: target, name: jobId };
      await local.engine.pause(pause);
      const other = await local.engine.submit({ canvas: note.si("other").canvas });
      for (let k = 0; k < 30; k++) await runOne(local);
      expect(began).toEqual(target === "queue" ? [] : ["other"]);
      expect(await depth(local)).toBe(0);
      await local.engine.resume(pause);
      let deepest = 0;
      for (let k = 0; k < 60; k++) {
        await runOne(local);
        deepest = Math.max(deepest, await depth(local));
      }
      expect(deepest).toBeLessThanOrEqual(3);
      for (const id of [jobId, other.jobId]) expect(await local.engine.job(id)).toMatchObject({ state: "success" });
    }
  });

  it("what a task's pause has parked comes back through the backlog", async () => {
    const local = open();
    await local.engine.pause({ kind: "task", name: "note" });
    const { jobId } = await local.engine.submit({ canvas: group(members(30)).canvas });
    for (let k = 0; k < 60; k++) await runOne(local);
    expect([began, await depth(local)]).toEqual([[], 0]);
    await local.engine.resume({ kind: "task", name: "note" });
    let deepest = 0;
    for (let k = 0; k < 60; k++) {
      await runOne(local);
      deepest = Math.max(deepest, await depth(local));
    }
    expect([deepest, new Set(began).size]).toEqual([3, 30]);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
  });

  it("of a retry goes through the backlog as well", async () => {
    const local = open({ caps: {} });
    failing = true;
    const { jobId } = await local.engine.submit({ canvas: group(members(20)).canvas });
    await local.untilQuiet(600);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { broken: 20 } });
    failing = false;
    const capped = new LocalEngine([note], CONFIG).over(local);
    await capped.retry(jobId, {});
    await dispatchAll(local, capped);
    expect(await depth(local)).toBe(3);
    expect(await capped.job(jobId)).toMatchObject({ state: "started", pending: 17 });
    let deepest = 0;
    for (let k = 0; k < 60; k++) {
      await runOne(local, capped);
      deepest = Math.max(deepest, await depth(local));
    }
    expect(deepest).toBe(3);
    expect(await capped.job(jobId)).toMatchObject({ state: "success", round: 1, counts: { success: 20 } });
  });

  it("is listed: runs, job, queue and graph", async () => {
    const local = open();
    const { jobId } = await local.engine.submit({ canvas: group(members(30)).canvas });
    await dispatchAll(local);
    const first = await local.engine.runs(jobId, { status: "pending", limit: 20 });
    const second = await local.engine.runs(jobId, { status: "pending", limit: 20, cursor: first.cursor! });
    const listed = [...first.items, ...second.items];
    expect(listed).toHaveLength(27);
    expect(new Set(listed.map(({ runId }) => runId)).size).toBe(27);
    expect(listed[0]).toMatchObject({ status: "pending", task: "note", attempt: 0, jobId });
    const queues = await local.engine.queues();
    expect(queues.find(({ name }) => name === Q)).toMatchObject({ cap: 3, backlog: 27, depth: { ready: 3 } });
    expect(queues.find(({ name }) => name === "paris.video#worker")).not.toHaveProperty("backlog");
    const graph = await local.engine.graph(jobId);
    expect(graph.nodes.find(({ kind }) => kind === "fold")).toMatchObject({ count: 30, byStatus: { pending: 27 } });
  });

  it("is emptied at once when the cap is taken out of the configuration", async () => {
    const local = open();
    await local.engine.submit({ canvas: group(members(20)).canvas });
    await dispatchAll(local);
    const { caps: _caps, ...uncapped } = CONFIG;
    const engine = new LocalEngine([note], uncapped).over(local);
    expect((await engine.queues()).find(({ name }) => name === Q)).toMatchObject({ backlog: 17 });
    local.clock.set(local.clock.now() + 5_000);
    await engine.sweep();
    await dispatchAll(local, engine);
    expect([await depth(local), await entries(local)]).toEqual([20, 0]);
  });
});
