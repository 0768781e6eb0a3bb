import { addCounts, carriedUp, countOf, type Counts, PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import { isFailure, isSuccess, type TerminalStatus } from "../../core/plan/run-state.ts";
import type { Run } from "../item-kinds.ts";

/**
 * What a member adds to its ledger node: the counters of its strand, of the links beside it, and of what it failed. A
 * pure function of the last row and its links, so a round can take it back.
 */
export function marksOf(run: Run, links: Counts | undefined): Counts {
  const failedMembers = failedMembersOf(run);
  if (run.status === "success" && !run.counts && !run.carry && !links && !run.page) return PLAIN_SUCCESS;
  const counts = addCounts(run.carry, carriedUp(countsOf(run)), links);
  const members = run.page ? (run.counts?.["members"] ?? 0) : 0;
  return { ...counts, ...(failedMembers > 0 && { failedMembers }), ...(members > 0 && { members }) };
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
