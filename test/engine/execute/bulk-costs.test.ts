import { describe, expect, it } from "vitest";
import { type BulkRun, defineTask, group } from "../../../functions/sdk/index.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

const RUNS = 2_048;
/** Write units beside the members: the job, its plan, and looks of the dispatcher. */
const FIXED = 120;

describe("a bulk task", () => {
  it("costs 2.1 write units for each run, and 2 for each pack", async () => {
    const sizes: number[] = [];
    const task = defineTask({
      name: "index",
      bulk: { maxSeconds: 1 },
      run: (_ctx, runs: readonly BulkRun<readonly [number: number]>[]) => {
        sizes.push(runs.length);
        return runs.map(() => ({ value: null }));
      },
    });
    const local = new LocalEngine([task], { headerCacheMs: 0 });
    const counted = countPorts(local);
    const canvases = Array.from({ length: RUNS }, (_, k) => task.si(k));
    const { jobId } = await local.engine.submit({ canvas: group(canvases).canvas });
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success" });
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(RUNS);
    expect(Math.max(...sizes)).toBe(300);
    const { rows, ledger, jobs, headers, plan } = counted.writes;
    // A claim and a commit for each run, and a mark for each leaf of a message.
    expect(rows).toBe(2 * RUNS);
    expect((rows + ledger) / RUNS).toBeLessThan(2.1);
    const packs = RUNS / Math.ceil(RUNS / 64);
    // Each pack is put and taken out. One in each call is cut in two.
    expect(jobs + headers + plan).toBeLessThan(2 * packs + 2 * sizes.length + FIXED);
  });
});
