import { describe, expect, it } from "vitest";
import {
  type AnyTask,
  type CanvasBuilder,
  chain,
  defineTask,
  group,
  TaskError,
  when,
} from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";
import { laggingReads } from "../scripted-faults.ts";

/** Errors in the input of runs that the simulation found, each as a script. */
const one = defineTask({ name: "one", run: () => 1 });
const given = defineTask({ name: "given", run: (_ctx, ...values: unknown[]) => values });
const failing = defineTask({
  name: "failing",
  run: (): never => {
    throw new TaskError("failed", { retryable: false });
  },
});
const tasks: readonly AnyTask[] = [one, given, failing];

describe("errors of what runs are given that the simulation found", () => {
  it("a plan page is read consistently by a worker that comes a moment after the page was written", async () => {
    const local = new LocalEngine(tasks, {}, { around: laggingReads });
    const { jobId } = await local.over(local).submit({ canvas: given.s("own").canvas });
    await local.untilQuiet();
    expect(await local.over(local).job(jobId)).toMatchObject({ state: "success", value: ["own"] });
  });

  it("the first step of every member is given the value before the group", async () => {
    const local = new LocalEngine(tasks);
    const { jobId } = await local.engine.submit({
      canvas: chain(one.s(), group([given.s("a"), chain(given.s("b"), given.s("c"))])).canvas,
    });
    await local.untilQuiet();
    const values: unknown[] = [];
    for await (const { value } of local.engine.results(jobId)) values.push(value);
    expect(values).toEqual([
      [1, "a"],
      [[1, "b"], "c"],
    ]);
  });

  it("a branch asks about the value it was given, also behind the first step of an error link", async () => {
    const local = new LocalEngine(tasks);
    const branch: CanvasBuilder = when({ is: "eq", value: 1 }, given.si("the value"), given.si("something else"));
    const { jobId } = await local.engine.submit({ canvas: failing.s().linkError(chain(one.si(), branch)).canvas });
    await local.untilQuiet();
    // The second step of the error link is the branch. The chosen way is the only member of the branch's group.
    expect(await local.engine.run(`${jobId}.0.e.0~1.g.0`)).toMatchObject({ status: "success", value: ["the value"] });
  });
});
