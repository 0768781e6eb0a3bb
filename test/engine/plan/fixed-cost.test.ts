import { describe, expect, it } from "vitest";
import type { CanvasBuilder } from "../../../functions/sdk/index.ts";
import { chain, chord, group } from "../../../functions/sdk/index.ts";
import { add, noop } from "../../../functions/tasks/examples.ts";
import { countPorts } from "../counting.ts";
import { LocalEngine } from "../local-engine.ts";

/** Runs a job to its end, and returns the write units and the messages that it took, and those that were planned. */
async function costOf(canvas: CanvasBuilder) {
  const local = new LocalEngine([add, noop]);
  const { writeUnits } = local.engine.estimate({ canvas: canvas.canvas });
  const counted = countPorts(local);
  const { jobId } = await local.engine.submit({ canvas: canvas.canvas });
  await local.untilQuiet();
  expect(await local.engine.job(jobId)).toMatchObject({ state: "success", countsExact: true });
  const units = Object.values(counted.writes).reduce((sum, part) => sum + part, 0);
  const messages = Object.values(counted.messages).reduce((sum, count) => sum + count, 0);
  return { units, messages, planned: writeUnits.total };
}

describe("what a job costs by itself", () => {
  it("a job of one task costs 7 write units and one message", async () => {
    expect(await costOf(add.s(1, 2))).toMatchObject({ units: 7, messages: 1, planned: 7 });
    expect(await costOf(noop.s())).toMatchObject({ units: 7, messages: 1, planned: 7 });
  });
  it("a chord of 20 costs 14 write units beside its runs, and a chain of 20 costs 7", async () => {
    const tasks = Array.from({ length: 20 }, () => noop.s());
    const ofChord = await costOf(chord(group(tasks), noop.s()));
    // A member that ends alone costs its claim, its commit, its mark and its progress.
    const members = 20 * 4;
    // A step in place costs its row, its commit and its progress.
    const body = 3;
    expect([ofChord.units, ofChord.planned]).toEqual([members + body + 14, members + body + 14]);
    const ofChain = await costOf(chain(...tasks));
    const first = 2;
    expect([ofChain.units, ofChain.planned]).toEqual([first + 19 * 3 + 7, first + 19 * 3 + 7]);
  });
});
