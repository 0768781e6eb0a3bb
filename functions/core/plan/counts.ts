import { LIMITS } from "../limits.ts";
import { TERMINAL_STATUSES, type TerminalStatus } from "./run-state.ts";

/**
 * A vector of task runs by outcome, of user counters under `u_<name>`, and of items under `h_<name>` and `i_<name>`
 * (item-counters.ts). `failedMembers` and `members` (the members
 * in all pages of an open group) belong to one group and are not carried up.
 */
export type Counts = { readonly [name: string]: number };

const NO_COUNTS: Counts = {};

/** Added when a group that decided early took part, so that the counts are a snapshot. */
export const INEXACT: Counts = { inexact: 1 };

/** The counts of nearly every run. */
export const PLAIN_SUCCESS: Counts = Object.freeze({ success: 1 });
/** Returns the counts of one ended run. */
export function countOf(status: TerminalStatus): Counts {
  return { [status]: 1 };
}
/** Whether a counter is of items. */
export function isItemCounter(name: string): boolean {
  return name.startsWith("h_") || name.startsWith("i_");
}
/** Returns the counters of user code in a vector, items included; undefined when it has none. */
export function userCounters(counts: Counts | undefined): Counts | undefined {
  const own = Object.entries(counts ?? {}).filter(([name]) => name.startsWith("u_") || isItemCounter(name));
  return own.length > 0 ? Object.fromEntries(own) : undefined;
}
/** Returns the sum of the vectors. */
export function addCounts(...vectors: readonly (Counts | undefined)[]): Counts {
  const sum: Record<string, number> = {};
  for (const vector of vectors)
    if (vector) for (const name of Object.keys(vector)) sum[name] = (sum[name] ?? 0) + (vector[name] as number);
  return sum;
}
/**
 * Returns the counts without those of a part. A user counter that the whole had added up under another name is taken
 * from there.
 */
export function minusCounts(whole: Counts, part: Counts): Counts {
  const rest: Record<string, number> = { ...whole };
  for (const [name, count] of Object.entries(part)) {
    const left = (rest[name] ?? 0) - count;
    rest[name] = Math.max(0, left);
    if (left < 0 && name.startsWith("u_")) rest[OTHER_COUNTER] = Math.max(0, (rest[OTHER_COUNTER] ?? 0) + left);
  }
  return rest;
}
/** The user counter under which an item adds up the counters beyond the limit. */
const OTHER_COUNTER = "u_other";
/**
 * Adds up the user counters beyond the limit under one name. Users choose the names of their counters, so an item would
 * grow with every name. The other values are left as they are.
 */
export function boundedCounters<Value>(add: Record<string, Value | number>): Record<string, Value | number> {
  const names = Object.keys(add).filter((name) => name.startsWith("u_") && name !== OTHER_COUNTER);
  if (names.length <= LIMITS.userCounters) return add;
  const bounded = { ...add };
  for (const name of names.sort().slice(LIMITS.userCounters)) {
    bounded[OTHER_COUNTER] = ((bounded[OTHER_COUNTER] as number | undefined) ?? 0) + (bounded[name] as number);
    delete bounded[name];
  }
  return bounded;
}
/** Returns the counts to add to the group above, without those that belong to one group only. */
export function carriedUp(counts: Counts | undefined): Counts {
  if (!counts) return NO_COUNTS;
  if (!("failedMembers" in counts) && !("members" in counts)) return counts;
  const { failedMembers: _failed, members: _members, ...rest } = counts;
  return rest;
}
/**
 * Returns the counts of callbacks, with failures counted as `ignored`. How a callback ends does not count against its
 * job, and its items are counted by the run beside it already.
 */
export function ignoredFailures(vectors: readonly (Counts | undefined)[]): Counts {
  const { error = 0, broken = 0, cancelled = 0, ...more } = carriedUp(addCounts(...vectors));
  const rest: Counts = Object.fromEntries(Object.entries(more).filter(([name]) => !isItemCounter(name)));
  const ignored = (rest["ignored"] ?? 0) + error + broken + cancelled;
  return ignored > 0 ? { ...rest, ignored } : rest;
}
/** Returns the number of task runs that ended in failure. */
export function failedRuns(counts: Counts): number {
  return (counts["error"] ?? 0) + (counts["broken"] ?? 0) + (counts["cancelled"] ?? 0);
}
/**
 * Returns whether failures may lie behind these counts. A snapshot may lack the run whose failure decided its group
 * early.
 */
export function mayHaveFailed(counts: Counts): boolean {
  return failedRuns(counts) + (counts["failedMembers"] ?? 0) + (counts["inexact"] ?? 0) > 0;
}
/** Returns the number of all ended task runs. User counters are no runs. */
export function endedRuns(counts: Counts): number {
  return TERMINAL_STATUSES.reduce((sum, status) => sum + (counts[status] ?? 0), counts["ignored"] ?? 0);
}
