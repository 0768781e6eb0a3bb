import type { Counts } from "../../core/plan/counts.ts";
import type { Context } from "../context.ts";
import { asLedger, ledgerKey } from "../item-kinds.ts";
import type { Item } from "../ports.ts";

export interface LedgerAt {
  readonly gid: string;
  readonly round: number;
  readonly level: number;
  readonly node: number;
}
const NOT_COUNTERS: ReadonlySet<string> = new Set(["done", "v", "jobId", "ttl"]);

export function countersOf(item: Item | undefined): Counts {
  const counts: Record<string, number> = {};
  for (const [name, value] of Object.entries(item?.attributes ?? {})) if (typeof value === "number" && !NOT_COUNTERS.has(name)) counts[name] = value;
  return counts;
}
export function doneOf(item: Item | undefined): ReadonlySet<number> {
  return asLedger(item)?.done ?? new Set();
}
export async function readLedger(context: Context, at: LedgerAt): Promise<Item | undefined> {
  return context.store.get(ledgerKey(at.gid, at.round, at.level, at.node), { consistent: true });
}
export async function readLedgers(context: Context, nodes: readonly LedgerAt[]): Promise<readonly (Item | undefined)[]> {
  const items: (Item | undefined)[] = [];
  for (let from = 0; from < nodes.length; from += 100) {
    const keys = nodes.slice(from, from + 100).map(({ gid, round, level, node }) => ledgerKey(gid, round, level, node));
    items.push(...(await context.store.getMany(keys)));
  }
  return items;
}
