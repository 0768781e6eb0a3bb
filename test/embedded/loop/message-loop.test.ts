import { expect, it } from "vitest";
import { MessageLoop } from "../../../functions/embedded/loop/message-loop.ts";
import { RunHolder } from "../../../functions/host/run-holder.ts";
import { SystemClock } from "../../../functions/host/system-clock.ts";
import { MemoryQueue } from "../../../functions/testing/ports/memory-queue.ts";
import { until } from "../until.ts";

const Q = "q";

it("a loop with enough messages receives one of another job as long as a slot is free", async () => {
  const source = new MemoryQueue(new SystemClock());
  const keeper = { track: () => undefined, untrack: () => undefined, notified: () => undefined };
  const claims = new RunHolder({ keeper, leaseMs: 10_000, heartbeat: async () => [] });
  const begun: string[] = [];
  const endings: (() => void)[] = [];
  const loop = new MessageLoop({
    // Runs of "big" wait to be admitted without a slot, and those of "small" take one.
    handle: async ({ body }, given) => {
      const slots = body === "small" ? [await given.takeSlot(false, "task")] : [];
      begun.push(body as string);
      await new Promise<void>((resolve) => endings.push(resolve));
      for (const each of slots) each.release();
      return { kind: "done" };
    },
    source,
    queues: () => [Q],
    slots: 2,
    claims,
    log: () => undefined,
    now: Date.now,
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

it("a loop that rests handles what it has received on the terms so far, and receives no more", async () => {
  const source = new MemoryQueue(new SystemClock());
  const keeper = { track: () => undefined, untrack: () => undefined, notified: () => undefined };
  const begun: string[] = [];
  const received: (() => void)[] = [];
  const loop = new MessageLoop({
    handle: async ({ body }, given) => {
      await new Promise<void>((resolve) => received.push(resolve));
      (await given.takeSlot(false, body as string)).release();
      begun.push(body as string);
      return { kind: "done" };
    },
    source,
    queues: () => [Q],
    slots: 4,
    claims: new RunHolder({ keeper, leaseMs: 10_000, heartbeat: async () => [] }),
    log: () => undefined,
    now: Date.now,
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
