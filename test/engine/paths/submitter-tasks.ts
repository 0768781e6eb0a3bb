import { definePathTask, FileActionStatus, type PathObject } from "../../../functions/paths/index.ts";

export const items = (count: number): PathObject[] =>
  Array.from({ length: count }, (_, k) => ({ path: `/${k}`, size: k }));
/** What the runs of a task were given, in the order in which they began. */
export function recorder(name = "migrate", more = {}) {
  const given: (readonly PathObject[])[] = [];
  const task = definePathTask({
    name,
    ...more,
    run: (ctx, { jobid, paths }) => {
      given.push(paths);
      const status = new FileActionStatus(ctx.task, paths, jobid, ctx.queue);
      for (const { path } of paths) status.add("processed", path);
      return status.dump();
    },
  });
  return { task, given, paths: () => given.map((chunk) => chunk.map(({ path }) => path)) };
}
export const sorted = (chunks: readonly (readonly string[])[]): number[] =>
  chunks
    .flat()
    .map((path) => Number(path.slice(1)))
    .sort((a, b) => a - b);
