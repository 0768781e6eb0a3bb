import { addCounts, type Counts } from "../../functions/core/plan/counts.ts";
import { isFailure } from "../../functions/core/plan/run-state.ts";
import { type ItemCounts, itemTotal } from "../../functions/core/task/item-counts.ts";
import type { Header, Run } from "../../functions/engine/item-kinds.ts";
import type { Ended } from "./reference-values.ts";
import { itemsReported } from "./report-watch.ts";
import type { Script } from "./script.ts";

const HANDED_OVER = ["h_processed", "h_skipped", "h_reports"] as const;

/** Returns the counters of a run of a script that ended well. */
export function countersOf(script: Script): Counts {
  const { counters = {}, items = script.reports === undefined ? undefined : itemsReported(script) } = script;
  const own = Object.fromEntries(Object.entries(counters).map(([name, count]) => [`u_${name}`, count]));
  return items === undefined ? own : { ...own, ...countersIn(items), h_reports: 1 };
}
/** Returns the items that an owner of an open group has counted, which it says with the seal. */
export function sealedItems({ memberCount, cut }: Partial<Header> = {}, { items }: Script): Counts {
  const sealed = memberCount !== undefined && cut === undefined;
  return items === undefined || !sealed ? {} : { ...countersIn(items), h_reports: 1 };
}
/** Returns items as counters. */
export function countersIn(items: Partial<ItemCounts>): Counts {
  const { processed = 0, skipped = 0, failures = 0, aborted = 0, inprogress = 0 } = items;
  const all = {
    h_processed: processed,
    h_skipped: skipped,
    i_failures: failures,
    i_aborted: aborted,
    i_inprogress: inprogress,
  };
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count !== 0));
}
/** Returns the counts of steps with those of the next one. What was handed over to it counts in its states only. */
export function withStep(before: Counts, step: Counts): Counts {
  const all: Record<string, number> = { ...addCounts(before, step) };
  if ((step["h_reports"] ?? 0) > 0) for (const name of HANDED_OVER) all[name] = step[name] ?? 0;
  return all;
}
/**
 * Returns the counts of steps with those of the next one, which may have failed after it had reported some items. One
 * that waited for children had ended well by itself, so its counts have what it reported.
 */
export function withRun(
  before: Counts,
  { status, counts = {} }: Ended,
  { joins }: Pick<Run, "joins">,
  reported: ItemCounts,
): Counts {
  let left = itemTotal(reported);
  if (left === 0 || joins !== undefined || status === "cut" || status === "success") return withStep(before, counts);
  const after = { ...withStep(before, { ...counts, ...countersIn(reported), h_reports: 1 }) };
  if (!isFailure(status)) return after;
  for (const name of ["h_processed", "h_skipped"] as const) {
    const count = before[name] ?? 0;
    after[name] = (after[name] ?? 0) + Math.max(0, count - left);
    left = Math.max(0, left - count);
  }
  return after;
}
