/**
 * Arithmetic of the ledger tree. Members 0..N-1 are marked in leaves of `width` members; a full node is marked in its parent, `width` nodes to a
 * parent, up to one root at `level = height`. Leaves are level 1. No node ever gets more than `width` useful marks.
 */
export interface LedgerNode {
  readonly level: number;
  readonly node: number;
}

/** Smallest height, at least 1, whose tree has room for so many members. */
export function ledgerHeight(members: number, width: number): number {
  let height = 1;
  for (let room = width; room < members; room *= width) height++;
  return height;
}
export function leafOf(index: number, width: number): number {
  return Math.floor(index / width);
}
/** Index within its node. */
export function localIndex(index: number, width: number): number {
  return index % width;
}
/**
 * How many marks make this node full; undefined while that is not known: the size of an unsealed group is unknown, then only an inner node (below
 * the root) of full width is complete.
 */
export function expectedMarks(memberCount: number | undefined, height: number, at: LedgerNode, width: number): number | undefined {
  if (memberCount === undefined) return at.level < height ? width : undefined;
  let count = memberCount;
  for (let level = 1; level < at.level; level++) count = Math.ceil(count / width);
  return Math.min(width, count - at.node * width);
}
/** The last node of each level, leaf first: where sealing changes what is expected. */
export function rightEdge(memberCount: number, height: number, width: number): LedgerNode[] {
  const edge: LedgerNode[] = [];
  for (let level = 1, count = memberCount; level <= height; level++) {
    count = Math.ceil(count / width);
    edge.push({ level, node: count - 1 });
  }
  return edge;
}
