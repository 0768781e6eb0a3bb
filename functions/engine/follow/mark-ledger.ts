import { boundedCounters, type Counts, PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import type { Context } from "../context.ts";
import { attributesOf, ledgerKey, type Owned } from "../item-kinds.ts";
import { and, contains, not, present } from "../items/conditions.ts";
import { partEntry } from "../items/ledger-parts.ts";
import { doneOf } from "../items/ledger-reads.ts";
import { type Item, type Key, PortError, type WriteOp } from "../ports.ts";
import type { MarkItem } from "./work-list.ts";

/** Most indexes that one condition names. DynamoDB allows 300 operators in an expression. */
const MARKS_PER_WRITE = 100;

/**
 * Adds member indexes and their counters to a node, each exactly once. The condition refuses a set when one of its
 * indexes is already marked. The refusal shows which are marked, so the others are tried again. Returns the node after
 * the writes. With `existingOnly` a node that is not there was full in an earlier round, and is not created. Costs one
 * write unit per hundred marks, plus one per overlap.
 */
export async function markLedger(
  context: Context,
  { at, marks, owned, part, existingOnly = false }: MarkItem,
): Promise<Item | undefined> {
  const key = ledgerKey(at.gid, at.round, at.level, at.node);
  let missing = [...marks.keys()];
  let node: Item | undefined;
  while (missing.length > 0) {
    const sets: number[][] = [];
    for (let from = 0; from < missing.length; from += MARKS_PER_WRITE)
      sets.push(missing.slice(from, from + MARKS_PER_WRITE));
    const results = await context.store.writeMany(
      sets.map((indexes) => markOp(key, indexes, marks, owned, part, existingOnly)),
    );
    const marked = new Set<number>();
    for (const [k, { applied, item }] of results.entries()) {
      if (!applied && !item && existingOnly) return undefined;
      if (!applied && !item) throw new PortError("ambiguous", "a mark was refused by a node that is not there");
      for (const index of applied ? (sets[k] as number[]) : doneOf(item)) marked.add(index);
      // Marks are never removed, so of two reads of a node the one with more marks is the later one.
      if (!node || doneOf(item).size >= doneOf(node).size) node = item;
    }
    missing = missing.filter((index) => !marked.has(index));
  }
  return node;
}
function markOp(
  key: Key,
  indexes: readonly number[],
  marks: ReadonlyMap<number, Counts>,
  owned: Owned,
  part: string | undefined,
  existingOnly: boolean,
): WriteOp {
  const add: Record<string, number | ReadonlySet<number> | ReadonlySet<string>> = { done: new Set(indexes) };
  if (part !== undefined) add["parts"] = new Set([partEntry(part, indexes)]);
  let plain = 0;
  for (const index of indexes) {
    const counts = marks.get(index) as Counts;
    if (counts === PLAIN_SUCCESS) plain++;
    else
      for (const [name, count] of Object.entries(counts))
        if (count !== 0) add[name] = ((add[name] as number | undefined) ?? 0) + count;
  }
  if (plain > 0) add["success"] = ((add["success"] as number | undefined) ?? 0) + plain;
  const change = { add: boundedCounters(add), setOnce: attributesOf(owned) };
  const unmarked = indexes.map((index) => not(contains("done", index)));
  return { op: "update", key, change, when: existingOnly ? and(present(), ...unmarked) : and(...unmarked) };
}
