import { expectedMarks, leafOf, localIndex } from "../../core/plan/ledger.ts";
import { failsEarly, outcomeOf } from "../../core/plan/policy.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { countersOf, doneOf, type LedgerAt, marksExistingOnly } from "../items/ledger-reads.ts";
import type { Item } from "../ports.ts";
import { markLedger } from "./mark-ledger.ts";
import { decide, type MarkItem, type WorkList } from "./work-list.ts";

/** Marks a ledger node, and adds what follows to the work-list when the node is full. */
export async function followMark(context: Context, item: MarkItem, list: WorkList): Promise<void> {
  const { at, height } = item;
  const node = await markLedger(context, item);
  // The header is read AFTER the mark. The seal writes the member count and THEN reads nodes. So one of them sees both.
  const header = await readHeader(context, at.gid);
  if (header) propagate(context, header, { ...at, height }, node, list);
}

/** Counts the marks below the expected number. A page behind the seal may be marked, but does not count. */
function marksBelow(done: ReadonlySet<number>, expected: number): number {
  let count = 0;
  for (const index of done) if (index < expected) count++;
  return count;
}
/**
 * Adds to the work-list the mark of a full node in its parent, and the decision when the root is full. Without a member
 * count only full inner nodes are marked upward, and the root never decides.
 */
export function propagate(
  context: Context,
  header: Header,
  at: LedgerAt & { height: number },
  node: Item | undefined,
  list: WorkList,
): void {
  if (header.round !== at.round || !node) return;
  const totals = countersOf(node);
  const failedMembers = totals["failedMembers"] ?? 0;
  const { width } = context.config;
  const expected = expectedMarks(header.memberCount, at.height, at, width);
  if (expected === undefined || marksBelow(doneOf(node), expected) < expected) {
    // A group that has decided is decided again, because its writer may have died before the settle.
    if (failsEarly(header.policy, failedMembers)) list.push(decide(header, "failed"));
    return;
  }
  if (at.level < at.height) {
    list.push({
      kind: "mark",
      at: { gid: at.gid, round: at.round, level: at.level + 1, node: leafOf(at.node, width) },
      height: at.height,
      marks: new Map([[localIndex(at.node, width), totals]]),
      owned: ownedBy(header),
      existingOnly: marksExistingOnly(header),
    });
  } else {
    list.push(decide(header, outcomeOf(header.policy, failedMembers), totals));
  }
}
