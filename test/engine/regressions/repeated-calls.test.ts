import { describe, expect, it } from "vitest";
import { defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { Death, sends, untilExpanded, untilIdle, writesRun } from "../scripted-faults.ts";

/**
 * Errors that the simulation found when a process died in the middle of its work, each as a script without a sweeper.
 */
const WORKER = "local.default#worker";
const failing = defineTask({
  name: "failing",
  run: (): never => {
    throw new TaskError("failed", { retryable: false });
  },
});
const late = defineTask({ name: "late", run: () => "nobody waits for it" });

describe("errors after deaths that the simulation found", () => {
  it("a repeated cancel sends its message again when the first one died before it", async () => {
    const local = new LocalEngine([late]);
    const { jobId } = await local.engine.submit({ canvas: group([late.s().set({ countdown: 600 })]).canvas });
    await untilExpanded(local, jobId);
    const death = new Death(sends("cancel"));
    void local.over(local, death.around).cancel(jobId);
    await death.died;
    expect(await local.engine.job(jobId)).toMatchObject({ state: "cancelling" });
    expect(await local.engine.cancel(jobId)).toBe(true);
    await untilIdle(local);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "cancelled" });
  });

  it("a decision over the threshold is followed by the next delivery of a failed member when the worker that decided died", async () => {
    const local = new LocalEngine([failing, late]);
    const canvas = group([failing.s(), failing.s(), late.s().set({ countdown: 600 })], {
      policy: { threshold: 1 },
    }).canvas;
    const { jobId } = await local.engine.submit({ canvas });
    await untilExpanded(local, jobId);
    const messages = await local.queue.receive([WORKER], 10, 30);
    const ofMember = (index: number) =>
      messages.find(({ body }) => (body as { members: number[] }).members[0] === index) as (typeof messages)[number];
    await local.engine.handle(ofMember(0), LocalEngine.loop);
    const death = new Death(writesRun(`${jobId}.0`));
    void local.over(local, death.around).handle(ofMember(1), LocalEngine.loop);
    await death.died;
    expect(await local.engine.job(jobId)).toMatchObject({ state: "started" });
    await local.untilQuiet(120);
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", error: { message: "failed" } });
  });
});
