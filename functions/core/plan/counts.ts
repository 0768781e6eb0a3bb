import { TERMINAL_STATUSES, type TerminalStatus } from "./run-state.ts";

/** A vector of task runs by outcome, plus user counters under `u_<name>`; `failedMembers`, and
 * `members` (of all pages of an open group), belong to one group and are never carried upward. */
export type Counts = { readonly [name: string]: number };

const NO_COUNTS: Counts = {};

/** Marks a vector in which a group that decided early took part: what it counts is a snapshot. */
export const INEXACT: Counts = { inexact: 1 };

/** Of nearly every run. */
export const PLAIN_SUCCESS: Counts = Object.freeze({ success: 1 });
export function countOf(status: TerminalStatus): Counts {
  return { [status]: 1 };
}
export function addCounts(...vectors: readonly (Counts | undefined)[]): Counts {
  const sum: Record<string, number> = {};
  for (const vector of vectors) if (vector) for (const name of Object.keys(vector)) sum[name] = (sum[name] ?? 0) + (vector[name] as number);
  return sum;
}
/** Without the counts that belong to one group only. */
export function carriedUp(counts: Counts | undefined): Counts {
  if (!counts) return NO_COUNTS;
  if (!("failedMembers" in counts) && !("members" in counts)) return counts;
  const { failedMembers: _failed, members: _members, ...rest } = counts;
  return rest;
}
/** Of callbacks: how they end does not count against the job. */
export function ignoredFailures(vectors: readonly (Counts | undefined)[]): Counts {
  const { error = 0, broken = 0, cancelled = 0, ...rest } = carriedUp(addCounts(...vectors));
  const ignored = (rest["ignored"] ?? 0) + error + broken + cancelled;
  return ignored > 0 ? { ...rest, ignored } : rest;
}
/** Task runs that did not end well. */
export function failedRuns(counts: Counts): number {
  return (counts["error"] ?? 0) + (counts["broken"] ?? 0) + (counts["cancelled"] ?? 0);
}
/** All task runs in a vector; user counters are not runs. */
export function endedRuns(counts: Counts): number {
  return TERMINAL_STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), counts["ignored"] ?? 0);
}
