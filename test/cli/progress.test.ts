import { describe, expect, it } from "vitest";
import { advance, NO_PROGRESS, progressLine, rateOf, secondsLeft, type Progress } from "../../cli/progress.ts";
import { plain } from "../../cli/terminal.ts";
import type { Job } from "../../functions/client/index.ts";

const job = (counts: Job["counts"], planned: number, more: Partial<Job> = {}): Job => ({
  jobId: "01J",
  state: "started",
  createdAt: 0,
  deadlineAt: 1,
  counts,
  countsExact: false,
  planned,
  ...more,
});
/** Looks at a job each second. */
function looks(...done: number[]): Progress {
  return done.reduce((progress, success, second) => advance(progress, job({ success }, 1_000), second), NO_PROGRESS);
}
const line = (progress: Progress, of: Job, width = 100): string => progressLine(progress, of, { width, paint: plain });

describe("progress", () => {
  it("has no rate at the first look", () => expect(rateOf(looks(10))).toBeUndefined());
  it("has the rate of what was seen", () => expect(rateOf(looks(0, 20, 40))).toBe(20));
  it("forgets what is older than ten seconds", () =>
    expect(rateOf(looks(...Array.from({ length: 30 }, (_, second) => (second < 15 ? 0 : (second - 15) * 10))))).toBeCloseTo(10, 0));
  it("is never negative when approximate counters step back", () => expect(rateOf(looks(100, 90))).toBe(0));
  it("counts a resumed job's rate from where it was found", () => expect(rateOf(looks(5_000, 5_010))).toBe(10));
  it("tells the time left", () => expect(secondsLeft(looks(0, 20), job({ success: 20 }, 100))).toBe(4));
  it("tells no time left of what does not move", () => expect(secondsLeft(looks(20, 20), job({ success: 20 }, 100))).toBeUndefined());
});

describe("the line", () => {
  it("shows bar, done of total, rate and time left", () => {
    expect(line(looks(0, 1_200), job({ success: 1_200 }, 4_800))).toBe("[██████░░░░░░░░░░░░░░░░░░] 1,200/4,800  25 %  1,200/s  3.0 s left");
  });
  it("shows failures of every kind", () => {
    expect(line(looks(0), job({ success: 1, skipped: 1, error: 1, broken: 1, cancelled: 1 }, 10))).toContain("5/10  50 %  3 failed");
  });
  it("shows a job without anything known", () => expect(line(NO_PROGRESS, job({}, 0, { state: "pending" }))).toBe("[░░░░░░░░░░░░░░░░░░░░░░░░] 0/0  pending"));
  it("shows more done than planned as all done", () => expect(line(looks(7), job({ success: 7 }, 5))).toContain("7/7  100 %"));
  it("fits into the terminal", () => {
    for (const width of [40, 60, 80])
      expect(line(looks(0, 1_234_567), job({ success: 1_234_567, error: 5 }, 9_999_999), width).length).toBeLessThanOrEqual(width);
  });
  it("of an ended job says what became of it", () => {
    expect(line(looks(0), job({ success: 12 }, 12, { state: "success", endedAt: 2_500 }))).toBe("success: 12 runs, 2.5 s");
    expect(line(looks(0), job({ error: 1 }, 12, { state: "failure", endedAt: 90_000 }))).toBe("failure: 1 run, 1 failed, 1 min 30 s");
  });
});
