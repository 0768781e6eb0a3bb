import type { Context } from "../context.ts";
import type { KeptEnd } from "../item-kinds.ts";
import { outcomeOf } from "./edge-items.ts";
import type { Identity } from "./identity-items.ts";

/**
 * Returns the end of an identity, as a later round keeps it while it finds out whether it still holds. `outcomeHash`
 * stays, because results are compared by the round that has made them.
 */
export function keptEnd(context: Context, { header, run }: Identity): KeptEnd {
  const all: { [name: string]: unknown } = {};
  for (const name of KEPT) if (run[name] !== undefined) all[name] = run[name];
  if (run.collects !== undefined) {
    all["outcomeHash"] = outcomeOf(context, run);
    all["resultsUntil"] = run.resultsUntil ?? header.ttl;
  }
  return all as KeptEnd;
}
const KEPT = [
  "status",
  "since",
  "version",
  "startedAt",
  "endedAt",
  "error",
  "counts",
  "ownCounts",
  "value",
  "valueRef",
  "valueHash",
  "collects",
  "outcomeHash",
  "resultsUntil",
  "joins",
  "takes",
  "manifest",
] as const;
