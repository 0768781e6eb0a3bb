import { describe, expect, it } from "vitest";
import type { Json } from "../../functions/core/json.ts";
import type { OutgoingMessage } from "../../functions/engine/ports.ts";
import { chord as chordOf, defineTask, group } from "../../functions/sdk/index.ts";
import { add, Bench, chord, identity, tsum } from "./bench.ts";

/**
 * Problems that canvases are known to have elsewhere. The growth of messages in chained chords is tested in
 * test/engine/sizes.test.ts.
 */
const noop = defineTask({ name: "noop", run: (_ctx, _n: number) => null });

/** Records messages as they are sent, and the size of the largest. */
function watchSends(bench: Bench): { messages: OutgoingMessage[]; largest(): number } {
  const messages: OutgoingMessage[] = [];
  const { queue } = bench.local;
  const send = queue.send.bind(queue);
  queue.send = (batch) => {
    messages.push(...batch);
    return send(batch);
  };
  return { messages, largest: () => Math.max(...messages.map(({ body }) => JSON.stringify(body).length)) };
}

describe("what canvases are known to suffer from", () => {
  it("100,000 children are not dispatched one by one", async () => {
    const bench = new Bench({}, { noop });
    const sends = watchSends(bench);
    const members = Array.from({ length: 100_000 }, (_, n) => noop.s(n));
    const { jobId } = await bench.local.engine.submit({ canvas: chordOf(group(members), noop.si(0)).canvas });
    expect(sends.messages).toHaveLength(1);
    // The group expands, but no child runs, because no worker receives from the children's queue.
    const { queue, engine, queues } = bench.local;
    const before = queues.splice(0);
    queues.push("engine", "local.default#worker");
    await bench.local.turn();
    queues.pop();
    while (await bench.local.turn());
    queues.splice(0, queues.length, ...before);
    const told = sends.messages.filter(({ queue: name }) => name !== "engine").length;
    expect(told).toBeGreaterThan(100);
    expect(told).toBeLessThan(100_000 / 30);
    expect(sends.largest()).toBeLessThan(64 * 1024);
    expect((await queue.depth("engine")).ready).toBe(0);
    expect((await engine.job(jobId))?.state).toBe("started");
  });

  it("chords nested 8 deep run, with small messages", async () => {
    const nested = (depth: number): Json =>
      depth === 0 ? add(1, 1) : chord([nested(depth - 1), nested(depth - 1)], tsum);
    const bench = new Bench();
    const sends = watchSends(bench);
    const { result } = await bench.run(nested(8));
    expect(result.get()).toBe(512);
    expect(sends.largest()).toBeLessThan(64 * 1024);
  });

  it("a countdown of days runs its task once, not before its time, however often messages come", async () => {
    const bench = new Bench();
    const seconds = 3 * 86_400;
    const jobId = await bench.submit({ task: "log", args: ["now"], options: { countdown: seconds } });
    const job = await bench.deliverUntilEnded(jobId, 2, 10);
    expect(await bench.log(jobId)).toEqual(["now"]);
    const [run] = await bench.runs(jobId);
    expect(run).toMatchObject({ attempt: 1, status: "success" });
    expect((run?.startedAt ?? 0) - job.createdAt).toBeGreaterThanOrEqual(seconds * 1_000);
  });

  it("a cancel stops more than one step: nothing of the rest of the job begins, however deep it is", async () => {
    const bench = new Bench();
    const later: Json = {
      task: "log",
      args: ["late"],
      options: { countdown: 60 },
      link: [{ task: "log", args: ["link"], immutable: true }],
    };
    const deep = chord(
      [{ chain: [later, { task: "log", args: ["next"], immutable: true }] }, chord([later], identity)],
      identity,
    );
    const jobId = await bench.submit({ chain: [deep, { task: "log", args: ["last"], immutable: true }] });
    await bench.turns(8);
    await bench.local.engine.cancel(jobId);
    expect((await bench.ended(jobId)).state).toBe("cancelled");
    expect(await bench.log(jobId)).toEqual([]);
    expect(await bench.executed(jobId)).toEqual({});
  });
});
