import { describe, expect, it } from "vitest";
import { defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death, onlyMessage, sends, untilExpanded, writesRun } from "../scripted-faults.ts";

/** Errors that the simulation found in what finishes the work of a process that died, each as a script without a sweeper. */
const WORKER = "local.default#worker";
const failing = defineTask({
  name: "failing",
  run: (): never => {
    throw new TaskError("failed", { retryable: false });
  },
});
const late = defineTask({ name: "late", run: () => "never wanted" });

describe("a process that dies in the middle", () => {
  it("of a cancel, before its message, leaves the job to a repeated cancel", async () => {
    const local = new LocalEngine([late]);
    const { jobId } = await local.engine.submit({ canvas: group([late.s().set({ countdown: 600 })]).canvas });
    await untilExpanded(local, jobId);
    const death = new Death(sends("cancel"));
    void local.over(local, death.around).cancel(jobId);
    await death.died;
    expect(await local.engine.job(jobId)).toMatchObject({ state: "cancelling" });
    expect(await local.engine.cancel(jobId)).toBe(true);
    while (await local.turn());
    expect(await local.engine.job(jobId)).toMatchObject({ state: "cancelled" });
  });

  it("after a decision over the threshold, before anything follows from it, leaves that to the next delivery of a failed member", async () => {
    const local = new LocalEngine([failing, late]);
    const canvas = group([failing.s(), failing.s(), late.s().set({ countdown: 600 })], { policy: { threshold: 1 } }).canvas;
    const { jobId } = await local.engine.submit({ canvas });
    await untilExpanded(local, jobId);
  });
});
