import { LIMITS } from "../../core/limits.ts";
import { type Counts, PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import type { Context } from "../context.ts";
import { ledgerKey, type Owned } from "../item-kinds.ts";
import { and, contains, not } from "../items/conditions.ts";
import { partEntry } from "../items/ledger-parts.ts";
import { doneOf, type LedgerAt } from "../items/ledger-reads.ts";
import { type Attributes, type Item, type Key, PortError, type WriteOp } from "../ports.ts";

/** A condition may name this many indexes (DynamoDB allows 300 operators in an expression). */
const MARKS_PER_WRITE = 100;

/**
 * Adds member indexes and their counters to a node, each exactly once: the condition refuses a set that is already there, and the refusal shows which
 * ones are, so the rest is tried again. Either way the node is in hand afterwards. One write unit per hundred marks, plus one per overlap.
 */
export async function markLedger(context: Context, at: LedgerAt, marks: ReadonlyMap<number, Counts>, owned: Owned, part?: string): Promise<Item | undefined> {
  const key = ledgerKey(at.gid, at.round, at.level, at.node);
  let missing = [...marks.keys()];
  let node: Item | undefined;
  while (missing.length > 0) {
    const sets: number[][] = [];
    for (let from = 0; from < missing.length; from += MARKS_PER_WRITE) sets.push(missing.slice(from, from + MARKS_PER_WRITE));
    const results = await context.store.writeMany(sets.map((now) => markOp(key, now, marks, owned, part)));
    const there = new Set<number>();
    for (const [k, { applied, item }] of results.entries()) {
      if (!applied && !item) throw new PortError("ambiguous", "a mark was refused by a node that is not there");
      for (const index of applied ? (sets[k] as number[]) : doneOf(item)) there.add(index);
      // Nothing leaves a node: of two that were seen, the one with more marks is the later one.
      if (!node || doneOf(item).size >= doneOf(node).size) node = item;
    }
    missing = missing.filter((index) => !there.has(index));
  }
  return node;
}
function markOp(key: Key, now: readonly number[], marks: ReadonlyMap<number, Counts>, owned: Owned, part: string | undefined): WriteOp {
  const add: Record<string, number | ReadonlySet<number> | ReadonlySet<string>> = { done: new Set(now) };
  if (part !== undefined) add["parts"] = new Set([partEntry(part, now)]);
  let plain = 0;
  for (const index of now) {
    const counts = marks.get(index) as Counts;
    if (counts === PLAIN_SUCCESS) plain++;
    else for (const [name, count] of Object.entries(counts)) if (count !== 0) add[name] = ((add[name] as number | undefined) ?? 0) + count;
  }
  if (plain > 0) add["success"] = ((add["success"] as number | undefined) ?? 0) + plain;
  const change = { add: boundedCounters(add), setOnce: owned as unknown as Attributes };
  return { op: "update", key, change, when: and(...now.map((index) => not(contains("done", index)))) };
}

/** User counters have names of their own making: a node distinguishes a bounded number of them, so that it stays small whatever its members count. */
function boundedCounters(add: Record<string, number | ReadonlySet<number> | ReadonlySet<string>>): typeof add {
  const names = Object.keys(add).filter((name) => name.startsWith("u_") && name !== OTHER);
  if (names.length <= LIMITS.userCounters) return add;
  const bounded = { ...add };
  for (const name of names.sort().slice(LIMITS.userCounters)) {
    bounded[OTHER] = ((bounded[OTHER] as number | undefined) ?? 0) + (bounded[name] as number);
    delete bounded[name];
  }
  return bounded;
}
const OTHER = "u_other";
