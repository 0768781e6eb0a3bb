import { describe, expect, it } from "vitest";
import type { Disposition } from "../../../functions/engine/ports.ts";
import { defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Latch, marksFirstLeaf, Outage, untilExpanded } from "../scripted-faults.ts";

/** Errors of rowless members that the simulation found, each as a script. */
const WORKER = "local.default#worker";

/**
 * Handles member 0 of a ledger group of two twice at the same time, so that both deliveries run it. The first runs
 * without a claim, and succeeds once `ends[0]` is released. The second runs with a row, and fails once `ends[1]` is
 * released. Member 1 has not been handled. `outage` makes the outage of both deliveries.
 */
async function deliveredTwice(policy: "failFast" | "settled", outage?: (gid: string) => Outage) {
  const ends = [new Latch(), new Latch()] as const;
  let calls = 0;
  const task = defineTask({
    name: "task",
    run: async (_ctx, index: number) => {
      const call = index === 0 ? calls++ : ends.length;
      await ends[call]?.wait();
      if (call === 1) throw new TaskError("failed in a row", { retryable: false });
      return "ended well";
    },
  });
  const local = new LocalEngine([task]);
  const { jobId } = await local.engine.submit({
    canvas: group([task.s(0), task.s(1)], { tracking: "ledger", policy }).canvas,
  });
  await untilExpanded(local, jobId);
  const gid = `${jobId}.0.g`;
  const worker = outage ? local.over(local, outage(gid).around) : local.engine;
  const body = { v: 1, kind: "members", gid, step: 0, members: [0] };
  const handle = async (receives: number): Promise<Disposition> =>
    worker.handle({ queue: WORKER, body, receives }, LocalEngine.loop);
  const first = handle(1);
  await ends[0].reached;
  const second = handle(2);
  await ends[1].reached;
  return { local, jobId, deliveries: [first, second] as const, ends };
}

describe("errors of members without rows that the simulation found", () => {
  it("a row that fails beside a member that has ended well without one does not fail a failFast group", async () => {
    const { local, jobId, deliveries, ends } = await deliveredTwice("failFast");
    ends[0].release();
    await deliveries[0];
    ends[1].release();
    await deliveries[1];
    expect(await local.engine.run(`${jobId}.0.g.0`)).toMatchObject({ status: "error" });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", counts: { success: 2 } });
  });

  it("a reader is told of a member without a row only what its mark says", async () => {
    const { local, jobId, deliveries, ends } = await deliveredTwice(
      "settled",
      (gid) => new Outage(marksFirstLeaf(gid)),
    );
    const read = async (): Promise<unknown[]> => {
      const values: unknown[] = [];
      for await (const { index, value, error } of local.engine.results(jobId))
        values.push([index, error?.message ?? value]);
      return values;
    };
    ends[1].release();
    await expect(deliveries[1]).rejects.toThrow(Outage.message);
    expect(await local.engine.run(`${jobId}.0.g.0`)).toMatchObject({ status: "error" });
    expect(await read()).toEqual([]);
    ends[0].release();
    await deliveries[0];
    expect(await read()).toEqual([[0, "ended well"]]);
    await local.untilQuiet();
    expect(await read()).toEqual([
      [0, "ended well"],
      [1, "ended well"],
    ]);
  });
});
