import { describe, expect, it } from "vitest";
import { chain, defineTask, group, TaskError } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { onlyMessage, Outage, ScriptedLoop, untilExpanded, writesProgress, writesRun } from "../scripted-faults.ts";

/** Errors of steps in place that the simulation found, each as a script. */
const one = defineTask({ name: "one", run: () => 1 });

describe("errors of steps in place that the simulation found", () => {
  it("a follow-up that fails after it has created a step in place gives its slot back, and the step to the next delivery", async () => {
    const two = defineTask({ name: "two", run: () => 2 });
    const local = new LocalEngine([one, two]);
    const { jobId } = await local.engine.submit({ canvas: chain(one.s(), one.si(), two.si()).canvas });
    const message = await onlyMessage(local);
    const loop = new ScriptedLoop();
    // Progress is counted beside all other work, and awaited last. The first run of a job needs none.
    const outage = new Outage(writesProgress(jobId));
    await expect(local.over(local, outage.around).handle(message, loop)).rejects.toThrow(Outage.message);
    expect(loop.lent).toBe(0);
    expect(await local.engine.run(`${jobId}.0~2`)).toMatchObject({ status: "queued" });
    const before = local.clock.now();
    await local.queue.later(message.id, 0);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "success", value: 2 });
    expect(local.clock.now() - before).toBeLessThan(10_000);
  });

  it("below a decided group a step that ran in place is followed again by the message of the step before", async () => {
    const bad = defineTask({
      name: "bad",
      run: (): never => {
        throw new TaskError("bad", { retryable: false });
      },
    });
    const local = new LocalEngine([one, bad]);
    const { jobId } = await local.engine.submit({
      canvas: group([chain(one.s(), bad.si())], { policy: "failFast" }).canvas,
    });
    await untilExpanded(local, jobId);
    const message = await onlyMessage(local);
    // The step in place decides its group. Then its worker fails before it ends the run that waits for the group.
    const outage = new Outage(writesRun(`${jobId}.0`, "error"));
    await expect(local.over(local, outage.around).handle(message, LocalEngine.loop)).rejects.toThrow(Outage.message);
    expect(await local.engine.run(`${jobId}.0.g.0~1`)).toMatchObject({ status: "error" });
    await local.queue.later(message.id, 0);
    await local.untilQuiet();
    expect(await local.engine.job(jobId)).toMatchObject({ state: "failure", counts: { success: 1, error: 1 } });
  });
});
