import type { Canvas, FailurePolicy, Graph, GraphNode } from "../../functions/core/canvas/canvas.ts";
import type { Random } from "./random.ts";

/** What a random graph is made of. */
export interface GraphParts {
  /** Makes a node. One that follows several others begins with a task. */
  readonly node: (joins: boolean) => Canvas;
  readonly policy: () => FailurePolicy;
}

/** Makes a random graph now and then. Its nodes are given in any order, and some follow none. */
export function graphNowAndThen(random: Random | undefined, { node, policy }: GraphParts): Graph | undefined {
  if (!random?.chance(0.6)) return undefined;
  const nodes: GraphNode[] = [];
  for (let k = 2 + random.int(6); k > 0; k--) {
    const before = nodes.map(({ id }) => id);
    const wanted = before.length === 0 || random.chance(0.15) ? 0 : random.chance(0.55) ? 1 : 2 + random.int(2);
    const parents = new Set(Array.from({ length: wanted }, () => random.pick(before)));
    nodes.push({ id: `n${k}`, do: node(parents.size > 1), parents: [...parents] });
  }
  const options = { ...(random.chance(0.7) && { policy: policy() }) };
  return { kind: "graph", nodes: random.chance(0.3) ? nodes.toReversed() : nodes, options };
}
