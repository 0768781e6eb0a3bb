import { type ErrorCode, FanfoldError } from "../errors.ts";
import { jsonPointer } from "../json-pointer.ts";
import { LIMITS } from "../limits.ts";
import { orderOf } from "./order.ts";

/** A node of a graph as somebody wrote it: its id, and the ids of the nodes that it follows. */
export interface NamedNode {
  readonly id: string;
  readonly parents?: readonly string[] | undefined;
}

/**
 * Returns the parents of each node by their places. Only the first node may leave its parents out. Any other one that
 * follows nothing must say so by an empty list, because forgotten parents would make it run beside what it should
 * follow.
 * @throws FanfoldError `parents_missing`, `parent_unknown`, `parent_duplicate`, `parent_cycle`, `too_many_children`, or
 *   `invalid_canvas` for an id that two nodes have. `details.field` is a pointer below `path`.
 */
export function parentsOf(
  nodes: readonly NamedNode[],
  path: readonly (string | number)[] = [],
): readonly (readonly number[])[] {
  const fail = (code: ErrorCode, problem: string, ...at: (string | number)[]): never => {
    const field = jsonPointer([...path, ...at]);
    throw new FanfoldError(code, problem, { details: { field } });
  };
  if (nodes.length > LIMITS.graphNodes)
    fail("too_many_children", `a graph has ${nodes.length} nodes; at most ${LIMITS.graphNodes} are allowed`);
  const places = new Map<string, number>();
  for (const [k, { id }] of nodes.entries()) {
    if (places.has(id)) fail("invalid_canvas", `two nodes have the id ${id}`, k, "id");
    places.set(id, k);
  }
  const parents = nodes.map(({ id, parents: given }, k) => {
    if (given === undefined && k > 0)
      fail("parents_missing", `node ${id} names no parents: give [] if it is to start at once`, k, "parents");
    const names = given ?? [];
    if (names.length > LIMITS.nodeParents)
      fail(
        "too_many_children",
        `node ${id} has ${names.length} parents; at most ${LIMITS.nodeParents} are allowed`,
        k,
        "parents",
      );
    return names.map((name, at) => {
      if (names.indexOf(name) < at)
        fail("parent_duplicate", `node ${id} names its parent ${name} twice`, k, "parents", at);
      return (
        places.get(name) ??
        fail("parent_unknown", `node ${id} follows ${name}, which is no node of the graph`, k, "parents", at)
      );
    });
  });
  const { cycle } = orderOf(parents);
  if (cycle) {
    const names = [...cycle, cycle[0] as number].map((place) => nodes[place]?.id).join(", which follows ");
    fail("parent_cycle", `the graph has a cycle: ${names}`, cycle[0] as number, "parents");
  }
  return parents;
}
