import { afterEach, expect, it } from "vitest";
import { MessageLoop } from "../../../functions/embedded/loop/message-loop.ts";
import { PortError } from "../../../functions/engine/ports.ts";
import { RunHolder } from "../../../functions/host/run-holder.ts";
import { type QueueShares, UNLIMITED } from "../../../functions/host/slots.ts";
import { SystemClock } from "../../../functions/host/system-clock.ts";
import { MemoryQueue } from "../../../functions/testing/ports/memory-queue.ts";
import { until } from "../until.ts";

const Q = "q";
const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

type LoopParts = ConstructorParameters<typeof MessageLoop>[0];
/** A loop over a queue in memory. What a test does not say of it does not matter there. */
function loopWith(parts: Pick<LoopParts, "handle" | "slots"> & Partial<LoopParts>) {
  const source = new MemoryQueue(new SystemClock());
  const keeper = { track: () => undefined, untrack: () => undefined, notified: () => undefined };
  const loop = new MessageLoop({
    giveUp: async () => ({ kind: "done" }),
    source,
    queues: () => [Q],
    shares: UNLIMITED,
    claims: new RunHolder({ keeper, leaseMs: 10_000, heartbeat: async () => [] }),
    log: () => undefined,
    now: Date.now,
    ...parts,
  });
  return { loop, source };
}

/** A loop whose messages name the slots that their job takes at once. It tells the runs in the order of their starts. */
function loopOver(slots: number, shares: QueueShares, queues: readonly string[]) {
  const begun: string[] = [];
  const endings: (() => void)[] = [];
  const { loop, source } = loopWith({
    handle: async ({ body }, given) => {
      const { name, runs } = body as { name: string; runs: number };
      await Promise.all(
        Array.from({ length: runs }, async () => {
          const slot = await given.takeSlot(false, name);
          begun.push(name);
          await new Promise<void>((resolve) => endings.push(resolve));
          slot.release();
        }),
      );
      return { kind: "done" };
    },
    queues: () => queues,
    slots,
    shares,
  });
  ending.push(async () => {
    const timer = setInterval(() => endings.splice(0).forEach((end) => end()), 5);
    await loop.stop(0);
    clearInterval(timer);
  });
  const send = async (queue: string, name: string, runs = 1): Promise<void> => {
    await source.send([{ queue, jobId: name, body: { name, runs } }]);
    loop.wake();
  };
  return { loop, begun, send, endOne: () => endings.shift()?.() };
}

it("a loop with enough messages receives one of another job as long as a slot is free", async () => {
  const begun: string[] = [];
  const endings: (() => void)[] = [];
  const { loop, source } = loopWith({
    // Runs of "big" wait to be admitted without a slot, and those of "small" take one.
    handle: async ({ body }, given) => {
      const slots = body === "small" ? [await given.takeSlot(false, "task")] : [];
      begun.push(body as string);
      await new Promise<void>((resolve) => endings.push(resolve));
      for (const each of slots) each.release();
      return { kind: "done" };
    },
    slots: 2,
  });
  const send = (jobId: string, body: string) => source.send([{ queue: Q, jobId, body }]);
  for (let k = 0; k < 3; k++) await send("big", "big");
  loop.start();
  await until("one of the big job", () => begun.length === 1);
  await send("one", "small");
  await until("a small one beside it", () => begun.length === 2);
  await send("two", "small");
  await until("another small one", () => begun.length === 3);
  // No slot is left.
  await send("three", "small");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(begun).toEqual(["big", "small", "small"]);
  expect(await source.depth(Q)).toMatchObject({ ready: 3, inFlight: 3 });
  endings[1]?.();
  await until("the third small one", () => begun.length === 4);
  expect(begun[3]).toBe("small");
  const stopped = loop.stop(0);
  const ending = setInterval(() => endings.splice(0).forEach((end) => end()), 5);
  await stopped;
  clearInterval(ending);
});

it("a queue whose threads are busy leaves the other slots to another queue", async () => {
  const { loop, begun, send } = loopOver(3, { threadsOf: (queue) => (queue === "a" ? 2 : 3), weightOf: () => 1 }, [
    "a",
    "b",
  ]);
  for (let k = 0; k < 4; k++) await send("a", `a${k}`);
  loop.start();
  await until("two of the full queue", () => begun.length === 2);
  await send("b", "b0");
  await until("one of the other queue", () => begun.length === 3);
  expect(begun).toEqual(["a0", "a1", "b0"]);
});

it("a queue that first appears while another one is full is served at once", async () => {
  const queues = ["a"];
  const { loop, begun, send } = loopOver(3, { threadsOf: () => 2, weightOf: () => 1 }, queues);
  for (let k = 0; k < 4; k++) await send("a", `a${k}`);
  loop.start();
  await until("two of the full queue", () => begun.length === 2);
  queues.push("b");
  await send("b", "b0");
  await until("one of the new queue", () => begun.length === 3);
  expect(begun[2]).toBe("b0");
});

it("queues take turns, whatever their names and numbers of messages are", async () => {
  const { loop, begun, send, endOne } = loopOver(1, UNLIMITED, ["a", "b"]);
  for (let k = 0; k < 6; k++) await send("a", `a${k}`);
  for (let k = 0; k < 2; k++) await send("b", `b${k}`);
  loop.start();
  for (let runs = 1; runs <= 4; runs++) {
    await until("the next run", () => begun.length === runs);
    endOne();
  }
  expect(begun.filter((name) => name.startsWith("b"))).toEqual(["b0", "b1"]);
});

it("a queue of three times the weight has three times the turns", async () => {
  const { loop, begun, send, endOne } = loopOver(1, { threadsOf: () => 1, weightOf: (q) => (q === "b" ? 3 : 1) }, [
    "a",
    "b",
  ]);
  for (const queue of ["a", "b"]) for (let k = 0; k < 9; k++) await send(queue, `${queue}${k}`);
  loop.start();
  for (let runs = 1; runs <= 8; runs++) {
    await until("the next run", () => begun.length === runs);
    endOne();
  }
  expect(begun.slice(0, 8).filter((name) => name.startsWith("b"))).toHaveLength(6);
});

it("a job of one run waits for one slot, not for all runs of a job before it", async () => {
  const { loop, begun, send, endOne } = loopOver(2, UNLIMITED, ["a"]);
  await send("a", "big", 20);
  loop.start();
  await until("the slots are taken", () => begun.length === 2);
  await send("a", "small");
  endOne();
  await until("the next run", () => begun.length === 3);
  expect(begun).toEqual(["big", "big", "small"]);
});

it("a stream of small jobs leaves every second slot to a big one", async () => {
  const { loop, begun, send, endOne } = loopOver(1, UNLIMITED, ["a"]);
  await send("a", "big", 20);
  loop.start();
  await until("the slot is taken", () => begun.length === 1);
  for (let k = 0; k < 8; k++) await send("a", `small${k}`);
  for (let runs = 2; runs <= 9; runs++) {
    endOne();
    await until("the next run", () => begun.length === runs);
  }
  expect(begun.slice(1).filter((name) => name === "big")).toHaveLength(4);
});

it("a message that was received 20 times is given up, and acknowledged once that is done", async () => {
  const seen: string[] = [];
  const { loop, source } = loopWith({
    handle: async ({ receives }) => {
      seen.push(`handled ${receives}`);
      return { kind: "later", delaySeconds: 0 };
    },
    giveUp: async ({ receives, body }) => {
      seen.push(`given up ${receives} ${JSON.stringify(body)}`);
      if (receives === 21) throw new Error("the store cannot be reached");
      return { kind: "done" };
    },
    slots: 2,
  });
  await source.send([{ queue: Q, jobId: "j", body: "poison" }]);
  loop.start();
  await until("it is given up", () => seen.length === 21);
  expect([seen[19], seen[20]]).toEqual(["handled 20", 'given up 21 "poison"']);
  await source.releaseAll();
  expect(await source.depth(Q)).toEqual({ ready: 0, delayed: 1, inFlight: 0 });
  await loop.stop(0);
});

it("a message that another process will run, or that a full disk has stopped, was not tried", async () => {
  const receives: number[] = [];
  let isFull = true;
  const { loop, source } = loopWith({
    handle: async (message, given) => {
      receives.push(message.receives);
      if (isFull) throw new PortError("unwritable", "the disk is full");
      await given.takeSlot(false, "slow");
      return { kind: "done" };
    },
    slots: 1,
  });
  await source.send([{ queue: Q, jobId: "j", body: 1 }]);
  loop.start({ alone: false, notOf: ["slow"] });
  await until("the disk has stopped it", () => receives.length === 1);
  isFull = false;
  await until("it is refused twice", () => receives.length === 4);
  expect(receives).toEqual([1, 1, 1, 1]);
  await loop.stop(0);
});

it("a loop that rests offers no slot to another job", async () => {
  const { loop, begun, send, endOne } = loopOver(1, UNLIMITED, ["a"]);
  await send("a", "big", 3);
  loop.start();
  await until("the slot is taken", () => begun.length === 1);
  loop.rest();
  await send("a", "small");
  endOne();
  await until("the next run", () => begun.length === 2);
  expect(begun).toEqual(["big", "big"]);
});

it("a loop that rests handles what it has received on the terms so far, and receives no more", async () => {
  const begun: string[] = [];
  const received: (() => void)[] = [];
  const { loop, source } = loopWith({
    handle: async ({ body }, given) => {
      await new Promise<void>((resolve) => received.push(resolve));
      (await given.takeSlot(false, body as string)).release();
      begun.push(body as string);
      return { kind: "done" };
    },
    slots: 4,
  });
  const send = (body: string) => source.send([{ queue: Q, jobId: body, body }]);
  await send("slow");
  loop.start({ alone: false, notOf: ["slow"] });
  await until("it is received", () => received.length === 1);
  loop.rest();
  received[0]?.();
  await until("it is given back", async () => (await source.depth(Q)).inFlight === 0);
  await send("quick");
  loop.wake();
  expect(begun).toEqual([]);
  loop.start();
  await until("all are received", () => received.splice(0).map((go) => go()).length >= 0 && begun.length === 2);
  expect(begun.toSorted()).toEqual(["quick", "slow"]);
  await loop.stop(0);
});
