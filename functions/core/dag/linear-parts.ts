import { childrenOf, orderOf, type Parents } from "./order.ts";

/** The parts of a graph that are lines, and for each part the parts that it follows. */
export interface LinearParts {
  /** The nodes of each part, first one first. */
  readonly parts: readonly (readonly number[])[];
  /** In the order in which the first node of the part names its parents. */
  readonly parents: Parents;
}

/**
 * Cuts a graph without cycles into lines that are as long as possible. Inside a line each node has one child, which has
 * no other parent. So every edge between two lines leaves the end of one and leads to the start of another.
 *
 *     a -> b -> c -+-> d ------+-> f -> g          [a b c] -+-> [d] ---+-> [f g]
 *                  +-> e ------+                            +-> [e] ---+
 *
 * A line comes after those that it follows.
 */
export function linearParts(parents: Parents): LinearParts {
  const children = childrenOf(parents);
  const partOf = new Map<number, number>();
  const parts: number[][] = [];
  for (const place of orderOf(parents).order) {
    const [only, ...others] = parents[place] ?? [];
    const continues = only !== undefined && others.length === 0 && children[only]?.length === 1;
    if (continues) {
      const part = partOf.get(only) as number;
      parts[part]?.push(place);
      partOf.set(place, part);
    } else partOf.set(place, parts.push([place]) - 1);
  }
  return {
    parts,
    parents: parts.map(([first]) => (parents[first as number] ?? []).map((parent) => partOf.get(parent) as number)),
  };
}
