import { PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import { isGroupStep, type Strand, type TaskStep } from "../../core/plan/plan.ts";
import { runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { type Header, ITEM_VERSION, type Run, type RunAttributes } from "../item-kinds.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import { notBeforeOf } from "../plan/step-placement.ts";

/**
 * Members of groups that keep less than a row each (docs/protocol-rules.md, section 14). They run without a claim, so a redelivered message may run one again: what is
 * redelivered is therefore claimed like any other run, and only the trouble that a member has is written down.
 *
 * - `result`: its row is put when it ends; the first one stands.
 * - `ledger`: of one that simply succeeds there is only its mark. Values of members that ended together are one blob, a part. The write that marks them names the part
 *   in the same node, so that the mark and the value are one: who comes second marks nothing, and its part is never named.
 */
export function runsUnclaimed({ registry }: Pick<Context, "registry">, header: Header, strand: Strand): boolean {
  const step = strand[0];
  if ((header.tracking !== "result" && header.tracking !== "ledger") || strand.length !== 1) return false;
  if (step === undefined || isGroupStep(step) || step.links || step.errors || notBeforeOf(step, 0) !== undefined) return false;
  return registry.info(step.task)?.stateMachine === undefined;
}
/** What a claim would have written, for an attempt that has none. */
export function unclaimedRun(context: Context, ref: RunRef, header: Header, step: TaskStep): Run {
  const { gid, index, stepIndex: at } = ref;
  const { jobId, ttl, round } = header;
  const startedAt = context.clock.now();
  return {
    gid,
    index,
    stepIndex: at,
    runId: runIdOf(gid, index, at),
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

/** undefined: it must have a row. */
export function rowlessEndOf(header: Header, run: RunRef, set: Partial<RunAttributes>): RowlessEnd | undefined {
  if (header.tracking !== "ledger" || set.status !== "success" || set.valueRef !== undefined) return undefined;
  return { index: run.index, counts: set.counts ?? PLAIN_SUCCESS, value: set.value };
}
