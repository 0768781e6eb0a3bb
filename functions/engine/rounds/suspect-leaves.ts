import { mayHaveFailed } from "../../core/plan/counts.ts";
import { expectedMarks, type LedgerNode, localIndex } from "../../core/plan/ledger.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { countersOf, doneOf, readCurrent, readCurrents } from "../items/ledger-reads.ts";
import { readLeaf } from "../items/run-reads.ts";
import type { Item } from "../ports.ts";

/** A node of a ledger, and its item if it has one. */
export interface NodeAt extends LedgerNode {
  readonly item: Item | undefined;
}

/**
 * Returns the nodes below a node in which members failed or have not ended. Counters add up on the way to the root, so
 * nodes without failures are never read. `members` limits the search to the leaves of these members, and to what has
 * not ended.
 */
export async function suspectNodes(
  context: Context,
  header: Header,
  { level, node, item }: NodeAt,
  members?: ReadonlySet<number>,
): Promise<readonly NodeAt[]> {
  const { width } = context.config;
  const done = doneOf(item);
  const count = expectedMarks(header.memberCount, header.height, { level, node }, width) ?? width;
  const failing = mayHaveFailed(countersOf(item));
  const size = width ** (level - 1);
  const named = members && new Set([...members].map((member) => Math.floor(member / size)));
  const below = Array.from({ length: count }, (_, k) => ({ level: level - 1, node: node * width + k })).filter(
    (at) => !done.has(localIndex(at.node, width)) || (named ? named.has(at.node) : failing),
  );
  const items = await readCurrents(context, header, below);
  return below
    .map((at, k) => ({ ...at, item: items[k] }))
    .filter((at) => !done.has(localIndex(at.node, width)) || named || mayHaveFailed(countersOf(at.item)));
}

/** Yields the leaves of a group in which members failed or have not ended, in order. */
export async function* suspectLeaves(
  context: Context,
  header: Header,
  members?: ReadonlySet<number>,
): AsyncGenerator<number, void, undefined> {
  if (header.memberCount === 0) return;
  if (header.memberCount === undefined) {
    for (let leaf = 0; (await readLeaf(context, header.gid, leaf)).length > 0; leaf++) yield leaf;
    return;
  }
  const root = { level: header.height, node: 0 };
  yield* below(context, header, { ...root, item: await readCurrent(context, header, root) }, members);
}
async function* below(
  context: Context,
  header: Header,
  at: NodeAt,
  members: ReadonlySet<number> | undefined,
): AsyncGenerator<number, void, undefined> {
  if (at.level === 1) return yield at.node;
  for (const each of await suspectNodes(context, header, at, members)) yield* below(context, header, each, members);
}
