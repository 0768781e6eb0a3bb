/**
 * Arithmetic of the ledger tree. Members 0..N-1 are marked in leaves of `width` members. A full node is marked in its
 * parent, `width` nodes to a parent, up to one root at `level = height`. Leaves are at level 1. No node gets more than
 * `width` distinct marks.
 */
export interface LedgerNode {
  readonly level: number;
  readonly node: number;
}

/** Returns the smallest height, at least 1, of a tree with room for this many members. */
export function ledgerHeight(members: number, width: number): number {
  let height = 1;
  for (let room = width; room < members; room *= width) height++;
  return height;
}
/** Returns the leaf of a member. */
export function leafOf(index: number, width: number): number {
  return Math.floor(index / width);
}
/** Returns the index of a member or node within its node. */
export function localIndex(index: number, width: number): number {
  return index % width;
}
/**
 * Returns how many marks make a node full. Returns undefined while that is unknown: an unsealed group has no size yet,
 * so only inner nodes (below the root) of full width can be complete.
 */
export function expectedMarks(
  memberCount: number | undefined,
  height: number,
  at: LedgerNode,
  width: number,
): number | undefined {
  if (memberCount === undefined) return at.level < height ? width : undefined;
  let count = memberCount;
  for (let level = 1; level < at.level; level++) count = Math.ceil(count / width);
  return Math.min(width, count - at.node * width);
}
/** Returns the last node of each level, from the leaf up. Sealing changes the expected marks of these nodes only. */
export function rightEdge(memberCount: number, height: number, width: number): LedgerNode[] {
  const edge: LedgerNode[] = [];
  for (let level = 1, count = memberCount; level <= height; level++) {
    count = Math.ceil(count / width);
    edge.push({ level, node: count - 1 });
  }
  return edge;
}
