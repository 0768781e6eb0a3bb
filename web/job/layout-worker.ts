import * as dagre from "@dagrejs/dagre";
import type { Layout, LayoutRequest } from "./layout-message.ts";

addEventListener("message", ({ data }: MessageEvent<LayoutRequest>) => postMessage(layOut(data)));

function layOut({ number, nodes, edges }: LayoutRequest): Layout {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 46, marginx: 16, marginy: 16 });
  for (const { id, width, height } of nodes) graph.setNode(id, { width, height });
  edges.forEach(({ from, to }, at) => graph.setEdge(from, to, {}, String(at)));
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    number,
    width: Number.isFinite(width) ? width : 0,
    height: Number.isFinite(height) ? height : 0,
    places: Object.fromEntries(
      nodes.map(({ id }) => {
        const { x, y } = graph.node(id) as { x: number; y: number };
        return [id, { x, y }];
      }),
    ),
    lines: edges.map(
      ({ from, to }, at) => (graph.edge(from, to, String(at)) as { points: Layout["lines"][number] }).points,
    ),
  };
}
