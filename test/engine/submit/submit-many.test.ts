import { describe, expect, it } from "vitest";
import type { Canvas } from "../../../functions/core/canvas/canvas.ts";
import { FanfoldError } from "../../../functions/core/errors.ts";
import type { SubmitOutcome } from "../../../functions/engine/contract.ts";
import { PortError, type Ports } from "../../../functions/engine/ports.ts";
import { defineTask } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const echo = defineTask({ name: "echo", run: (_ctx, value: number) => value });
const canvas = (value: number): Canvas => echo.s(value).canvas;
const startsOf = (count: number) =>
  Array.from({ length: count }, (_, k) => ({ canvas: canvas(k), idempotencyKey: `key ${k}` }));
const idOf = (outcome: SubmitOutcome | undefined): string => {
  if (!outcome || !("submitted" in outcome)) throw new Error(`refused: ${JSON.stringify(outcome)}`);
  return outcome.submitted.jobId;
};
const codeOf = (outcome: SubmitOutcome | undefined): string | undefined =>
  outcome && "error" in outcome && outcome.error instanceof FanfoldError ? outcome.error.code : undefined;

/** An engine that counts the calls of its ports, some of which fail. */
function counted(fails: { write?: (key: string) => boolean; sends?: number } = {}) {
  const calls = { getMany: 0, send: 0, messages: 0 };
  const left = { sends: fails.sends ?? 0 };
  const around = (ports: Ports): Ports => {
    const { store, queue } = ports;
    return {
      ...ports,
      store: {
        get: (key, options) => store.get(key, options),
        getMany: (keys) => (calls.getMany++, store.getMany(keys)),
        query: (...given) => store.query(...given),
        queryIndex: (query) => store.queryIndex(query),
        write: async (op) => {
          if (fails.write?.(op.key.partition)) throw new PortError("throttled", "not now");
          return store.write(op);
        },
        writeMany: (ops) => store.writeMany(ops),
      },
      queue: {
        maxDelaySeconds: queue.maxDelaySeconds,
        depth: (name) => queue.depth(name),
        send: async (messages) => {
          calls.send++;
          if (left.sends-- > 0) throw new PortError("ambiguous", "lost");
          calls.messages += messages.length;
          return queue.send(messages);
        },
      },
    };
  };
  const local = new LocalEngine([echo], {}, { around });
  return { local, calls };
}

describe("many submissions at once", () => {
  it("start a job each, in order, at the price of single ones, with one read and one send for a hundred", async () => {
    const single = new LocalEngine([echo]);
    for (const request of startsOf(120)) await single.engine.submit(request);
    const { local, calls } = counted();
    const outcomes = await local.engine.submitMany(startsOf(120));
    expect(calls).toEqual({ getMany: 2, send: 2, messages: 120 });
    expect(local.store.stats().writeUnits).toBe(single.store.stats().writeUnits);
    await local.untilQuiet();
    for (const [k, outcome] of outcomes.entries())
      expect(await local.engine.job(idOf(outcome))).toMatchObject({ state: "success", value: k });
  });

  it("are the same jobs when they are repeated, alone or together", async () => {
    const { local } = counted();
    const starts = startsOf(3);
    const first = await local.engine.submitMany(starts);
    const again = await local.engine.submitMany([...starts, { canvas: canvas(9), idempotencyKey: "key 9" }]);
    expect(again.map((outcome) => "submitted" in outcome && outcome.submitted.created)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(again.slice(0, 3).map(idOf)).toEqual(first.map(idOf));
    expect((await local.engine.submit(starts[1]!)).jobId).toBe(idOf(first[1]));
    await local.untilQuiet();
    expect((await local.engine.jobs({})).items).toHaveLength(4);
  });

  it("answer for each when some are refused, also when two have one key", async () => {
    const { local } = counted();
    const outcomes = await local.engine.submitMany([
      { canvas: canvas(1), idempotencyKey: "a" },
      { canvas: canvas(2), timeoutSeconds: -1 },
      { canvas: canvas(1), idempotencyKey: "a" },
      { canvas: canvas(3), idempotencyKey: "a" },
      { canvas: canvas(4), idempotencyKey: "" },
      { canvas: canvas(5) },
    ]);
    expect(outcomes.map(codeOf)).toEqual([
      undefined,
      "invalid_request",
      undefined,
      "idempotency_conflict",
      "invalid_request",
      undefined,
    ]);
    expect(idOf(outcomes[2])).toBe(idOf(outcomes[0]));
    await local.untilQuiet();
    expect(new Set((await local.engine.jobs({})).items.map(({ value }) => value))).toEqual(new Set([1, 5]));
  });

  it("leave the others alone when the write of one fails, and start it when it is repeated", async () => {
    let failing = true;
    const { local } = counted({ write: (key) => failing && key === `G#${lost}` });
    const starts = startsOf(5);
    const lost = local.engine.newJobId({ idempotencyKey: "key 2" });
    const outcomes = await local.engine.submitMany(starts);
    expect(outcomes.map((outcome) => "error" in outcome)).toEqual([false, false, true, false, false]);
    await local.untilQuiet();
    expect(await local.engine.job(lost)).toBeUndefined();
    failing = false;
    const again = await local.engine.submitMany(starts);
    expect(again.map((outcome) => "submitted" in outcome && outcome.submitted.created)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
    await local.untilQuiet();
    expect(await local.engine.job(lost)).toMatchObject({ state: "success", value: 2 });
  });

  it("are all refused when their send fails, and are sent by the next", async () => {
    const { local, calls } = counted({ sends: 1 });
    const starts = startsOf(2);
    expect((await local.engine.submitMany(starts)).map((outcome) => "error" in outcome)).toEqual([true, true]);
    expect(calls.messages).toBe(0);
    expect((await local.engine.submitMany(starts)).map((outcome) => "submitted" in outcome)).toEqual([true, true]);
    await local.untilQuiet();
    expect((await local.engine.jobs({ state: "success" })).items).toHaveLength(2);
  });

  it("that are none answer nothing", async () => expect(await counted().local.engine.submitMany([])).toEqual([]));
});
