import { PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import { isGroupStep, type Strand, type TaskStep } from "../../core/plan/plan.ts";
import { runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isLimited, limitsOf } from "../../core/task/run-limits.ts";
import type { Context } from "../context.ts";
import { type Header, ITEM_VERSION, type Run, type RunAttributes } from "../item-kinds.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import { mayReport } from "../jobs/reported-items.ts";
import { declaresAny } from "../plan/shared-step.ts";
import { notBeforeOf } from "../plan/step-placement.ts";

/**
 * Returns whether a member runs without a claim, because its group keeps less than one row per member
 * (docs/protocol-rules.md, section 14). A redelivered message could run such a member again, so redelivered members are
 * claimed like any other run.
 *
 * - `result`: the row of a member is put when the member ends. The first row stays.
 * - `ledger`: a member that simply succeeds has only its mark. Values of members that ended together are one blob, a
 *   part. The write that marks the members names the part in the same node, so that mark and value are one. A second
 *   writer marks nothing, and its part is never named.
 */
export function runsUnclaimed({ registry }: Pick<Context, "registry">, header: Header, strand: Strand): boolean {
  const step = strand[0];
  if ((header.tracking !== "result" && header.tracking !== "ledger") || strand.length !== 1) return false;
  if (step === undefined || isGroupStep(step) || step.links || step.errors || notBeforeOf(step, 0) !== undefined)
    return false;
  const info = registry.info(step.task);
  if (declaresAny({ registry }, step)) return false;
  if (info && mayReport(info)) return false;
  // What holds a lock is an attempt with a lease.
  return (
    info?.stateMachine === undefined && info?.bulk === undefined && !isLimited(limitsOf(info?.limits, step.options))
  );
}
/** Returns the row that a claim would have written, for an attempt without a claim. */
export function unclaimedRun(context: Context, ref: RunRef, header: Header, step: TaskStep): Run {
  const { gid, index, stepIndex } = ref;
  const { jobId, ttl, round } = header;
  const startedAt = context.clock.now();
  return {
    gid,
    index,
    stepIndex,
    runId: runIdOf(gid, index, stepIndex),
    v: ITEM_VERSION,
    jobId,
    ttl,
    status: "started",
    round,
    attempt: 1,
    task: step.task,
    startedAt,
  };
}

/** Returns the end of a member that needs no row. Returns undefined when the member must have one. */
export function rowlessEndOf(header: Header, run: RunRef, set: Partial<RunAttributes>): RowlessEnd | undefined {
  if (header.tracking !== "ledger" || set.status !== "success" || set.valueRef !== undefined || set.edges !== undefined)
    return undefined;
  return { index: run.index, counts: set.counts ?? PLAIN_SUCCESS, value: set.value };
}
