import { definePathTask, FileActionStatus } from "../../../functions/paths/index.ts";
import { currentQueue, defineTask, Graph, RUN_SUBDAG, submitSubdag } from "../../../functions/sdk/index.ts";

/** Runs at both sites. Returns a payload that says where each item has been. */
export const visit = definePathTask({
  name: "e2e.visit",
  run: async (ctx, { jobid, paths }) => {
    const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
    for (const { path } of paths) status.add("processed", `${path}/${ctx.site}`);
    return status.dump();
  },
});
/** Returns the paths of what it was handed, so a test can read them. */
export const visited = defineTask({
  name: "e2e.visited",
  run: (ctx, given: unknown) => {
    const lists = [given].flat() as { readonly paths: readonly { readonly path: string }[] }[];
    return { site: ctx.site, paths: lists.flatMap(({ paths }) => paths.map(({ path }) => path)) };
  },
});

/** Returns a diamond from one site to both and back. */
export function twoSiteDiamond(args: readonly unknown[] = []): Graph {
  const graph = new Graph();
  const first = graph.addTask("e2e.visit", { args, site: "london" });
  const here = graph.addTask("e2e.visit", { parents: [first.id], site: "london" });
  const there = graph.addTask("e2e.visit", { parents: [first.id], site: "paris" });
  graph.addTask("e2e.visited", { parents: [there.id, here.id], site: "paris" });
  return graph;
}
/** Submits the diamond as a sub-DAG, from a function that it calls. */
export const submitsDiamond = defineTask({
  name: "e2e.submits-diamond",
  run: (ctx, paths: string[]) => {
    const submit = (runId: string): unknown => submitSubdag(paths, runId, RUN_SUBDAG, { template: twoSiteDiamond() });
    submit(ctx.runId);
    return "submitted";
  },
});
