import { addCounts, type Counts, countOf } from "../../core/plan/counts.ts";
import { itemCounters, partialCounters } from "../../core/plan/item-counters.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { TaskInfo } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { Run, RunAttributes } from "../item-kinds.ts";
import { openStream, type StoredStream } from "../items/report-items.ts";

/** Whether the task of a run may stream reports. Its runs are claimed at every tracking level. */
export const mayReport = ({ paths }: Pick<TaskInfo, "paths">): boolean => paths?.acceptsStreaming === true;

/** Returns the counters of a run with the items that it has reported. */
export function reportedPart(
  { carry }: Pick<Run, "carry">,
  own: Counts,
  { totals, sequence }: StoredStream,
  part: "counts" | "ownCounts",
  succeeded = part === "ownCounts" || (own["success"] ?? 0) + (own["skipped"] ?? 0) > 0,
): Partial<RunAttributes> {
  if (!succeeded && sequence === 0) return {};
  const items = succeeded ? itemCounters(totals) : partialCounters(carry, totals);
  return { [part]: addCounts(own, items), streamed: true };
}
/**
 * Returns the end of a run that no attempt commits, with the items that its attempts have reported. They cannot report
 * from then on. Costs one write unit for a task that may stream, once it was attempted.
 */
export async function withReportsOf(
  context: Context,
  run: Run,
  set: Partial<RunAttributes>,
): Promise<Partial<RunAttributes>> {
  if (run.attempt === 0 || run.task === undefined || !set.status || !isTerminal(set.status)) return set;
  const info = context.registry.info(run.task);
  if (info && !mayReport(info)) return set;
  const stored = await openStream(context, run, run.attempt + 1);
  if (!stored || stored.sequence === 0 || info?.paths?.countsTowardsJob === false) return set;
  return { ...set, ...reportedPart(run, set.counts ?? countOf(set.status), stored, "counts") };
}
