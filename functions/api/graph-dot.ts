import type { GraphNode, JobGraph } from "../engine/contract.ts";

const COLORS: Readonly<Record<string, string>> = {
  success: "palegreen",
  complete: "palegreen",
  skipped: "lightgray",
  error: "lightcoral",
  broken: "lightcoral",
  failed: "lightcoral",
  timeout: "lightcoral",
  cancelled: "lightgray",
  dropped: "lightgray",
  started: "lightskyblue",
  retrying: "khaki",
  waiting: "lightyellow",
};
const SHAPES: Readonly<Record<GraphNode["kind"], string>> = { run: "box", group: "ellipse", fold: "box3d" };
const EDGE_STYLES: Readonly<Record<JobGraph["edges"][number]["kind"], string>> = {
  next: "style=solid",
  member: "style=dashed",
  joins: "style=dotted",
  link: 'style=bold, color=forestgreen, label="link"',
  linkError: 'style=bold, color=firebrick, label="link error"',
};

/** Returns the graph in the language of Graphviz: `fanfold graph ID --dot | dot -Tsvg`. */
export function graphToDot(graph: JobGraph): string {
  const nodes = graph.nodes.map((node) => {
    const what = node.count === undefined ? node.label : `${node.label} x ${node.count}`;
    const label = `${what}\n${node.status}${node.round === undefined ? "" : `\nround ${node.round}`}`;
    return `  ${quote(node.id)} [label=${quote(label)}, shape=${SHAPES[node.kind]}, style=filled, fillcolor=${COLORS[node.status] ?? "white"}];`;
  });
  const edges = graph.edges.map((edge) => `  ${quote(edge.from)} -> ${quote(edge.to)} [${EDGE_STYLES[edge.kind]}];`);
  return ["digraph job {", "  rankdir=LR;", ...nodes, ...edges, "}", ""].join("\n");
}

/** Returns a double-quoted DOT string. Escapes it, because users choose the names of tasks. */
function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
