import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Json } from "../../functions/core/json.ts";
import { defineTask } from "../../functions/sdk/index.ts";
import { PortError, type OutgoingMessage } from "../../functions/engine/ports.ts";
import { add, Bench, chord, fail, onError, tsum } from "./bench.ts";

/**
 * Rules about the size and the outcome of chords that are prose in canvas-cases.json, with the faults that they name.
 */
const cases = JSON.parse(readFileSync(new URL("./cases/canvas-cases.json", import.meta.url), "utf8")) as {
  readonly id: string;
  readonly given: { readonly examples: readonly [node: Json, size: number][] };
}[];
const LATER = { countdown: 600 };
const header = Array.from({ length: 12 }, (_, i) => add(i, i));

const ofAnotherRelease = defineTask({ name: "of.another.release", run: () => null });

/** Makes matching sends fail while `broken` is set. Writes stay stored, but no worker gets the message. */
function breakSends(
  bench: Bench,
  matches: (messages: readonly OutgoingMessage[]) => boolean,
): { broken: boolean; failed: number } {
  const fault = { broken: true, failed: 0 };
  const { queue } = bench.local;
  const send = queue.send.bind(queue);
  queue.send = (messages) => {
    if (!fault.broken || !matches(messages)) return send(messages);
    fault.failed++;
    return Promise.reject(new PortError("outage", "the queue is down"));
  };
  return fault;
}

describe("chords", () => {
  it("cnt-001 a chord waits for everything its members hold: the last step of a chain, the body of a chord, the members of a group", async () => {
    const { examples } = cases.find(({ id }) => id === "cnt-001")?.given ?? { examples: [] };
    expect(examples).toHaveLength(4);
    for (const [node, size] of examples) {
      const bench = new Bench();
      // The examples lack their first argument, which a step before gives them. So they become the header of the step
      // after it.
      const { jobId, result } = await bench.run({
        chain: [add(1, 1), { chord: { header: node, body: { task: "args_of" } } }],
      });
      expect((result.get() as Json[]).flat(3)).toHaveLength(size);
      expect(await bench.executed(jobId)).toMatchObject({ args_of: 1 });
    }
  });
  it("cnt-002 a header message that is delivered again counts once", async () => {
    const bench = new Bench({ width: 4 });
    const jobId = await bench.submit(chord([...header, { task: "retry_n", args: [1, 1] }], tsum));
    await bench.deliverUntilEnded(jobId, 2);
    expect((await bench.result(jobId)).get()).toBe(133);
    expect(await bench.executed(jobId)).toMatchObject({ add: 12, tsum: 1 });
  });
  it("cnt-003 two members that end at the same moment start the body once", async () => {
    const bench = new Bench({ width: 2 });
    const bodies: unknown[] = [];
    const jobIds = await Promise.all(
      Array.from({ length: 20 }, () =>
        bench.submit(chord([add(1, 1), add(2, 2)], { task: "log_value", kwargs: { tag: "body" } })),
      ),
    );
    for (const jobId of jobIds) {
      await bench.deliverUntilEnded(jobId, 2);
      bodies.push(await bench.log(jobId));
    }
    expect(bodies).toEqual(jobIds.map(() => [["body", [2, 4]]]));
  });
  it("cnt-004 the body runs once when whoever stored the last result died before it could send the body", async () => {
    // With steps in place, the body would run without being sent.
    const bench = new Bench({ inPlaceSteps: 0 });
    const fault = breakSends(bench, (messages) =>
      messages.some(({ body }) => JSON.stringify(body).includes('"step":1')),
    );
    const jobId = await bench.submit(chord([add(1, 1), add(2, 2)], { task: "log_value", kwargs: { tag: "body" } }));
    for (let turn = 0; turn < 8; turn++) await bench.deliver();
    expect(fault.failed).toBeGreaterThan(0);
    expect(await bench.executed(jobId)).toEqual({ add: 2 });
    fault.broken = false;
    await bench.deliverUntilEnded(jobId);
    expect(await bench.log(jobId)).toEqual([["body", [2, 4]]]);
  });
  it("cnt-005 a header member that is revoked while it waits fails the chord; it does not hang it", async () => {
    const bench = new Bench();
    const jobId = await bench.submit(
      chord([add(1, 1), { task: "add", args: [2, 2], options: LATER }], tsum, { link_error: [onError] }),
    );
    await bench.turns(6);
    expect(await bench.local.engine.revoke(`${jobId}.0.g.1`)).toBe(true);
    const { createdAt, endedAt = 0 } = await bench.ended(jobId);
    expect(endedAt - createdAt).toBeLessThan(60_000);
    const result = await bench.result(jobId);
    expect(result.error).toMatchObject({ name: "ChordError" });
    expect(() => result.get()).toThrow(expect.objectContaining({ name: "TaskRevokedError" }));
    expect(await bench.log(jobId)).toEqual([["E", "ChordError"]]);
    expect(await bench.executed(jobId)).not.toHaveProperty("tsum");
  });
  it("cnt-006 a header member that expired fails the chord", async () => {
    const { result } = await new Bench().run(
      chord([add(1, 1), { task: "add", args: [2, 2], options: { countdown: 20, expires: 10 } }], tsum),
    );
    expect(result.error).toMatchObject({ name: "ChordError" });
    expect(() => result.get()).toThrow(expect.objectContaining({ name: "TaskRevokedError", reason: "expired" }));
  });
  it("cnt-007 a body that nobody can run fails, and its error links hear of it", async () => {
    const bench = new Bench({ unknownTaskGraceSeconds: 5 }, {}, { ofAnotherRelease });
    const { jobId, job, result } = await bench.run(
      chord([add(1, 1)], { task: "of.another.release" }, { link_error: [onError] }),
    );
    expect(job).toMatchObject({ state: "failure", error: { reason: "unknown_task" } });
    expect(() => result.get()).toThrow("of.another.release");
    expect(await bench.log(jobId)).toHaveLength(1);
  });
});

describe("what chords are known to suffer from", () => {
  it("a failing header of an inner chord does not leave the outer body pending, and its error link is called once", async () => {
    const bench = new Bench();
    const inner = chord([fail, add(1, 1)], tsum);
    const { jobId, job, result } = await bench.run(chord([inner, add(2, 2)], tsum, { link_error: [onError] }));
    expect(job).toMatchObject({ state: "failure", error: { name: "TaskError", runId: `${jobId}.0.g.0.g.0` } });
    expect(result).toMatchObject({
      ready: true,
      failed: true,
      error: { name: "ChordError", runId: `${jobId}.0.g.0.g.0` },
    });
    expect(await bench.log(jobId)).toEqual([["E", "ChordError"]]);
  });
  it("a body is neither lost nor doubled when every message comes twice and the queue fails now and then", async () => {
    const bench = new Bench({ width: 2 });
    let sends = 0;
    breakSends(bench, () => ++sends % 3 === 0);
    const jobId = await bench.submit(chord([...header], { task: "log_value", kwargs: { tag: "body" } }));
    await bench.deliverUntilEnded(jobId, 2);
    expect(await bench.log(jobId)).toEqual([["body", header.map((_, i) => 2 * i)]]);
  });
});
