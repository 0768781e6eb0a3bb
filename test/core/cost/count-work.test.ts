import { describe, expect, it } from "vitest";
import { countWork } from "../../../functions/core/cost/count-work.ts";
import type { GroupShape, StepShape, StrandShape } from "../../../functions/core/cost/work-shape.ts";
import { DEFAULT_CONFIG } from "../../../functions/engine/config.ts";
import { protocolOf } from "../../../functions/engine/plan/job-shape.ts";

const protocol = protocolOf({ ...DEFAULT_CONFIG, inPlaceSteps: 7 }, 900);
const task: StepShape = { queue: "q", delaySeconds: 0 };
const elsewhere: StepShape = { queue: "other", delaySeconds: 0 };
const late: StepShape = { queue: "q", delaySeconds: 1_000 };
const groupOf = (steps: readonly StepShape[], count: number, times?: number): GroupShape => ({
  tracking: "lazy",
  members: [{ strand: { steps, ...(times !== undefined && { times }) }, count }],
  kind: "members",
});
const opens = (group: GroupShape): StepShape => ({ queue: "engine", delaySeconds: 0, group });
const countOf = (strand: StrandShape) => countWork(strand, { writes: 0, blobs: 0 }, protocol);

describe("a loop", () => {
  it.each<[string, readonly StepShape[]]>([
    ["one task", [task]],
    ["three tasks", [task, task, task]],
    ["two queues", [task, elsewhere]],
    ["a late step", [task, late]],
    ["a group", [opens(groupOf([task], 300))]],
    ["a group and tasks", [opens(groupOf([task, task], 3)), task, task]],
    ["callbacks", [{ ...task, links: groupOf([task], 2) }, task]],
    ["a loop", [opens(groupOf([task, task], 1, 5)), task]],
  ])("a loop of %s is counted as its steps written one after the other", (_what, steps) => {
    for (const times of [1, 2, 3, 10, 101]) {
      const written = Array.from({ length: times }, () => steps).flat();
      const looped: StrandShape = { steps: [opens(groupOf(steps, 1, times)), task] };
      expect(countOf(looped)).toEqual(countOf({ steps: [opens(groupOf(written, 1)), task] }));
    }
  });

  it("thirty loops, one in the other, are counted without running through them", () => {
    let steps: readonly StepShape[] = [task];
    for (let level = 0; level < 30; level++) steps = [opens(groupOf(steps, 1, 9_999))];
    expect(countOf({ steps }).taskRuns / 9_999 ** 30).toBeCloseTo(1);
  });
});

it("a chain of a million steps is counted", () => {
  expect(countOf({ steps: Array.from({ length: 1_000_000 }, () => task) }).taskRuns).toBe(1_000_000);
});

it("200,000 members on queues of their own are counted", () => {
  const members = Array.from({ length: 200_000 }, (_, k) => ({
    strand: { steps: [{ queue: `q${k}`, delaySeconds: 0 }] },
    count: 1,
  }));
  const { messages } = countOf({ steps: [opens({ tracking: "lazy", members, kind: "members" })] });
  expect(Object.keys(messages)).toHaveLength(200_001);
});
