import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareUtf8 } from "../../functions/core/items/utf8.ts";
import type { Band } from "../../functions/core/plan/priority-band.ts";
import { type Clock, PortError, type Queue } from "../../functions/engine/ports.ts";
import type { Delivery, MessageSource } from "../../functions/host/message-source.ts";
import { FakeClock } from "../../functions/testing/ports/fake-clock.ts";

export interface QueueUnderTest {
  readonly queue: Queue & MessageSource;
  /** Returns the same queues as another process sees them. */
  other(holder: string): Queue & MessageSource;
  close?(): Promise<void>;
}

/** Tests a queue with its receiving side on one machine. SQS has its own receiving side, so this does not run there. */
export function queueContract(name: string, factory: (clock: Clock, holder: string) => Promise<QueueUnderTest>): void {
  describe(`queue contract: ${name}`, () => {
    const clock = new FakeClock();
    let subject: QueueUnderTest;
    let queue: Queue & MessageSource;
    const Q = "london.default#worker";
    const send = (jobId: string, ...bodies: readonly (string | number)[]) =>
      queue.send(bodies.map((body) => ({ queue: Q, jobId, body })));
    const inBand = (band: Band | undefined) => (body: string | number) => ({
      queue: Q,
      jobId: "j",
      body,
      ...(band !== undefined && { band }),
    });
    const [low, middle, high] = [inBand(0), inBand(undefined), inBand(2)] as const;
    const receive = (max = 10, seconds = 30) => queue.receive([Q], max, seconds);
    const bodies = async (max = 10) => (await receive(max)).map(({ body }) => body);

    beforeEach(async () => {
      subject = await factory(clock, "me");
      queue = subject.queue;
    });
    afterEach(async () => subject.close?.());

    it("a message is delivered once, with its queue, job and body", async () => {
      const body = { deep: [1, null, { ü: "😀" }], text: "x" };
      await queue.send([{ queue: Q, jobId: "j", body }]);
      const [delivery, ...rest] = await receive();
      expect(delivery).toMatchObject({ queue: Q, jobId: "j", body, receives: 1 });
      expect(rest).toEqual([]);
      expect(await receive()).toEqual([]);
    });

    it("an empty queue returns no message at once", async () => {
      expect(await receive()).toEqual([]);
      expect(await queue.nextVisibleAt([Q])).toBeUndefined();
      expect(await queue.depth(Q)).toEqual({ ready: 0, delayed: 0, inFlight: 0 });
      await queue.send([]);
      expect(await receive()).toEqual([]);
    });

    it("D055 the high band is served before the middle one, and that before the low one", async () => {
      await queue.send([low(1), middle(2), high(3), low(4), middle(5), high(6)]);
      expect(await bodies(2)).toEqual([3, 6]);
      expect(await bodies(2)).toEqual([2, 5]);
      expect(await bodies(2)).toEqual([1, 4]);
    });

    it("D054 every eighth message is one of the lowest band that waits, so no band starves", async () => {
      await queue.send(Array.from({ length: 40 }, (_, k) => high(k)));
      await queue.send([low("low 1"), low("low 2"), middle("middle 1"), middle("middle 2")]);
      const one: unknown[] = [];
      for (let k = 0; k < 40; k++) one.push(...(await bodies(1)));
      expect(one.map((body, k) => [k, body]).filter(([, body]) => typeof body === "string")).toEqual([
        [7, "low 1"],
        [15, "low 2"],
        [23, "middle 1"],
        [31, "middle 2"],
      ]);
    });

    it("a message of a higher band is next, however many of a lower one were taken before", async () => {
      await queue.send(Array.from({ length: 20 }, (_, k) => low(k)));
      for (const taken of [1, 7, 8]) {
        await bodies(taken);
        await queue.send([high(`after ${taken}`)]);
        expect(await bodies(1)).toEqual([`after ${taken}`]);
      }
    });

    it("many messages taken at once have the share of each band", async () => {
      await queue.send(Array.from({ length: 30 }, (_, k) => high(k)));
      await queue.send(Array.from({ length: 5 }, (_, k) => low(`low ${k}`)));
      const taken = await bodies(16);
      expect(taken.filter((body) => typeof body === "string")).toEqual(["low 0", "low 1"]);
      expect(taken).toHaveLength(16);
    });

    it("a message keeps its band while it is delayed, in flight, and given back", async () => {
      await queue.send([{ ...high("urgent"), delaySeconds: 10 }, middle(1), middle(2), middle(3)]);
      await queue.ack((await receive(1)).map(({ id }) => id));
      clock.advance(10_000);
      const [urgent] = await receive(1);
      expect(urgent).toMatchObject({ body: "urgent" });
      await queue.later(urgent!.id, 0);
      expect(await bodies(1)).toEqual(["urgent"]);
      clock.advance(30_000);
      expect(await bodies(1)).toEqual(["urgent"]);
    });

    it("jobs of one band take turns, whatever other bands hold", async () => {
      await queue.send(Array.from({ length: 100 }, (_, k) => ({ ...high(k), jobId: "urgent" })));
      await queue.send(["a1", "a2", "a3"].map((body) => ({ ...low(body), jobId: "a" })));
      await queue.send([{ ...low("b1"), jobId: "b" }]);
      const taken = await bodies(104);
      expect(taken.filter((body) => typeof body === "string")).toEqual(["a1", "b1", "a2", "a3"]);
      expect(await queue.depth(Q)).toMatchObject({ ready: 0, inFlight: 104 });
    });

    it("a message that is not acknowledged is delivered again after its visibility", async () => {
      await send("j", 1);
      await receive(1, 30);
      clock.advance(29_999);
      expect(await receive()).toEqual([]);
      clock.advance(1);
      const [again] = await receive();
      expect(again).toMatchObject({ body: 1, receives: 2 });
    });

    it("an acknowledged message is never delivered again", async () => {
      await send("j", 1, 2);
      await queue.ack((await receive()).map(({ id }) => id));
      clock.advance(100_000);
      expect(await receive()).toEqual([]);
      expect(await queue.depth(Q)).toEqual({ ready: 0, delayed: 0, inFlight: 0 });
    });

    it("a late call about an earlier delivery changes nothing", async () => {
      await send("j", 1);
      const [first] = await receive(1, 5);
      clock.advance(5_000);
      const [second] = await receive(1, 5);
      await queue.ack([first!.id]);
      await queue.later(first!.id, 0);
      await queue.extend([first!.id], 900);
      clock.advance(5_000);
      const [third] = await receive();
      expect(third).toMatchObject({ receives: 3 });
      expect(second!.id).not.toBe(first!.id);
      await queue.ack(["unknown", third!.id, third!.id]);
      await queue.later("unknown~1", 5);
      expect(await queue.depth(Q)).toEqual({ ready: 0, delayed: 0, inFlight: 0 });
    });

    it("a message is delayed by its seconds, at most by maxDelaySeconds", async () => {
      await queue.send([
        { queue: Q, jobId: "j", body: "soon" },
        { queue: Q, jobId: "j", body: "late", delaySeconds: queue.maxDelaySeconds },
      ]);
      expect(await bodies()).toEqual(["soon"]);
      clock.advance(queue.maxDelaySeconds * 1_000 - 1);
      expect((await bodies()).includes("late")).toBe(false);
      clock.advance(1);
      expect(await bodies()).toContain("late");
      await expect(
        queue.send([{ queue: Q, jobId: "j", body: 1, delaySeconds: queue.maxDelaySeconds + 1 }]),
      ).rejects.toThrow(PortError);
    });

    it("a message given back is visible again after the delay, and the next receive is counted", async () => {
      await send("j", 1);
      const [first] = await receive();
      await queue.later(first!.id, 7);
      expect(await queue.depth(Q)).toEqual({ ready: 0, delayed: 1, inFlight: 0 });
      expect(await queue.nextVisibleAt([Q])).toBe(clock.now() + 7_000);
      expect(await receive()).toEqual([]);
      clock.advance(7_000);
      const [second] = await receive();
      expect(second).toMatchObject({ receives: 2 });
      await queue.later(second!.id, 0);
      expect(await receive()).toMatchObject([{ receives: 3 }]);
    });

    it("a delivery that does not count leaves the number of receives as it was", async () => {
      await send("j", 1);
      for (let times = 0; times < 3; times++) {
        const [delivery] = await receive();
        expect(delivery).toMatchObject({ receives: 1 });
        await queue.later(delivery!.id, 1, false);
        clock.advance(1_000);
      }
    });

    it("an extended message stays in flight", async () => {
      await send("j", 1);
      const [delivery] = await receive(1, 10);
      clock.advance(9_000);
      await queue.extend([delivery!.id], 10);
      clock.advance(9_999);
      expect(await receive()).toEqual([]);
      clock.advance(1);
      expect(await receive()).toMatchObject([{ receives: 2 }]);
    });

    it("a queue is fair over jobs, so a small job does not wait for a large one", async () => {
      await send("big", ...Array.from({ length: 500 }, (_, index) => `big${index}`));
      await bodies(20);
      await send("small", "s0", "s1");
      await send("other", "o0", "o1");
      const next = await bodies(8);
      expect(next.filter((body) => JSON.stringify(body).startsWith('"s'))).toEqual(["s0", "s1"]);
      expect(next.filter((body) => JSON.stringify(body).startsWith('"o'))).toEqual(["o0", "o1"]);
      expect(await bodies(3)).toHaveLength(3);
    });

    it("a receive that excludes jobs returns messages of other jobs", async () => {
      await send("big", ...Array.from({ length: 50 }, (_, index) => `big${index}`));
      await send("wide", ...Array.from({ length: 50 }, (_, index) => `wide${index}`));
      const others = async (...jobs: readonly string[]) =>
        (await queue.receive([Q], 10, 30, new Set(jobs))).map(({ body }) => body);
      await bodies(20);
      expect(await others("big", "wide")).toEqual([]);
      await send("small", "s0");
      expect(await others("big", "wide")).toEqual(["s0"]);
      expect(await others("big", "wide")).toEqual([]);
      // A message that was given back is found, and one behind many of the excluded jobs.
      await send("later", "l0");
      const [held] = await queue.receive([Q], 1, 30, new Set(["big", "wide"]));
      await queue.later(held?.id as string, 0);
      expect(await others("big", "wide")).toEqual(["l0"]);
      for (let k = 0; k < 5; k++) await others("big");
      await send("last", "z0");
      expect(await others("big")).toContain("z0");
      expect((await others("big")).filter((body) => !JSON.stringify(body).startsWith('"wide'))).toEqual([]);
    });

    it("jobs with ready messages are served round robin", async () => {
      for (const jobId of ["a", "b", "c"]) await send(jobId, ...Array.from({ length: 10 }, () => jobId));
      for (let round = 0; round < 5; round++)
        expect((await bodies(3)).map(String).toSorted(compareUtf8)).toEqual(["a", "b", "c"]);
      expect((await bodies(15)).map(String).toSorted(compareUtf8).join("")).toBe("aaaaabbbbbccccc");
    });

    it("a job that was empty for a while has no credit and no debt", async () => {
      await send("a", ...Array(10).keys());
      await bodies(10);
      await send("b", ...Array(5).fill("b"));
      await send("a", ...Array(5).fill("a"));
      const next = await bodies(6);
      expect(next.filter((body) => body === "a").length).toBeGreaterThanOrEqual(2);
      expect(next.filter((body) => body === "b").length).toBeGreaterThanOrEqual(2);
    });

    it("queues are received from in the order given, and no others are", async () => {
      await queue.send(["second", "first", "third"].map((name) => ({ queue: name, jobId: "j", body: name })));
      expect((await queue.receive(["first", "second"], 1, 30)).map(({ body }) => body)).toEqual(["first"]);
      expect((await queue.receive(["first", "second"], 5, 30)).map(({ body }) => body)).toEqual(["second"]);
      expect((await queue.receive(["third"], 5, 30)).map(({ body }) => body)).toEqual(["third"]);
    });

    it("a receive returns at most the number of messages asked for", async () => {
      await send("j", ...Array(25).keys());
      expect(await receive(10)).toHaveLength(10);
      expect(await receive(0)).toHaveLength(0);
      expect(await receive(100)).toHaveLength(15);
    });

    it("nextVisibleAt returns when a message can be received", async () => {
      await queue.send([{ queue: Q, jobId: "j", body: 1, delaySeconds: 60 }]);
      expect(await queue.nextVisibleAt([Q, "another"])).toBe(clock.now() + 60_000);
      expect(await queue.nextVisibleAt(["another"])).toBeUndefined();
      await send("j", 2);
      expect(await queue.nextVisibleAt([Q])).toBeLessThanOrEqual(clock.now());
      await receive(10, 20);
      expect(await queue.nextVisibleAt([Q])).toBe(clock.now() + 20_000);
    });

    it("depth counts the messages that are ready, delayed and in flight", async () => {
      await send("j", 1, 2, 3);
      await queue.send([{ queue: Q, jobId: "j", body: 4, delaySeconds: 5 }]);
      await receive(1);
      expect(await queue.depth(Q)).toEqual({ ready: 2, delayed: 1, inFlight: 1 });
      expect(await queue.depth("another")).toEqual({ ready: 0, delayed: 0, inFlight: 0 });
    });

    it("two processes never receive the same message", async () => {
      await send("j", ...Array(100).keys());
      const them = subject.other("them");
      const batches = await Promise.all(
        Array.from({ length: 12 }, (_, index) => (index % 2 === 0 ? queue : them).receive([Q], 10, 30)),
      );
      const all = batches.flat().map(({ body }) => body);
      expect(all).toHaveLength(100);
      expect(new Set(all).size).toBe(100);
    });

    it("the messages of a dead process are released, and no others", async () => {
      await send("j", 1, 2, 3);
      await queue.send([{ queue: "another", jobId: "j", body: "far" }]);
      const them = subject.other("them");
      const [mine] = await receive(1);
      await them.receive([Q, "another"], 10, 900);
      expect(await queue.releaseHeldBy("nobody")).toBe(0);
      expect(await queue.releaseHeldBy("them")).toBe(3);
      expect(await queue.depth(Q)).toEqual({ ready: 2, delayed: 0, inFlight: 1 });
      expect(await queue.receive([Q, "another"], 10, 30)).toHaveLength(3);
      await queue.ack([mine!.id]);
    });

    it("deliveries that a process still works on are not released with its others", async () => {
      await send("j", 1, 2, 3);
      const them = subject.other("them");
      const [kept, ...others] = await them.receive([Q], 10, 900);
      expect(new Set(await queue.heldBy("them", new Set([kept!.id])))).toEqual(new Set(others.map(({ body }) => body)));
      expect(await queue.releaseHeldBy("them", new Set([kept!.id]))).toBe(2);
      const bodies = (deliveries: readonly Delivery[]) => new Set(deliveries.map(({ body }) => body));
      expect(bodies(await receive(10))).toEqual(bodies(others));
    });

    it("releaseAll releases all messages in flight and no delayed ones", async () => {
      await send("j", 1, 2);
      await queue.send([{ queue: Q, jobId: "j", body: 3, delaySeconds: 100 }]);
      await receive(2, 900);
      expect(await queue.releaseAll()).toBe(2);
      const again = await receive();
      expect(again.map(({ body, receives }) => `${JSON.stringify(body)}: ${receives}`).toSorted(compareUtf8)).toEqual([
        "1: 2",
        "2: 2",
      ]);
    });
  });
}
