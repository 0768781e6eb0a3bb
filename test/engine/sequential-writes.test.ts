import { describe, expect, it } from "vitest";
import { isTerminal, type RunStatus } from "../../functions/core/plan/run-state.ts";
import { leafPartition, ledgerKey, runKey } from "../../functions/engine/item-kinds.ts";
import { chord, defineTask, group } from "../../functions/sdk/index.ts";
import { sum } from "../../functions/tasks/examples.ts";
import { LocalEngine } from "./local-engine.ts";
import { type Happened, Rounds } from "./rounds.ts";

const WIDTH = 4;
const LEVELS = ["lazy", "full", "result", "ledger"] as const;
const HEIGHTS = [1, 2, 3] as const;
/** `packAbove` sends members one by one, as in small groups, or one leaf in a message. */
const PACKINGS = [
  ["one by one", 64],
  ["packed", 1],
] as const;

interface Case {
  readonly tracking: (typeof LEVELS)[number];
  readonly height: number;
  readonly packAbove: number;
  readonly queue?: string;
}
/**
 * Counts the writes and sends that waited for each other until the callback was sent. It counts since the write that
 * ended the last member, and since that member's function ended.
 */
async function measure({
  tracking,
  height,
  packAbove,
  queue,
}: Case): Promise<{ sinceCommit: number; sinceFunction: number; inPlace: boolean }> {
  const rounds = new Rounds();
  let lastFunction = 0;
  const give = defineTask({
    name: "give",
    run: (_ctx, n: number) => {
      lastFunction = rounds.round;
      return n;
    },
  });
  const local = new LocalEngine(
    [give, sum],
    { width: WIDTH, packAbove },
    { queues: ["engine", "local.default#worker", "local.other#worker"], around: rounds.around },
  );
  const values = Array.from({ length: WIDTH ** height }, (_, n) => n);
  const members = group(
    values.map((n) => give.s(n)),
    { tracking },
  );
  const { jobId } = await local.engine.submit({
    canvas: chord(members, queue === undefined ? sum.s() : sum.s().set({ queue })).canvas,
  });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({
    state: "success",
    value: (values.length * (values.length - 1)) / 2,
  });

  const out = rounds.log.find((happened) => isCallback(happened, jobId));
  const commits = rounds.log
    .filter((happened) => endsMember(happened, `${jobId}.0.g`, tracking))
    .map(({ round }) => round);
  if (!out) throw new Error("the callback was not seen");
  // The first write after a function falls into the round in which the function ended.
  return {
    sinceCommit: out.round - Math.max(...commits),
    sinceFunction: out.round - lastFunction + 1,
    inPlace: "item" in out,
  };
}
/** Returns whether a member ends here. In a `ledger` group the mark that vouches for the member ends it. */
function endsMember(happened: Happened, gid: string, tracking: Case["tracking"]): boolean {
  if (!("item" in happened)) return false;
  const { key, attributes } = happened.item;
  if (tracking === "ledger") return key.partition.startsWith(ledgerKey(gid, 0, 1, 0).partition.slice(0, -1));
  return key.partition.startsWith(leafPartition(gid, 0).slice(0, -1)) && isTerminal(attributes["status"] as RunStatus);
}
/** Returns whether this is the callback's message, or its row when the row is created as started. */
function isCallback(happened: Happened, jobId: string): boolean {
  if ("message" in happened) {
    const { gid, step } = happened.message.body as { gid?: string; step?: number };
    return gid === jobId && step === 1;
  }
  const { key, attributes } = happened.item;
  const wanted = runKey({ gid: jobId, index: 0, stepIndex: 1 }, WIDTH);
  return key.partition === wanted.partition && key.sort === wanted.sort && attributes["status"] === "started";
}

describe("writes and sends, one behind the other, from the last member's commit until the callback is out", () => {
  const cases = LEVELS.flatMap((tracking) =>
    HEIGHTS.flatMap((height) => PACKINGS.map(([packing, packAbove]) => ({ tracking, height, packing, packAbove }))),
  );
  it.each(cases)(
    "at most height + 4 writes and sends follow each other until the callback is out: $tracking, a ledger of height $height, members $packing",
    async ({ tracking, height, packAbove }) => {
      const there = await measure({ tracking, height, packAbove });
      const elsewhere = await measure({ tracking, height, packAbove, queue: "other" });
      for (const { sinceCommit, sinceFunction } of [there, elsewhere]) {
        // Each level of the ledger is marked after the level below it. Then a worker decides the group and sends the
        // callback.
        expect(sinceCommit).toBeGreaterThan(height);
        expect(sinceCommit).toBeLessThanOrEqual(height + 4);
        expect(sinceFunction).toBeLessThanOrEqual(height + 5);
      }
      expect([there.inPlace, elsewhere.inPlace]).toEqual([true, false]);
    },
  );
});
