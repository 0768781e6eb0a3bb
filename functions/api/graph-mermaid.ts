import type { GraphNode, JobGraph } from "../engine/contract.ts";

const SHAPES: Readonly<Record<GraphNode["kind"], readonly [open: string, close: string]>> = {
  run: ["[", "]"],
  group: ["([", "])"],
  fold: ["[[", "]]"],
};
const ARROWS: Readonly<Record<JobGraph["edges"][number]["kind"], string>> = {
  next: "-->",
  member: "-.->",
  joins: "-.->",
  link: "==>|link|",
  linkError: "==>|link error|",
};

/**
 * Returns the graph in the language of Mermaid. Node ids become numbers, because ids of runs contain characters that
 * Mermaid interprets.
 */
export function graphToMermaid(graph: JobGraph): string {
  const names = new Map(graph.nodes.map(({ id }, index) => [id, `n${index}`]));
  const nodes = graph.nodes.map(({ id, kind, label, status, count, round }) => {
    const [open, close] = SHAPES[kind];
    const what = escaped(count === undefined ? label : `${label} x ${count}`);
    const again = round === undefined ? "" : `<br/>round ${round}`;
    return `  ${names.get(id)}${open}"${what}<br/>${status}${again}"${close}:::${status}`;
  });
  const edges = graph.edges.map(({ from, to, kind }) => `  ${names.get(from)} ${ARROWS[kind]} ${names.get(to)}`);
  return ["flowchart LR", ...nodes, ...edges, ...CLASSES, ""].join("\n");
}
/** Escapes text, because users choose the names of tasks. */
function escaped(text: string): string {
  return text.replaceAll("#", "#35;").replaceAll('"', "#quot;").replaceAll("<", "#lt;").replaceAll(">", "#gt;");
}
const CLASSES = [
  "  classDef success,complete fill:#9f9",
  "  classDef error,broken,failed,timeout fill:#f99",
  "  classDef cancelled,skipped,dropped fill:#ddd",
  "  classDef started,retrying,waiting fill:#9cf",
];
