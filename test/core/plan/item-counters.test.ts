import { describe, expect, it } from "vitest";
import { addCounts, ignoredFailures, userCounters } from "../../../functions/core/plan/counts.ts";
import {
  afterStep,
  failedItems,
  itemChange,
  itemCounters,
  splitItems,
} from "../../../functions/core/plan/item-counters.ts";

const first = { success: 1, ...itemCounters({ processed: 6, skipped: 1, failures: 2, aborted: 1 }) };
const second = { success: 1, ...itemCounters({ processed: 4, failures: 3 }) };

describe("items of the steps of a strand", () => {
  it("count in the last state that each had: those handed over count where they went", () => {
    const { counts, items } = splitItems(afterStep(first, second));
    expect(items).toEqual({ processed: 4, skipped: 0, failures: 5, aborted: 1, inprogress: 0 });
    expect(counts).toEqual({ success: 2 });
  });
  it("stay where they were when the next step counts none", () =>
    expect(splitItems(afterStep(first, { success: 1 })).items).toMatchObject({ processed: 6, skipped: 1 }));
  it("are handed over also to a step in which none went on", () => {
    const none = { success: 1, ...itemCounters({ failures: 7 }) };
    expect(splitItems(afterStep(first, none)).items).toMatchObject({ processed: 0, skipped: 0, failures: 9 });
  });
  it("stay where they were when a round has taken back what the next step counted", () =>
    expect(splitItems(afterStep(first, { error: 1, h_reports: 0 })).items).toMatchObject({ processed: 6 }));
  it("are handed over to a group as a whole", () => {
    const group = addCounts(second, { success: 1, ...itemCounters({ skipped: 3 }) });
    expect(splitItems(afterStep(first, group)).items).toMatchObject({ processed: 4, skipped: 3, failures: 5 });
  });
  it("need no order beyond that of the steps: three steps are two after one, and one after two", () => {
    const third = { success: 1, ...itemCounters({ skipped: 4 }) };
    expect(splitItems(afterStep(afterStep(first, second), third))).toEqual(
      splitItems(addCounts(afterStep(afterStep(first, second), third))),
    );
    expect(splitItems(afterStep(afterStep(first, second), third)).items).toMatchObject({ processed: 0, skipped: 4 });
  });
  it("change the live counters of a job by what a step adds and takes", () => {
    const live = addCounts(itemChange(undefined, first), itemChange(first, second));
    expect(splitItems(live).items).toEqual(splitItems(afterStep(first, second)).items);
    expect(itemChange(first, { success: 1 })).toEqual({});
  });
});

describe("items beside runs", () => {
  it("of callbacks count nowhere, since the run beside them has counted them", () =>
    expect(ignoredFailures([first, { error: 1 }])).toEqual({ success: 1, ignored: 1 }));
  it("go with the counters of user code to the jobs that share a run", () =>
    expect(userCounters({ ...first, u_files: 1, waiting: 1 })).toEqual({
      u_files: 1,
      ...itemCounters({ processed: 6, skipped: 1, failures: 2, aborted: 1 }),
    }));
  it("are absent where no task has counted any", () => {
    expect(splitItems({ success: 1, u_h_files: 2 })).toEqual({ counts: { success: 1, u_h_files: 2 } });
    expect(failedItems({ success: 1 })).toBe(0);
  });
});
