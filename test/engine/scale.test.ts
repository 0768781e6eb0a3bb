import { describe, expect, it } from "vitest";
import { parseCanvas } from "../../functions/core/canvas/canvas-wire.ts";
import type { Tracking } from "../../functions/core/canvas/canvas.ts";
import { countWork } from "../../functions/core/cost/count-work.ts";
import type { WorkCount } from "../../functions/core/cost/work-count.ts";
import { TRACKING_LEVELS } from "../../functions/core/cost/work-shape.ts";
import { DEFAULT_CONFIG } from "../../functions/engine/config.ts";
import { type ChordOf, chordShape, FULL_PAGE } from "../../functions/engine/plan/chord-shape.ts";
import { protocolOf } from "../../functions/engine/plan/job-shape.ts";
import { chord, group } from "../../functions/sdk/index.ts";
import { noop } from "../../functions/tasks/examples.ts";
import { type Counted, countPorts } from "./counting.ts";
import { LocalEngine } from "./local-engine.ts";

const CHILDREN = 10_000;
/** The tracking levels that this engine accepts. The model may know more. */
const LEVELS = TRACKING_LEVELS.filter((level) => {
  try {
    return parseCanvas({ group: [], options: { tracking: level } }) !== undefined;
  } catch {
    return false;
  }
}) as readonly Tracking[];

const RECORDS: ReadonlySet<string> = new Set(["full", "lazy", "result"]);

function modelled(chordOf: ChordOf): WorkCount {
  const { job, pages } = chordShape(chordOf, DEFAULT_CONFIG.width);
  return countWork(job, pages, protocolOf(DEFAULT_CONFIG, 900));
}
/**
 * Expects equal counts. Only the progress of rowless members may differ, because it counts a sample of the follow-ups.
 */
function expectSame({ writes, messages, requests, blobs }: WorkCount, counted: Counted, sampled = false): void {
  const jobs = sampled ? counted.writes.jobs : writes.jobs;
  expect({ writes: { ...writes, jobs }, messages, blobs, send: requests.send }).toEqual(counted);
  const followUps = Object.values(messages).reduce((sum, count) => sum + count, 0);
  expect(Math.abs(counted.writes.jobs - writes.jobs)).toBeLessThanOrEqual(sampled ? followUps : 0);
}

describe("the scale model counts 10,000 children as the engine runs them", () => {
  it.each(LEVELS)(
    "the scale model counts 10,000 children in one group tracked %s as the engine runs them",
    { timeout: 300_000 },
    async (tracking) => {
      const local = new LocalEngine([noop]);
      const counted = countPorts(local);
      const members = Array.from({ length: CHILDREN }, () => noop.s());
      const { jobId } = await local.engine.submit({ canvas: chord(group(members, { tracking }), noop.s()).canvas });
      await local.untilQuiet();
      expect(await local.engine.job(jobId)).toMatchObject({
        state: "success",
        counts: { success: CHILDREN + 1 },
        countsExact: true,
      });
      const model = modelled({ children: CHILDREN, level: tracking });
      expectSame(model, counted, !RECORDS.has(tracking));
    },
  );

  it("the scale model counts 10,000 children in pages as the engine runs them", { timeout: 300_000 }, async () => {
    const local = new LocalEngine([noop]);
    const counted = countPorts(local);
    const { jobId } = await local.engine.openJob({ body: noop.s().canvas });
    const pages = Math.ceil(CHILDREN / FULL_PAGE);
    for (let page = 0; page < pages; page++) {
      const items = Math.min(FULL_PAGE, CHILDREN - page * FULL_PAGE);
      await local.engine.putInputPage(
        jobId,
        page,
        Array.from({ length: items }, () => noop.s().canvas),
      );
    }
    await local.engine.sealInput(jobId, pages);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({
      state: "success",
      counts: { success: CHILDREN + 1 },
      countsExact: true,
    });
    expectSame(modelled({ children: CHILDREN, level: "lazy", perPage: FULL_PAGE }), counted);
  });
});
