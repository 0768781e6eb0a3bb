import { boundedCounters } from "../../core/plan/counts.ts";
import { failedItems } from "../../core/plan/item-counters.ts";
import { isSingle } from "../../core/plan/plan.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { marksOf, NOTHING_BESIDE } from "../groups/member-marks.ts";
import { attributesOf, type Header, headerKey, type RunAttributes } from "../item-kinds.ts";
import { and } from "../items/conditions.ts";
import { rootEnd, undecided } from "../items/header-writes.ts";
import { rootChange, rootCondition } from "../items/root-row.ts";
import { fence } from "../items/run-conditions.ts";
import { isAwaited } from "../jobs/finish-job.ts";
import { listEnds } from "../jobs/job-item.ts";
import { strandsOf } from "../plan/strands.ts";
import type { WriteOp } from "../ports.ts";
import type { Attempt } from "./live-attempt.ts";

/** A job of one task whose run has succeeded, and the write that ends both. */
export interface SoloEnd {
  readonly header: Header;
  readonly op: WriteOp;
}

/**
 * Returns the end of a job of one task, as the write that ends its only run: value, outcome and counters, and the header
 * leaves the index of open headers. Returns undefined when something else must follow the end; then the run is committed
 * like any other.
 */
export async function soloEndOf(
  context: Context,
  { header, run, token }: Attempt,
  set: Partial<RunAttributes>,
  remove: readonly string[],
): Promise<SoloEnd | undefined> {
  if (header.joins !== undefined || !header.job || isAwaited(header) || run.stepIndex > 0) return undefined;
  const { status, endedAt } = set;
  if (status === undefined || endedAt === undefined || !isSuccess(status)) return undefined;
  const [strand] = (await strandsOf(context, header, 0)) ?? [];
  if (!strand || !isSingle(strand)) return undefined;
  const totals = boundedCounters<number>(marksOf({ ...run, ...set }, NOTHING_BESIDE));
  // A job in which items failed has an error to keep.
  if (failedItems(totals) > 0) return undefined;
  const row = rootChange({
    set: attributesOf({ ...set, writer: token }),
    remove: ["leaseOwner", "leaseUntil", ...remove],
  });
  const end = rootEnd({ outcome: "complete", totals, endedAt }, true);
  return {
    header,
    op: {
      op: "update",
      key: headerKey(run.gid),
      change: { set: { ...row.set, ...end.set }, remove: [...(row.remove ?? []), ...(end.remove ?? [])] },
      when: and(rootCondition(fence(token, run.attempt)), undecided(header.round)),
    },
  };
}
/**
 * Ends jobs of one task. They are in the list of their end before, since nothing looks at them afterwards. Returns for
 * each whether its write was applied; when not, its run is committed like any other. Each costs three write units with
 * the list.
 */
export async function commitSolos(context: Context, ends: readonly SoloEnd[]): Promise<readonly boolean[]> {
  if (ends.length === 0) return [];
  await listEnds(
    context,
    ends.map(({ header }) => header),
    "success",
  );
  const results = await context.store.writeMany(ends.map(({ op }) => op));
  return results.map(({ applied }, k) => {
    if (applied) context.watch?.jobEnded("success", ends[k]?.header.jobId as string);
    return applied;
  });
}
