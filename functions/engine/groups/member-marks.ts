import { addCounts, carriedUp, countOf, type Counts, INEXACT, PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import { afterStep } from "../../core/plan/item-counters.ts";
import { isFailure, isSuccess, type TerminalStatus } from "../../core/plan/run-state.ts";
import type { Header, Run } from "../item-kinds.ts";

/** What counts for a member beside its rows. */
export interface Beside {
  /** Counters of the links beside its steps. */
  readonly links: Counts | undefined;
  /** Counters of the pages that its last run has left. They are part of that run, as its children would be. */
  readonly left: Counts | undefined;
}
export const NOTHING_BESIDE: Beside = { links: undefined, left: undefined };
/**
 * What a member adds to its ledger node: the counters of its strand, and of what is beside it. A pure function of the
 * last row and of those, so a round can take it back.
 */
export function marksOf(run: Run, { links, left }: Beside): Counts {
  const failedMembers = failedMembersOf(run);
  if (run.status === "success" && !run.counts && !run.carry && !links && !left && !run.page) return PLAIN_SUCCESS;
  const own = carriedUp(countsOf(run));
  const counts = addCounts(afterStep(run.carry, left ? addCounts(own, left) : own), links);
  const members = run.page ? (run.counts?.["members"] ?? 0) : 0;
  return { ...counts, ...(failedMembers > 0 && { failedMembers }), ...(members > 0 && { members }) };
}
/** Returns what the pages add that a failed owner has left in a dropped group. */
export function leftCounts({ totals, early }: Pick<Header, "totals" | "early">): Counts {
  return addCounts(carriedUp(totals), early ? INEXACT : undefined);
}
/**
 * Returns what the runs below a group add that is not opened again in this round. It is a snapshot, because a process
 * may be opening it. Nothing runs below a group that waits for an answer.
 */
export function snapshotOf({ totals, wait }: Pick<Header, "totals" | "wait">): Counts | undefined {
  return wait ? undefined : addCounts(carriedUp(totals), INEXACT);
}
/** A page counts the failed members of its own group; any other run counts itself. */
export function failedMembersOf(run: Run): number {
  if (run.page && isSuccess(run.status)) return run.counts?.["failedMembers"] ?? 0;
  return isFailure(run.status) ? 1 : 0;
}
/** Returns the counters of an ended run. A run without counters counts as one run of its status. */
export function countsOf(run: Run): Counts {
  return run.counts ?? countOf(run.status as TerminalStatus);
}
