import { boundedCounters } from "../../core/plan/counts.ts";
import { failedItems } from "../../core/plan/item-counters.ts";
import { isSingle } from "../../core/plan/plan.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { marksOf, NOTHING_BESIDE } from "../groups/member-marks.ts";
import { attributesOf, headerKey, type RunAttributes } from "../item-kinds.ts";
import { and } from "../items/conditions.ts";
import { rootEnd, undecided } from "../items/header-writes.ts";
import { rootChange, rootCondition } from "../items/root-row.ts";
import { fence } from "../items/run-conditions.ts";
import { isAwaited } from "../jobs/finish-job.ts";
import { listEnd } from "../jobs/job-item.ts";
import { strandsOf } from "../plan/strands.ts";
import type { Attempt } from "./live-attempt.ts";

/**
 * Ends a job of one task with the write that ends its only run: value, outcome and counters, and the header leaves the
 * index of open headers. The job is in the list of its end before, since nothing looks at it afterwards. Returns false
 * when the write was not applied, or something else must follow the end; then the run is committed like any other.
 * Costs three write units with the list.
 */
export async function commitSolo(
  context: Context,
  { header, run, token }: Attempt,
  set: Partial<RunAttributes>,
  remove: readonly string[],
): Promise<boolean> {
  if (header.joins !== undefined || !header.job || isAwaited(header) || run.stepIndex > 0) return false;
  const { status, endedAt } = set;
  if (status === undefined || endedAt === undefined || !isSuccess(status)) return false;
  const [strand] = (await strandsOf(context, header, 0)) ?? [];
  if (!strand || !isSingle(strand)) return false;
  const totals = boundedCounters<number>(marksOf({ ...run, ...set }, NOTHING_BESIDE));
  // A job in which items failed has an error to keep.
  if (failedItems(totals) > 0) return false;
  await listEnd(context, header, "success");
  const row = rootChange({
    set: attributesOf({ ...set, writer: token }),
    remove: ["leaseOwner", "leaseUntil", ...remove],
  });
  const end = rootEnd({ outcome: "complete", totals, endedAt }, true);
  const { applied } = await context.store.write({
    op: "update",
    key: headerKey(run.gid),
    change: { set: { ...row.set, ...end.set }, remove: [...(row.remove ?? []), ...(end.remove ?? [])] },
    when: and(rootCondition(fence(token, run.attempt)), undecided(header.round)),
  });
  if (applied) context.watch?.jobEnded("success", run.jobId);
  return applied;
}
