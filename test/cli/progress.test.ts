import { describe, expect, it } from "vitest";
import { advance, NO_PROGRESS, progressLine, rateOf, secondsLeft, type Progress } from "../../cli/progress.ts";
import { plain } from "../../cli/terminal.ts";
import type { Job } from "../../functions/client/index.ts";

const job = (counts: Job["counts"], planned: number, more: Partial<Job> = {}): Job => ({
  jobId: "01J",
  state: "started",
  round: 0,
  createdAt: 0,
  deadlineAt: 1,
  counts,
  countsExact: false,
  planned,
  ...more,
});
/** Adds one sample of a job each second. */
function samplesOf(...done: number[]): Progress {
  return done.reduce((progress, success, second) => advance(progress, job({ success }, 1_000), second), NO_PROGRESS);
}
const line = (progress: Progress, of: Job, width = 100): string => progressLine(progress, of, { width, paint: plain });

describe("progress", () => {
  it("progress has no rate after one sample", () => expect(rateOf(samplesOf(10))).toBeUndefined());
  it("progress has the rate of its samples", () => expect(rateOf(samplesOf(0, 20, 40))).toBe(20));
  it("progress forgets samples older than ten seconds", () =>
    expect(
      rateOf(samplesOf(...Array.from({ length: 30 }, (_, second) => (second < 15 ? 0 : (second - 15) * 10)))),
    ).toBeCloseTo(10, 0));
  it("the rate is never negative when approximate counters decrease", () => expect(rateOf(samplesOf(100, 90))).toBe(0));
  it("the rate of a resumed job counts from its first sample", () => expect(rateOf(samplesOf(5_000, 5_010))).toBe(10));
  it("progress estimates the time left", () =>
    expect(secondsLeft(samplesOf(0, 20), job({ success: 20 }, 100))).toBe(4));
  it("progress estimates no time left for a job that does not move", () =>
    expect(secondsLeft(samplesOf(20, 20), job({ success: 20 }, 100))).toBeUndefined());
});

describe("the line", () => {
  it("the progress line shows bar, done of total, rate and time left", () => {
    expect(line(samplesOf(0, 1_200), job({ success: 1_200 }, 4_800))).toBe(
      "[██████░░░░░░░░░░░░░░░░░░] 1,200/4,800  25 %  1,200/s  3.0 s left",
    );
  });
  it("the progress line counts failures of every kind", () => {
    expect(line(samplesOf(0), job({ success: 1, skipped: 1, error: 1, broken: 1, cancelled: 1 }, 10))).toContain(
      "5/10  50 %  3 failed",
    );
  });
  it("the progress line of an unknown job is an empty bar", () =>
    expect(line(NO_PROGRESS, job({}, 0, { state: "pending" }))).toBe("[░░░░░░░░░░░░░░░░░░░░░░░░] 0/0  pending"));
  it("the progress line shows more done than planned as all done", () =>
    expect(line(samplesOf(7), job({ success: 7 }, 5))).toContain("7/7  100 %"));
  it("the progress line fits into the terminal", () => {
    for (const width of [40, 60, 80])
      expect(
        line(samplesOf(0, 1_234_567), job({ success: 1_234_567, error: 5 }, 9_999_999), width).length,
      ).toBeLessThanOrEqual(width);
  });
  it("the progress line of an ended job says how it ended", () => {
    expect(line(samplesOf(0), job({ success: 12 }, 12, { state: "success", endedAt: 2_500 }))).toBe(
      "success: 12 runs, 2.5 s",
    );
    expect(line(samplesOf(0), job({ error: 1 }, 12, { state: "failure", endedAt: 90_000 }))).toBe(
      "failure: 1 run, 1 failed, 1 min 30 s",
    );
  });
  it("the progress line of a retried job names its round, while it goes on and at its end", () => {
    expect(line(NO_PROGRESS, job({ success: 1 }, 2, { round: 1 }))).toMatch(/1\/2 {2}50 % {2}round 1$/);
    expect(line(samplesOf(0), job({ success: 2 }, 2, { round: 3, state: "success", endedAt: 2_500 }))).toBe(
      "success: 2 runs, 2.5 s, round 3",
    );
  });
});
