import { describe, expect, it } from "vitest";
import { TaskSpeeds } from "../../../functions/engine/plan/task-speeds.ts";

describe("the speed of a task", () => {
  it("is told when it becomes known and when it changes", () => {
    const told: [string, boolean][] = [];
    const speeds = new TaskSpeeds({ batchMs: 24 }, (task, quick) => void told.push([task, quick]));
    expect([speeds.mean("a"), speeds.isQuick("a"), speeds.isMostlyQuick("a")]).toEqual([undefined, false, false]);
    speeds.noteBatch("a", 10, 5);
    speeds.noteBatch("b", 1, 50);
    speeds.noteBatch("a", 10, 5);
    expect(told).toEqual([
      ["a", true],
      ["b", false],
    ]);
    for (let batch = 0; batch < 20; batch++) speeds.noteBatch("a", 1, 50);
    expect(told.slice(2)).toEqual([["a", false]]);
    expect(speeds.isMostlyQuick("a")).toBe(false);
  });
  it("makes small batches after one slow batch, and stays mostly quick", () => {
    const speeds = new TaskSpeeds({ batchMs: 24 });
    speeds.noteBatch("a", 1, 0.5);
    speeds.noteBatch("a", 1, 9);
    expect([speeds.mean("a"), speeds.isQuick("a"), speeds.isMostlyQuick("a")]).toEqual([9, false, true]);
  });
  it("is what was measured here, before what another process told", () => {
    const speeds = new TaskSpeeds({ batchMs: 24 });
    speeds.noteTold("a", true);
    expect([speeds.isQuick("a"), speeds.isMostlyQuick("a")]).toEqual([false, true]);
    speeds.noteBatch("a", 1, 90);
    expect(speeds.isMostlyQuick("a")).toBe(false);
  });
});
