import { ownerOf, parseRunId } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { currentRows, openedGroup, readLeaf } from "../items/run-reads.ts";
import { calledLinkGroup } from "./link-groups.ts";

/**
 * Yields the runs of a job, depth first: a run, then the group that it opened, then its links. Each cursor names its
 * run, and `after` is the cursor of the last run that the caller has seen.
 */
export async function* walkRuns(
  context: Context,
  jobId: string,
  after: string | undefined,
): AsyncGenerator<{ run: Run; header: Header; cursor: string }, void, undefined> {
  const path = after === undefined ? [] : ancestry(after);
  yield* walkGroup(context, jobId, path);
}
/** Yields the runs of one group, in the order of its members. `after` is the run that the caller has seen last. */
export async function* walkMembers(
  context: Context,
  gid: string,
  after: string | undefined,
): AsyncGenerator<{ run: Run; header: Header; cursor: string }, void, undefined> {
  const header = await readHeader(context, gid);
  if (!header) return;
  const start = after === undefined ? undefined : parseRunId(after);
  const seen = (run: Run): boolean =>
    start !== undefined && (run.index < start.index || (run.index === start.index && run.stepIndex <= start.stepIndex));
  const { width } = context.config;
  const leaves = header.memberCount === undefined ? Number.POSITIVE_INFINITY : Math.ceil(header.memberCount / width);
  for (let leaf = start ? Math.floor(start.index / width) : 0; leaf < leaves; leaf++) {
    const runs = currentRows(await readLeaf(context, gid, leaf));
    if (runs.length === 0 && header.memberCount === undefined) return;
    for (const run of runs) if (!seen(run)) yield { run, header, cursor: run.runId };
  }
}
/** Returns the runs from the root down to this one. */
function ancestry(runId: string): string[] {
  const path: string[] = [];
  for (let id: string | undefined = runId; id !== undefined;) {
    const ref = parseRunId(id);
    if (!ref) return [];
    path.unshift(id);
    id = ownerOf(ref.gid);
  }
  return path;
}
async function* walkGroup(
  context: Context,
  gid: string,
  path: readonly string[],
): AsyncGenerator<{ run: Run; header: Header; cursor: string }, void, undefined> {
  const header = await readHeader(context, gid);
  if (!header) return;
  const start = path[0] === undefined ? undefined : parseRunId(path[0]);
  const { width } = context.config;
  const firstLeaf = start ? Math.floor(start.index / width) : 0;
  const leaves = header.memberCount === undefined ? Number.POSITIVE_INFINITY : Math.ceil(header.memberCount / width);
  for (let leaf = firstLeaf; leaf < leaves; leaf++) {
    const runs = currentRows(await readLeaf(context, gid, leaf));
    if (runs.length === 0 && header.memberCount === undefined) return;
    for (const run of runs) {
      if (start && (run.index < start.index || (run.index === start.index && run.stepIndex < start.stepIndex)))
        continue;
      const here = run.runId === path[0];
      if (!here) yield { run, header, cursor: run.runId };
      const opened = [openedGroup(run), await calledLinkGroup(context, header, run)].filter(
        (each) => each !== undefined,
      );
      // A group before the one in which the path goes on has been walked already.
      const on = here && path[1] !== undefined ? opened.indexOf(parseRunId(path[1])?.gid ?? "") : -1;
      for (const [k, each] of opened.entries())
        if (k >= on) yield* walkGroup(context, each, k === on ? path.slice(1) : []);
    }
  }
}
