import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { GraphNode, JobGraph } from "../../functions/client/index.ts";
import { formatCount, visibleLine } from "../format.ts";
import { partsOf, sayCounts } from "../parts/state-bar.tsx";
import { to } from "../route.ts";
import { failedOf, lookOf } from "../states.ts";
import type { Layout, Point } from "./layout-message.ts";
import { NODE, useLayout } from "./layout.ts";

interface View {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}
interface GraphViewProps {
  readonly graph: JobGraph;
  readonly opened: string | undefined;
  readonly onOpen: (node: GraphNode) => void;
  readonly tools: ComponentChildren;
}
const LEAST_SCALE = 0.1;
const READABLE_SCALE = 0.6;
const MOST_SCALE = 2;
const STEP = 60;
const LEAST_HEIGHT = 220;

export function GraphView({ graph, opened, onOpen, tools }: GraphViewProps) {
  const layout = useLayout(graph);
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const fit = (): void => {
    const size = box.current?.getBoundingClientRect();
    if (layout && size) setView(fitted(layout, size, LEAST_SCALE));
  };
  /** A large graph begins readable, at its beginning. */
  const begin = (): void => {
    const size = box.current?.getBoundingClientRect();
    if (layout && size) setView(fitted(layout, size, READABLE_SCALE));
  };
  const first = layout !== undefined && layout.width > 0;
  useLayoutEffect(() => {
    if (first) begin();
  }, [first, layout?.number === 1]);
  const zoom = (factor: number): void => setView((before) => zoomed(before, factor, box.current));
  const keys = useKeys(zoom, fit, setView);
  const drag = useDrag(setView);
  useWheel(box, setView);
  return (
    <div class="graph">
      <div class="tools">
        <button type="button" class="small" aria-label="zoom in" onClick={() => zoom(1.25)}>
          +
        </button>
        <button type="button" class="small" aria-label="zoom out" onClick={() => zoom(0.8)}>
          −
        </button>
        <button type="button" class="small" onClick={fit}>
          fit
        </button>
        {tools}
      </div>
      <div
        class="canvas"
        ref={box}
        style={{ height: `${Math.max(LEAST_HEIGHT, layout?.height ?? 0)}px` }}
        tabIndex={0}
        role="group"
        aria-label="graph of the job"
        onKeyDown={keys}
        {...drag}
      >
        {layout && (
          <svg width="100%" height="100%" data-width={layout.width} data-height={layout.height}>
            <defs>
              <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                <path d="M0 0L8 4L0 8z" class="arrow" />
              </marker>
            </defs>
            <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
              {graph.edges.map(({ from, to: end, kind }, at) => {
                const line = layout.lines[at];
                return (
                  line && (
                    <path
                      key={`${from} ${end} ${kind}`}
                      d={pathOf(line)}
                      class={`edge ${kind}`}
                      marker-end="url(#arrow)"
                    />
                  )
                );
              })}
              {graph.nodes.map((node) => {
                const place = layout.places[node.id];
                return (
                  place && <Node key={node.id} node={node} place={place} open={groupIs(node, opened)} onOpen={onOpen} />
                );
              })}
            </g>
          </svg>
        )}
      </div>
    </div>
  );
}
function groupIs({ id, kind }: GraphNode, opened: string | undefined): boolean {
  return kind === "fold" && opened !== undefined && id.startsWith(`${opened}.`);
}

interface NodeProps {
  readonly node: GraphNode;
  readonly place: Point;
  readonly open: boolean;
  readonly onOpen: (node: GraphNode) => void;
}
/** A run leads to its page. A group, or a fold of one, opens its members. */
function Node({ node, place, open, onOpen }: NodeProps) {
  const { id, kind, label, status, round, count } = node;
  const { tone, mark } = lookOf(status);
  const name = count === undefined ? label : `${formatCount(count)} ${label}`;
  const failed = failedOf({ counts: node.byStatus ?? {} });
  const state = `${mark} ${status}${round ? `, round ${round}` : ""}`;
  // Begins with what can be seen, as who speaks to the page reads it.
  const seen = `${name} ${state}${failed > 0 ? ` ✕ ${formatCount(failed)}` : ""}`;
  const title = `${seen}${node.byStatus ? `, ${sayCounts(node.byStatus, count ?? 0)}` : ""}`;
  const opens = kind !== "run";
  return (
    <g transform={`translate(${place.x - NODE.width / 2} ${place.y - NODE.height / 2})`}>
      <a
        href={opens ? undefined : to(["runs", id])}
        class={`node ${kind} ${tone}${open ? " chosen" : ""}`}
        role={opens ? "button" : undefined}
        tabIndex={0}
        aria-label={visibleLine(title)}
        aria-expanded={opens ? open : undefined}
        onClick={opens ? () => onOpen(node) : undefined}
        onKeyDown={
          opens
            ? (event) => (event.key === "Enter" || event.key === " ") && openBy(event, () => onOpen(node))
            : undefined
        }
      >
        <title>{visibleLine(`${title}\n${id}`)}</title>
        <g>
          {kind === "fold" && <rect x="5" y="5" width={NODE.width} height={NODE.height} rx="6" class="behind" />}
          <rect width={NODE.width} height={NODE.height} rx="6" class="box" />
          <text x="12" y="21" class="name">
            {visibleLine(name, failed > 0 ? 15 : 23)}
          </text>
          <text x="12" y="40" class="state">
            {state}
          </text>
          {failed > 0 && <NodeFailures failed={failed} />}
          {node.byStatus && <NodeBar node={node} />}
        </g>
      </a>
    </g>
  );
}
function openBy(event: Event, open: () => void): void {
  event.preventDefault();
  open();
}
/** How much of a fold has failed, where its bar would show a hair of it. */
function NodeFailures({ failed }: { readonly failed: number }) {
  return (
    <text x={NODE.width - 12} y="21" class="failed">
      ✕ {formatCount(failed)}
    </text>
  );
}
function NodeBar({ node: { byStatus = {}, count = 0 } }: { readonly node: GraphNode }) {
  const parts = partsOf(byStatus);
  const total = Math.max(
    count,
    parts.reduce((sum, [, each]) => sum + each, 0),
  );
  const width = 84;
  let x = NODE.width - width - 12;
  return (
    <g>
      <rect x={x} y="32" width={width} height="8" class="rest" />
      {parts.map(([state, each]) => {
        const part = (width * each) / Math.max(1, total);
        x += part;
        return <rect key={state} x={x - part} y="32" width={part} height="8" class={`part ${lookOf(state).tone}`} />;
      })}
    </g>
  );
}

function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  return `M${first.x} ${first.y}${rest.map(({ x, y }) => `L${x} ${y}`).join("")}`;
}
function fitted(
  { width, height }: Layout,
  box: { readonly width: number; readonly height: number },
  least: number,
): View {
  const scale = Math.max(least, Math.min(1, box.width / width, box.height / height));
  return { scale, x: Math.max(0, (box.width - width * scale) / 2), y: Math.max(0, (box.height - height * scale) / 2) };
}
function zoomed(before: View, factor: number, box: HTMLElement | null, at?: Point): View {
  const scale = Math.max(LEAST_SCALE, Math.min(MOST_SCALE, before.scale * factor));
  const size = box?.getBoundingClientRect();
  const { x, y } = at ?? { x: (size?.width ?? 0) / 2, y: (size?.height ?? 0) / 2 };
  const by = scale / before.scale;
  return { scale, x: x - (x - before.x) * by, y: y - (y - before.y) * by };
}

type SetView = (change: (before: View) => View) => void;
function useKeys(zoom: (factor: number) => void, fit: () => void, setView: SetView) {
  const moves: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [STEP, 0],
    ArrowRight: [-STEP, 0],
    ArrowUp: [0, STEP],
    ArrowDown: [0, -STEP],
  };
  return (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = moves[event.key];
    if (move) setView((before) => ({ ...before, x: before.x + move[0], y: before.y + move[1] }));
    else if (event.key === "+") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  };
}
function useDrag(setView: SetView) {
  const from = useRef<Point | undefined>(undefined);
  const end = (): void => void (from.current = undefined);
  return {
    onPointerDown: (event: PointerEvent) => {
      if ((event.target as Element).closest(".node") === null) from.current = { x: event.clientX, y: event.clientY };
    },
    onPointerMove: (event: PointerEvent) => {
      const start = from.current;
      if (!start) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      from.current = { x: event.clientX, y: event.clientY };
      setView((before) => ({ ...before, x: before.x + dx, y: before.y + dy }));
    },
    onPointerUp: end,
    onPointerLeave: end,
  };
}
/** The wheel scrolls the page, and zooms with Control, as in maps. */
function useWheel(box: { readonly current: HTMLElement | null }, setView: SetView): void {
  useEffect(() => {
    const element = box.current;
    const turn = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const size = element?.getBoundingClientRect();
      const at = { x: event.clientX - (size?.left ?? 0), y: event.clientY - (size?.top ?? 0) };
      setView((before) => zoomed(before, Math.exp(-event.deltaY / 300), element, at));
    };
    element?.addEventListener("wheel", turn, { passive: false });
    return () => element?.removeEventListener("wheel", turn);
  }, []);
}

const STYLES = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
] as const;
/** Returns a drawing as a file: in full size, with the styles of the page written into it. */
export function svgText(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const from = [...drawing.querySelectorAll("*")];
  [...copy.querySelectorAll("*")].forEach((element, at) => {
    const style = getComputedStyle(from[at] as Element);
    for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
    element.removeAttribute("href");
  });
  const { width = "800", height = "600" } = drawing.dataset;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.setAttribute("viewBox", `0 0 ${width} ${height}`);
  copy.querySelector("g")?.removeAttribute("transform");
  return new XMLSerializer().serializeToString(copy);
}
