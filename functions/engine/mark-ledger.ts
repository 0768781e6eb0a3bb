import type { Counts } from "../core/counts.ts";
import { and, contains, not } from "./conditions.ts";
import type { Context } from "./context.ts";
import { ledgerKey, type Owned } from "./items.ts";
import { doneOf, type LedgerAt } from "./ledger-reads.ts";
import { type Attributes, type Item, PortError } from "./ports.ts";

/** A condition may name this many indexes (DynamoDB allows 300 operators in an expression). */
const MARKS_PER_WRITE = 100;

/**
 * Adds member indexes and their counters to a node, each exactly once: the condition refuses a set that is already there, and the refusal shows which
 * ones are, so the rest is tried again. Either way the node is in hand afterwards. One write unit per call, plus one per overlap.
 */
export async function markLedger(context: Context, at: LedgerAt, marks: ReadonlyMap<number, Counts>, owned: Owned): Promise<Item | undefined> {
  const key = ledgerKey(at.gid, at.round, at.level, at.node);
  let missing = [...marks.keys()];
  let node: Item | undefined;
  while (missing.length > 0) {
    const now = missing.slice(0, MARKS_PER_WRITE);
    const add: Record<string, number | ReadonlySet<number>> = { done: new Set(now) };
    for (const index of now) {
      for (const [name, count] of Object.entries(marks.get(index) as Counts)) if (count !== 0) add[name] = ((add[name] as number | undefined) ?? 0) + count;
    }
    const { applied, item } = await context.store.write({
      op: "update",
      key,
      change: { add, setOnce: owned as unknown as Attributes },
      when: and(...now.map((index) => not(contains("done", index)))),
    });
    if (!applied && !item) throw new PortError("ambiguous", "a mark was refused by a node that is not there");
    node = item;
    const there = applied ? new Set(now) : doneOf(item);
    missing = missing.filter((index) => !there.has(index));
  }
  return node;
}
