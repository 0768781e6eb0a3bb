import { expect, it } from "vitest";
import { FanfoldError } from "../../../functions/core/errors.ts";
import type { Json } from "../../../functions/core/json.ts";
import { MAX_RECEIVES } from "../../../functions/core/names/queue-name.ts";
import type { Ports } from "../../../functions/engine/ports.ts";
import { chord, defineTask, group } from "../../../functions/sdk/index.ts";
import { sum } from "../../../functions/tasks/examples.ts";
import { LocalEngine } from "../local-engine.ts";
import { Outage, untilExpanded } from "../scripted-faults.ts";

const QUEUE = "local.default#worker";
const add = defineTask({ name: "add", run: (_ctx, a: number, b: number) => a + b });
const GRACE_SECONDS = 3_600;
const COMES_BACK = { kind: "later", delaySeconds: 2 } as const;

/** A store in which headers cannot be read, which is a bug and no outage. */
class Damage {
  active = true;
  readonly around = (ports: Ports): Ports => ({
    ...ports,
    store: {
      ...bound(ports.store),
      getMany: async (keys) => {
        if (this.active && keys.some(({ table }) => table === "callbacks"))
          throw new TypeError("the header is damaged");
        return ports.store.getMany(keys);
      },
    },
  });
}
function bound(store: Ports["store"]): Ports["store"] {
  return {
    get: (key, options) => store.get(key, options),
    getMany: (keys) => store.getMany(keys),
    query: (table, partition, options) => store.query(table, partition, options),
    queryIndex: (query) => store.queryIndex(query),
    write: (op) => store.write(op),
    writeMany: (ops) => store.writeMany(ops),
  };
}

/** Handles messages as hosts do, until none is left: what throws comes back, and what came too often is given up. */
async function work(local: LocalEngine): Promise<number> {
  let most = 0;
  for (;;) {
    const [message] = await local.queue.receive(local.queues, 1, 30);
    if (!message) {
      const next = await local.queue.nextVisibleAt(local.queues);
      if (next === undefined) return most;
      local.clock.set(Math.max(next, local.clock.now() + 1));
      continue;
    }
    most = Math.max(most, message.receives);
    const handle = message.receives > MAX_RECEIVES ? "handleDeadLetter" : "handle";
    const handled = local.engine[handle](message, LocalEngine.loop).catch(() => COMES_BACK);
    const disposition = await local.passing(handled);
    if (disposition.kind === "done") await local.queue.ack([message.id]);
    else await local.queue.later(message.id, disposition.delaySeconds);
  }
}
const letters = async (local: LocalEngine) => (await local.engine.deadLetters({})).items;
const send = (local: LocalEngine, body: Json) => local.queue.send([{ queue: QUEUE, jobId: "j", body }]);

it("D079 D080 a message whose handler fails is kept after 20 receives, and its job succeeds once it was sent again", async () => {
  const damage = new Damage();
  const local = new LocalEngine([add], {}, { around: damage.around });
  const { jobId } = await local.engine.submit({ canvas: group([add.s(1, 2), add.s(3, 4)]).canvas });
  expect(await work(local)).toBe(MAX_RECEIVES + 1);
  const kept = await letters(local);
  expect(kept).toMatchObject([
    { reason: "handler_failed", queue: "engine", jobId, error: { message: "the header is damaged" }, redrives: 0 },
  ]);
  damage.active = false;
  expect(await local.engine.redriveDeadLetters({})).toMatchObject({ letters: 1, ended: 0 });
  expect(await letters(local)).toEqual([]);
  await work(local);
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
});

it("D081 a run's message is kept with its arguments, and the job succeeds once it was sent again", async () => {
  const damage = new Damage();
  damage.active = false;
  const local = new LocalEngine([add], { headerCacheMs: 0 }, { around: damage.around });
  const { jobId } = await local.engine.submit({ canvas: add.s(3, 4).canvas });
  damage.active = true;
  await work(local);
  const [letter] = await letters(local);
  const seen = await local.engine.deadLetter(letter?.id ?? "");
  expect(seen).toMatchObject({ queue: QUEUE, task: "add", runs: 1, runIds: [`${jobId}.0`], args: [3, 4], jobId });
  expect(await local.engine.job(jobId)).toMatchObject({ state: "pending" });
  damage.active = false;
  await local.engine.redriveDeadLetters({});
  await work(local);
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 7 });
});

it("D082 a member whose message was given up counts in its group once it is sent again, and the body waits for all", async () => {
  const damage = new Damage();
  damage.active = false;
  const local = new LocalEngine([add, sum], { headerCacheMs: 0 }, { around: damage.around });
  const members = group([add.s(1, 2), add.s(3, 4)]);
  const { jobId } = await local.engine.submit({ canvas: chord(members, sum.s()).canvas });
  await untilExpanded(local, jobId);
  damage.active = true;
  await work(local);
  damage.active = false;
  const kept = await letters(local);
  expect(kept.map(({ task, jobId: of }) => [task, of])).toEqual([0, 1].map(() => ["add", jobId]));
  for (const [at, state] of ["started", "success"].entries()) {
    await local.engine.redriveDeadLetters({ id: kept[at]?.id ?? "" });
    await work(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state });
  }
  expect(await local.engine.job(jobId)).toMatchObject({ value: 10, counts: { success: 3 }, countsExact: true });
});

it("a message that was sent again and given up again says how often", async () => {
  const damage = new Damage();
  const local = new LocalEngine([add], {}, { around: damage.around });
  await local.engine.submit({ canvas: add.s(3, 4).canvas });
  await work(local);
  await local.engine.redriveDeadLetters({});
  await work(local);
  expect((await letters(local)).map(({ redrives }) => redrives)).toEqual([1]);
});

it("what has not the form of a message is kept at once", async () => {
  const local = new LocalEngine([add]);
  await send(local, "not json");
  await send(local, { kind: "members" });
  expect(await work(local)).toBe(1);
  const kept = await letters(local);
  expect(kept.map(({ reason, queue }) => [reason, queue])).toEqual(kept.map(() => ["not_understood", QUEUE]));
  expect(kept.map(({ body }) => body)).toEqual(expect.arrayContaining(["not json", { kind: "members" }]));
});

it("a message of a release that nobody knows waits for its grace, and is then kept and not dropped", async () => {
  const local = new LocalEngine([add], { unknownTaskGraceSeconds: GRACE_SECONDS });
  const body = { v: 2, kind: "members", gid: "x", step: 0, members: [0] };
  const before = local.clock.now();
  await send(local, body);
  await work(local);
  expect(local.clock.now() - before).toBeGreaterThanOrEqual(GRACE_SECONDS * 1_000);
  expect(await letters(local)).toMatchObject([{ reason: "not_understood", queue: QUEUE, body }]);
});

it("a message of a newer release is handled by a worker that knows it, when one comes in time", async () => {
  const local = new LocalEngine([add]);
  await send(local, { v: 2, kind: "members", gid: "x", step: 0, members: [0] });
  await local.turn();
  expect(await letters(local)).toEqual([]);
  expect(await local.queue.depth(QUEUE)).toMatchObject({ delayed: 1 });
});

it("a run that was given up three times is broken in its group, and its letter is left by a redrive", async () => {
  const local = new LocalEngine([add]);
  const members = group([add.s(1, 2), add.s(3, 4)], { policy: "settled" });
  const { jobId } = await local.engine.submit({ canvas: members.canvas });
  for (let time = 0; time < 3;) {
    const [message] = await local.queue.receive(local.queues, 1, 30);
    if (!message) throw new Error("the message of the run was not sent again");
    const first =
      (message.body as { readonly members?: readonly number[] }).members?.includes(0) && message.queue === QUEUE;
    if (first) time++;
    await local.passing(local.engine[first ? "handleDeadLetter" : "handle"](message, LocalEngine.loop));
    await local.queue.ack([message.id]);
  }
  await local.untilQuiet();
  const results: unknown[] = [];
  for await (const { status } of local.engine.results(jobId)) results.push(status);
  expect(results).toEqual(["broken", "success"]);
  expect(await letters(local)).toMatchObject([{ reason: "run_broken", task: "add", queue: QUEUE, runs: 1 }]);
  expect(await local.engine.redriveDeadLetters({})).toMatchObject({ letters: 0, ended: 1 });
  expect(await letters(local)).toHaveLength(1);
  expect((await local.engine.failures({ reason: "dead_letter" })).items).toMatchObject([{ task: "add", count: 1 }]);
});

it("a redrive that dies between its send and its remove sends again, and nothing runs twice", async () => {
  const damage = new Damage();
  const local = new LocalEngine([add], {}, { around: damage.around });
  const { jobId } = await local.engine.submit({ canvas: add.s(3, 4).canvas });
  await work(local);
  damage.active = false;
  const outage = new Outage(({ writes }) => writes.some(({ op }) => op === "remove"));
  const dying = local.over(local, outage.around).redriveDeadLetters({});
  await expect(dying).rejects.toThrow(Outage.message);
  expect(await letters(local)).toHaveLength(1);
  await local.engine.redriveDeadLetters({});
  await work(local);
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 1 } });
});

it("a redrive and a purge take what a filter matches, and a dry run changes nothing", async () => {
  const local = new LocalEngine([add]);
  for (const queue of [QUEUE, "local.default#custom"])
    for (const body of ["a", "b"]) await local.queue.send([{ queue, jobId: "j", body }]);
  for (const queue of [QUEUE, "local.default#custom"])
    for (const message of await local.queue.receive([queue], 10, 30)) {
      await local.engine.handle(message, LocalEngine.loop);
      await local.queue.ack([message.id]);
    }
  const kinds = [{ queue: QUEUE, reason: "not_understood", count: 2 }];
  const dry = { queue: QUEUE, dryRun: true };
  expect(await local.engine.redriveDeadLetters(dry)).toEqual({ letters: 2, kinds, ended: 0, refused: 0 });
  expect(await local.engine.purgeDeadLetters(dry)).toMatchObject({ letters: 2, kinds });
  expect([(await letters(local)).length, await local.queue.depth(QUEUE)]).toMatchObject([4, { ready: 0 }]);
  expect(await local.engine.redriveDeadLetters({ queue: QUEUE })).toMatchObject({ letters: 2 });
  expect([(await letters(local)).length, await local.queue.depth(QUEUE)]).toMatchObject([2, { ready: 2 }]);
  const [first] = await letters(local);
  expect(await local.engine.purgeDeadLetters({ id: first?.id ?? "" })).toMatchObject({ letters: 1 });
  expect(await local.engine.purgeDeadLetters({ reason: "handler_failed" })).toMatchObject({ letters: 0 });
  expect(await local.engine.purgeDeadLetters({})).toMatchObject({ letters: 1 });
  expect(await letters(local)).toEqual([]);
});

it("many dead letters are listed and redriven in pages", async () => {
  const local = new LocalEngine([add]);
  for (let k = 0; k < 1_200; k++)
    await local.engine.handle({ queue: QUEUE, body: `b${k}`, receives: 1 }, LocalEngine.loop);
  const page = await local.engine.deadLetters({ limit: 3 });
  expect([page.items.length, page.cursor]).toEqual([3, expect.any(String)]);
  let redriven = 0;
  let cursor: string | undefined;
  do {
    const counts = await local.engine.redriveDeadLetters(cursor === undefined ? {} : { cursor });
    expect(counts.letters).toBeLessThanOrEqual(500);
    redriven += counts.letters;
    cursor = counts.cursor;
  } while (cursor !== undefined);
  expect([redriven, (await letters(local)).length]).toEqual([1_200, 0]);
});

it("a redrive leaves letters whose queue does not exist, and sends the others", async () => {
  const refusing = (ports: Ports): Ports => ({
    ...ports,
    queue: {
      maxDelaySeconds: ports.queue.maxDelaySeconds,
      depth: (queue) => ports.queue.depth(queue),
      send: async (messages) => {
        if (messages.some(({ queue }) => queue === "an-sqs-name"))
          throw new FanfoldError("invalid_queue_name", "no such queue");
        await ports.queue.send(messages);
      },
    },
  });
  const local = new LocalEngine([add], {}, { around: refusing });
  for (const queue of [QUEUE, "an-sqs-name"])
    await local.engine.handle({ queue, body: "text", receives: 1 }, LocalEngine.loop);
  expect(await local.engine.redriveDeadLetters({})).toMatchObject({ letters: 1, refused: 1 });
  expect((await letters(local)).map(({ queue }) => queue)).toEqual(["an-sqs-name"]);
});
