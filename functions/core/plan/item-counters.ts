import { addCounts, type Counts, isItemCounter } from "./counts.ts";
import { type ItemCounts, itemTotal, NO_ITEMS } from "../task/item-counts.ts";

/** Counters of items in a vector. Those with `h_` are of items that were handed over. */
const COUNTERS = {
  processed: "h_processed",
  skipped: "h_skipped",
  failures: "i_failures",
  aborted: "i_aborted",
  inprogress: "i_inprogress",
} as const satisfies Record<keyof ItemCounts, string>;
/** Counts the runs that have counted items. It says that a vector is of a later step, also when no items went on. */
const REPORTS = "h_reports";

/** Returns the counters of a run that has counted its items. */
export function itemCounters(items: Partial<ItemCounts>): Counts {
  const counted = Object.entries(COUNTERS).map(
    ([state, name]) => [name, items[state as keyof ItemCounts] ?? 0] as const,
  );
  return { ...Object.fromEntries(counted.filter(([, count]) => count !== 0)), [REPORTS]: 1 };
}
/**
 * Returns the counters of a strand after a step. Items that were handed to a step which counted its own are in the
 * states of that step now, so they are not counted twice. A step that counts no items leaves them as they are.
 */
export function afterStep(carry: Counts | undefined, own: Counts): Counts {
  return addCounts(reports(own) ? withoutHandedOver(carry) : carry, own);
}
function withoutHandedOver(counts: Counts | undefined): Counts | undefined {
  if (counts === undefined || !reports(counts)) return counts;
  return Object.fromEntries(Object.entries(counts).filter(([name]) => !name.startsWith("h_")));
}
/** A round may leave a counter at 0 whose members all run again. */
const reports = (counts: Counts): boolean => (counts[REPORTS] ?? 0) > 0;
/** Returns what a step changes in the counters of items of its strand. */
export function itemChange(carry: Counts | undefined, own: Counts | undefined): Counts {
  if (own === undefined || !reports(own)) return {};
  const change: Record<string, number> = {};
  for (const [name, count] of Object.entries(own)) if (isItemCounter(name)) change[name] = count;
  for (const [name, count] of Object.entries(carry ?? {}))
    if (name.startsWith("h_")) change[name] = (change[name] ?? 0) - count;
  return change;
}
/**
 * Returns the counters of a run that has reported only some of its items, because it goes on or has failed. The others
 * are in the state of the step before.
 */
export function partialCounters(carry: Counts | undefined, items: ItemCounts): Counts {
  return addCounts(itemCounters(items), unreported(carry, itemTotal(items)));
}
/** Returns the items of the step before that are left when the next one has reported so many. */
function unreported(carry: Counts | undefined, reported: number): Counts {
  let left = reported;
  const rest: Record<string, number> = {};
  for (const name of [COUNTERS.processed, COUNTERS.skipped]) {
    const count = carry?.[name] ?? 0;
    rest[name] = Math.max(0, count - left);
    left = Math.max(0, left - count);
  }
  return Object.fromEntries(Object.entries(rest).filter(([, count]) => count !== 0));
}
/**
 * Returns what the end of a run changes in the items of its strand, when its reports were counted as they came. Only the
 * items that a success has not reported leave the state of the step before.
 */
export function endChange(carry: Counts | undefined, own: Counts | undefined, succeeded: boolean): Counts {
  if (!succeeded || own === undefined) return {};
  const items = splitItems(own).items ?? NO_ITEMS;
  return Object.fromEntries(Object.entries(unreported(carry, itemTotal(items))).map(([name, count]) => [name, -count]));
}
/** Returns the number of items that failed. */
export function failedItems(counts: Counts): number {
  return counts[COUNTERS.failures] ?? 0;
}
/** Returns a vector without the counters of items, and the items that it counted, if it counted any. */
export function splitItems(counts: Counts): { readonly counts: Counts; readonly items?: ItemCounts } {
  if (!Object.keys(counts).some(isItemCounter)) return { counts };
  const items = Object.fromEntries(
    Object.entries(COUNTERS).map(([state, name]) => [state, Math.max(0, counts[name] ?? 0)]),
  );
  return {
    counts: Object.fromEntries(Object.entries(counts).filter(([name]) => !isItemCounter(name))),
    items: items as unknown as ItemCounts,
  };
}
