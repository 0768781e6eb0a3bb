import { descendantsOf } from "../../core/dag/order.ts";
import { addCounts, type Counts, minusCounts } from "../../core/plan/counts.ts";
import { expectedMarks, localIndex } from "../../core/plan/ledger.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { linksOf } from "../groups/link-groups.ts";
import { type Beside, leftCounts, marksOf } from "../groups/member-marks.ts";
import { asLedger, attributesOf, type Header, ledgerKey, ownedBy, type Run } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import { readHeader } from "../items/header-reads.ts";
import { rowlessMembers } from "../items/ledger-parts.ts";
import { countersOf, doneOf, readCurrent, readLedger } from "../items/ledger-reads.ts";
import { childGroup, currentRows, readLeaf } from "../items/run-reads.ts";
import { strandOf } from "../plan/strands.ts";
import type { RetrySelection } from "../requests.ts";
import { parentsIn } from "../waits/nodes.ts";
import { cutLinks, hasUncalledErrors } from "./cut-links.ts";
import { membersNamed, needsRetry } from "./selection.ts";
import { type NodeAt, suspectNodes } from "./suspect-leaves.ts";

/** Nodes of one level that are read and written at the same time. */
const AT_ONCE = 8;

/**
 * Writes the ledger of the next round: nodes of that round wherever members run again, on the way from there to the
 * root, and the root. All other nodes stay as they are, and count by their mark in the node above. A new node is the old one without
 * the members that run again, and without what these had counted.
 *
 *     round 0            { 0 1 2 3 }                round 1             { 0 1 - 3 }
 *                       /   |   |   \                                  /   |   |   \
 *                     ..   ..  {5:error}  ..       (stay)            ..   .. { - }  ..     <- two nodes written
 *
 * Nothing of the round counts before its header is written. So the order is: nodes, header, members. Costs a write for
 * each such node, and a read for each leaf with failures.
 */
export async function reopenLedger(
  context: Context,
  header: Header,
  round: number,
  selection: RetrySelection,
): Promise<void> {
  const rerun = header.graph && (await rerunInGraph(context, header, selection));
  const reopening = {
    context,
    header,
    round,
    selection,
    rerun,
    // Members that an early decision has cancelled run again with those that are named.
    members: rerun ?? (header.early ? undefined : membersNamed(header.gid, selection.filter)),
  };
  if (header.memberCount === undefined) return reopenUnsealed(reopening);
  if (header.memberCount === 0) return;
  const root = { level: header.height, node: 0 };
  await reopenNode(reopening, { ...root, item: await readCurrent(context, header, root) });
}
interface Reopening {
  readonly context: Context;
  readonly header: Header;
  readonly round: number;
  readonly selection: RetrySelection;
  readonly members: ReadonlySet<number> | undefined;
  /** Set only for a graph: the members that run again, some because one that they follow does. */
  readonly rerun?: ReadonlySet<number> | undefined;
}

/** How a node changes: places of members or of nodes below that it loses, and the counters that it has then. */
interface Loss {
  readonly places: number[];
  /** Full nodes below that were not marked here, because the group decided before that. */
  readonly missed: number[];
  counts: Counts;
}
/** Returns whether a node counts as full in this round too, and its counters: then those of now, else the old ones. */
async function reopenNode(
  reopening: Reopening,
  at: NodeAt,
): Promise<{ readonly counts: Counts; readonly stays: boolean }> {
  const { context, header } = reopening;
  const old = countersOf(at.item);
  const lost = at.level === 1 ? await lossOfLeaf(reopening, at) : await lossOfNode(reopening, at);
  const expected = expectedMarks(header.memberCount, header.height, at, context.config.width) ?? Infinity;
  const full = lost.places.length === 0 && doneOf(at.item).size + lost.missed.length >= expected;
  // The root is written in any case, because the round is decided by it.
  const stays = full && at.level < header.height;
  if (!stays || lost.missed.length > 0) await putNode(reopening, at, lost);
  return { counts: stays ? lost.counts : old, stays };
}
async function lossOfNode(reopening: Reopening, at: NodeAt): Promise<Loss> {
  const { context, header, members } = reopening;
  const lost: Loss = { places: [], missed: [], counts: countersOf(at.item) };
  const done = doneOf(at.item);
  await eachBounded(await suspectNodes(context, header, at, members), AT_ONCE, async (below) => {
    const { counts, stays } = await reopenNode(reopening, below);
    const place = localIndex(below.node, context.config.width);
    if (stays === done.has(place)) return;
    (stays ? lost.missed : lost.places).push(place);
    lost.counts = stays ? addCounts(lost.counts, counts) : minusCounts(lost.counts, counts);
  });
  return lost;
}
async function lossOfLeaf({ context, header, selection, rerun }: Reopening, at: NodeAt): Promise<Loss> {
  const { width } = context.config;
  const lost: Loss = { places: [], missed: [], counts: countersOf(at.item) };
  const done = doneOf(at.item);
  const rowless = rowlessMembers(at.item);
  const strands = new Map<number, Run[]>();
  for (const run of currentRows(await readLeaf(context, header.gid, at.node)))
    strands.set(run.index, [...(strands.get(run.index) ?? []), run]);
  for (const [index, runs] of strands) {
    const last = runs.at(-1) as Run;
    const local = localIndex(index, width);
    if (!done.has(local) || rowless.has(local)) continue;
    if (!(rerun ? rerun.has(index) : await runsAgain(context, header, runs, selection))) continue;
    lost.places.push(local);
    lost.counts = minusCounts(lost.counts, marksOf(last, await besideOf(context, header, last)));
  }
  return lost;
}
async function besideOf(context: Context, header: Header, last: Run): Promise<Beside> {
  const links = await linksOf(context, last, (await strandOf(context, header, last)).strand);
  const left =
    isFailure(last.status) && last.joins === undefined ? await readHeader(context, childGroup(last)) : undefined;
  return { links: links.counts, left: left?.outcome === undefined ? undefined : leftCounts(left) };
}
/**
 * Returns the members of a graph that run again: those that need it, and, unless the retry keeps them, those below. What
 * has not ended does not count, because nothing below it has begun.
 */
async function rerunInGraph(context: Context, header: Header, selection: RetrySelection): Promise<ReadonlySet<number>> {
  const { width } = context.config;
  const needed = new Set<number>();
  for (let leaf = 0; leaf * width < (header.memberCount ?? 0); leaf++) {
    for (const run of currentRows(await readLeaf(context, header.gid, leaf)))
      if (!needed.has(run.index) && (await runsAgain(context, header, [run], selection))) needed.add(run.index);
  }
  if (selection.keepDownstream) return needed;
  return new Set([...needed, ...descendantsOf(await parentsIn(context, header), needed)]);
}
/** Whether a step of a member runs again, or links beside it: a group that decides early marks members without these. */
async function runsAgain(
  context: Context,
  header: Header,
  runs: readonly Run[],
  selection: RetrySelection,
): Promise<boolean> {
  for (const run of runs) {
    if (await needsRetry(context, header, run, selection)) return true;
    if (!header.early) continue;
    if ((await cutLinks(context, header, run)) !== undefined || (await hasUncalledErrors(context, header, run)))
      return true;
  }
  return false;
}
/** Puts a node of the round. A node that is there was written by an earlier try, or by a mark of this round. */
async function putNode(
  { context, header, round }: Reopening,
  at: NodeAt,
  { places, missed, counts }: Loss,
): Promise<void> {
  const done = new Set([...doneOf(at.item), ...missed]);
  for (const place of places) done.delete(place);
  const { parts } = asLedger(at.item) ?? {};
  const attributes = {
    ...attributesOf(ownedBy(header)),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    ...(done.size > 0 && { done }),
    ...(parts !== undefined && { parts }),
  };
  const key = ledgerKey(header.gid, round, at.level, at.node);
  await context.store.write({ op: "put", key, attributes, when: absent() });
}

/**
 * Writes all nodes of an open group without a seal. Its ledger is two levels high, and grows on in this round. Only
 * full leaves are marked in its root.
 */
async function reopenUnsealed(reopening: Reopening): Promise<void> {
  const { context, header } = reopening;
  const root = {
    level: header.height,
    node: 0,
    item: await readLedger(context, { gid: header.gid, round: header.round, level: header.height, node: 0 }),
  };
  const lost: Loss = { places: [], missed: [], counts: countersOf(root.item) };
  for (let leaf = 0; leaf < context.config.width; leaf++) {
    const at = { level: 1, node: leaf };
    const item = await readCurrent(context, header, at);
    if (!item && (await readLeaf(context, header.gid, leaf)).length === 0) break;
    const ofLeaf = await lossOfLeaf(reopening, { ...at, item });
    await putNode(reopening, { ...at, item }, ofLeaf);
    // The last leaf counted as full by a seal that the group loses.
    const full = doneOf(item).size === context.config.width && ofLeaf.places.length === 0;
    if (full || !doneOf(root.item).has(leaf)) continue;
    lost.places.push(leaf);
    lost.counts = minusCounts(lost.counts, countersOf(item));
  }
  await putNode(reopening, root, lost);
}
