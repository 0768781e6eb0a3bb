import { describe, expect, it } from "vitest";
import { definePathTask, FileActionStatus, type PathObject } from "../../../functions/paths/index.ts";
import { chain, defineTask, Graph, RUN_SUBDAG, submitSubdag, taskTemplate } from "../../../functions/sdk/index.ts";
import { LocalEngine } from "../local-engine.ts";

const handled: string[] = [];
/** Hands over all items but those whose path ends in `skip`. */
const touch = definePathTask({
  name: "touch",
  run: (ctx, { jobid, paths, label, site }) => {
    handled.push(`${String(label)} at ${site}: ${paths.map(({ path }) => path).join(" ")}`);
    const status = new FileActionStatus(ctx.task, paths, jobid, "q");
    for (const { path } of paths) status.add(path.endsWith("bad") ? "failures" : "processed", path);
    return status.dump();
  },
});
const after = defineTask({ name: "after", run: () => void handled.push("after") });

/** A task whose code, or a function that it calls, submits a sub-DAG. */
const submitting = (
  submit: (ctx: Parameters<typeof submitSubdag>[1] & { runId: string }, items: PathObject[]) => void,
) =>
  defineTask({
    name: "submitting",
    run: (ctx, items: PathObject[]) => {
      submit(ctx as never, items);
      return "own";
    },
  });
async function run(submit: Parameters<typeof submitting>[0], items = [{ path: "/a" }, { path: "/b" }]) {
  handled.length = 0;
  const task = submitting(submit);
  const local = new LocalEngine(
    [task, touch, after],
    { width: 4, queues: ["local.default#worker", "paris.default#worker", "london.default#worker"] },
    { queues: ["engine", "local.default#worker", "paris.default#worker", "london.default#worker"] },
  );
  const { jobId } = await local.engine.submit({ canvas: chain(task.s(items), after.si()).canvas });
  await local.untilQuiet();
  return local.engine.job(jobId);
}
function diamond(): Graph {
  const graph = new Graph();
  const first = graph.addTask(touch, { kwargs: { label: "first" }, site: "london" });
  const left = graph.addTask("touch", { kwargs: { label: "left" }, parents: [first.id], site: "paris" });
  const right = graph.addTask("touch", { kwargs: { label: "right" }, parents: [first.id] });
  graph.addTask("touch", { kwargs: { label: "join" }, parents: [left.id, right.id] });
  return graph;
}

describe("sub-DAGs", () => {
  it("NG-054 NG-056 NG-057 a template runs on the items as part of the job, which the next step waits for", async () => {
    const job = await run((ctx, items) =>
      submitSubdag(
        items.map(({ path }) => path),
        ctx,
        "dynamocore.tasks.dag.run_subdag",
        {
          template: taskTemplate("touch", { kwargs: { label: "stub" }, site: "paris" }),
        },
      ),
    );
    expect(handled).toEqual(["stub at paris: /a /b", "after"]);
    expect(job).toMatchObject({ state: "success", counts: { success: 3 }, items: { processed: 2 } });
  });
  it("NG-059 NG-060 nodes run in order, each at its own site, and the join is handed the items in order", async () => {
    const job = await run((ctx, items) => submitSubdag(items, ctx, RUN_SUBDAG, { template: diamond().toDict() }));
    expect(handled[0]).toBe("first at london: /a /b");
    expect(handled.slice(1, 3).toSorted()).toEqual(["left at paris: /a /b", "right at local: /a /b"]);
    expect(handled.slice(3)).toEqual(["join at local: /a /b /a /b", "after"]);
    expect(job).toMatchObject({ state: "success", counts: { success: 6 } });
  });
  it("NG-056 the id of the submitting run stands for its context, in any function that the task calls", async () => {
    const helper = (runId: string, items: PathObject[]) =>
      submitSubdag(items, runId, RUN_SUBDAG, { template: taskTemplate("touch", { kwargs: { label: "x" } }) });
    expect(await run((ctx, items) => void helper(ctx.runId, items))).toMatchObject({ state: "success" });
    expect(handled).toEqual(["x at local: /a /b", "after"]);
    expect(() => helper("j.0", [])).toThrow(expect.objectContaining({ code: "outside_task" }));
    expect(await run((_ctx, items) => void helper("other.0", items))).toMatchObject({
      state: "failure",
      error: { reason: "invalid_request" },
    });
  });
  it("a hand-over without items skips the node, and what is below it", async () => {
    const job = await run(
      (ctx, items) => submitSubdag(items, ctx, RUN_SUBDAG, { template: diamond() }),
      [{ path: "/bad" }],
    );
    expect(handled).toEqual(["first at london: /bad", "after"]);
    expect(job).toMatchObject({ counts: { success: 3, skipped: 3 } });
  });
  it("NG-054 a failed node cancels what is below it, and the job is a failure", async () => {
    const graph = diamond();
    const broken = graph.addTask("touch", { parents: [], kwargs: { paths: "none" } });
    graph.addTask("touch", { parents: [broken], kwargs: { label: "below" } });
    const job = await run((ctx, items) => submitSubdag(items, ctx, RUN_SUBDAG, { template: graph }));
    expect(handled.filter((each) => each.startsWith("below"))).toEqual([]);
    expect(job).toMatchObject({ state: "failure", counts: { error: 1 } });
  });
  it("refuses another runner, and a site that does not exist", async () => {
    const template = taskTemplate("touch");
    expect(await run((ctx, items) => submitSubdag(items, ctx, "other.runner", { template }))).toMatchObject({
      error: { reason: "unknown_task" },
    });
    const far = taskTemplate("touch", { site: "mars" });
    expect(await run((ctx, items) => submitSubdag(items, ctx, RUN_SUBDAG, { template: far }))).toMatchObject({
      error: { reason: "unknown_queue" },
    });
  });
});
