import { describe, expect, it } from "vitest";
import { LIMITS } from "../../functions/core/limits.ts";
import { NONE_REPORTED, withPositions } from "../../functions/core/task/reported-positions.ts";
import { ReportBuffer } from "../../functions/paths/status/report-buffer.ts";

function bufferOf(positions: readonly number[], state: "processed" | "inprogress" = "processed"): ReportBuffer {
  const buffer = new ReportBuffer();
  for (const position of positions) buffer.add({ position, state, item: { path: `/${position}` } });
  return buffer;
}
const evens = (count: number, from = 2): number[] => Array.from({ length: count }, (_, k) => from + 2 * k);

describe("reports that were not sent yet", () => {
  it("NG-022 are the last one of each item", () => {
    const buffer = bufferOf([1, 2]);
    buffer.add({ position: 1, state: "failures", item: { path: "/1" } });
    expect([buffer.size, buffer.ready]).toEqual([2, 2]);
    expect(buffer.take(NONE_REPORTED, 10, false).map(({ state }) => state)).toEqual(["failures", "processed"]);
    expect([buffer.size, buffer.ready, buffer.bytes]).toEqual([0, 0, 0]);
  });
  it("NG-028 are held back while an item is in progress, until the end", () => {
    const buffer = bufferOf([0], "inprogress");
    expect([buffer.ready, buffer.take(NONE_REPORTED, 10, false)]).toEqual([0, []]);
    expect(buffer.take(NONE_REPORTED, 10, true)).toHaveLength(1);
  });
  it("wait when they would make too many gaps, unless it is the end", () => {
    const many = evens(2 * LIMITS.reportedAhead);
    const buffer = bufferOf(many);
    const taken = buffer.take(NONE_REPORTED, 1_000, false);
    expect(taken.length).toBeGreaterThan(0);
    const reported = withPositions(
      NONE_REPORTED,
      taken.map(({ position }) => position),
    );
    expect(reported.ahead.length).toBeLessThanOrEqual(LIMITS.reportedAhead);
    expect(buffer.take(reported, 1_000, true).length).toBe(many.length - taken.length);
  });
  it("are forgotten when an earlier attempt has sent them", () => {
    const buffer = bufferOf([0, 1, 5]);
    buffer.withoutReported({ cursor: 1, ahead: [[5, 5]] });
    expect(buffer.take(NONE_REPORTED, 10, false).map(({ position }) => position)).toEqual([1]);
  });
});
