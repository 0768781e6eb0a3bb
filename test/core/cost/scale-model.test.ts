import { describe, expect, it } from "vitest";
import { QUOTAS } from "../../../functions/core/cost/price-table.ts";
import { TRACKING_LEVELS } from "../../../functions/core/cost/work-shape.ts";
import { scaleOf, SECTION_19, writesEach } from "../../figures/tables.ts";

const SIZES = [1, 100, 4_096, 1e5, 1e6, 1e7, 1e8];
const CASES = TRACKING_LEVELS.flatMap((level) => [
  ...SIZES.map((n) => [n, level, false] as const),
  [1e6, level, true] as const,
]);

describe("the scale model", () => {
  it.each(CASES)(
    "%i children tracked %s (one group: %s): no partition above its limit",
    (children, level, oneGroup) => {
      const { partitions, perSecond, phases, seconds, secondsOnNewTables } = scaleOf(children, level, oneGroup);
      for (const { name, writes, reads } of partitions) {
        expect(writes, `writes: ${name}`).toBeLessThanOrEqual(QUOTAS.partition.writes);
        expect(reads, `reads: ${name}`).toBeLessThanOrEqual(QUOTAS.partition.reads * (1 + 1e-9));
      }
      expect(partitions.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          "rows of one leaf",
          "ledger node above leaves, the root included",
          "header of the root, which is the job, and of an input",
          "one of 16 shards of progress",
        ]) as string[],
      );
      expect(perSecond).toBeGreaterThan(0);
      expect(Math.max(...phases.map((phase) => phase.seconds))).toBeLessThanOrEqual(seconds);
      expect(seconds).toBeLessThanOrEqual(secondsOnNewTables);
    },
  );

  it.each(TRACKING_LEVELS)("%s: both tables stay within their quota at the predicted pace", (level) => {
    const children = 1e8;
    const { count, perSecond } = scaleOf(children, level);
    const { rows, plan, jobs, ledger, headers } = count.writes;
    const pace = (units: number): number => (units / children) * perSecond;
    expect(pace(rows + plan + jobs)).toBeLessThanOrEqual(QUOTAS.table.writes * (1 + 1e-9));
    expect(pace(ledger + headers)).toBeLessThanOrEqual(QUOTAS.table.writes * (1 + 1e-9));
  });

  it("writes and prices are proportional to the children, beside a few of the job", () => {
    for (const level of TRACKING_LEVELS) {
      const [small, great] = [scaleOf(1e7, level), scaleOf(1e8, level)];
      expect(great.price.total / small.price.total).toBeCloseTo(10, 1);
      expect(great.seconds).toBeGreaterThan(small.seconds);
    }
  });

  it.each(SECTION_19)(
    "$level: rows are as section 19 of the protocol says, and all the rest is less than the 0.1 it allows for marks",
    ({ level, writes }) => {
      const { rows } = scaleOf(1e6, level, true).count.writes;
      expect(rows / 1e6).toBeCloseTo(writes - 0.1, 4);
      expect(writesEach(level)).toBeLessThanOrEqual(writes);
    },
  );
});
