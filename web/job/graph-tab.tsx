import { useState } from "preact/hooks";
import { type GraphNode, type Job, type JobGraph } from "../../functions/client/index.ts";
import { formatCount } from "../format.ts";
import { isLive } from "../jobs/job-filter.ts";
import { save } from "../parts/buttons.tsx";
import { Loading, Problem } from "../parts/notes.tsx";
import { Code } from "../parts/text.tsx";
import { type Route, setQuery, to } from "../route.ts";
import { GroupLink } from "../run/run-link.tsx";
import { server, useLive } from "../server.ts";
import { isFailure } from "../states.ts";
import { GraphView, svgText } from "./graph-view.tsx";
import { RunList, useRuns } from "./runs-tab.tsx";

const LIVE_MS = 1_500;

/**
 * The job as a graph. A group of many members is one node: open it, and its members are listed below, page by page.
 * Each of them may have a graph of its own.
 */
export function GraphTab({ job, route }: { readonly job: Job; readonly route: Route }) {
  const run = route.query.get("run") ?? undefined;
  const opened = route.query.get("open") ?? undefined;
  const wrong = route.query.get("wrong") !== null;
  const graph = useLive(
    `graph ${job.jobId} ${job.round} ${run ?? ""} ${isLive(job)}`,
    () => server().graph(job.jobId, run === undefined ? {} : { run }),
    () => (isLive(job) ? LIVE_MS : undefined),
  );
  const set = (changes: { open?: string; run?: string; wrong?: string }): void => setQuery(route, changes);
  const shown = graph.value && (wrong ? onlyFailed(graph.value) : graph.value);
  return (
    <>
      {run !== undefined && (
        <p class="path">
          <a href={to(["jobs", job.jobId, "graph"])}>whole job</a> › <Code text={run} />
        </p>
      )}
      <Problem error={graph.error} />
      {shown && (
        <GraphView
          graph={shown}
          opened={opened}
          onOpen={(node) => set({ open: opened === groupOf(node) ? "" : groupOf(node) })}
          tools={
            <>
              <button type="button" aria-pressed={wrong} onClick={() => set({ wrong: wrong ? "" : "1" })}>
                ✕ only what failed
              </button>
              <Exports job={job} run={run} />
            </>
          }
        />
      )}
      {!graph.value && !graph.error && <Loading what="the graph" />}
      {shown?.nodes.length === 0 && (
        <p class="quiet">{wrong ? "Nothing has failed." : "Nothing has begun here yet."}</p>
      )}
      {opened !== undefined && <Members job={job} group={opened} onClose={() => set({ open: "" })} />}
    </>
  );
}
/** The group that a node stands for. The fold of a group is `<group>.*`, that of later steps `<member>~*`. */
function groupOf({ id }: GraphNode): string {
  return id.replace(/(\.\*|\.\d+~\*)$/, "");
}

function Exports({ job, run }: { readonly job: Job; readonly run: string | undefined }) {
  const part = run === undefined ? {} : { run };
  const name = `${job.jobId}-graph`;
  const svg = (): void => {
    const drawing = document.querySelector<SVGSVGElement>(".graph svg");
    if (drawing) save(`${name}.svg`, svgText(drawing), "image/svg+xml");
  };
  const text = async (kind: "dot" | "mmd"): Promise<void> => {
    const source = await (kind === "dot" ? server().graphDot(job.jobId, part) : server().graphMermaid(job.jobId, part));
    save(`${name}.${kind}`, source, "text/plain");
  };
  return (
    <span class="exports">
      save as{" "}
      <button type="button" class="small" onClick={svg}>
        SVG
      </button>
      <button type="button" class="small" onClick={() => void text("dot").catch(() => {})}>
        DOT
      </button>
      <button type="button" class="small" onClick={() => void text("mmd").catch(() => {})}>
        Mermaid
      </button>
    </span>
  );
}

/** Leaves nodes that failed, or that stand for something that did, and the edges between them. */
function onlyFailed({ nodes, edges }: JobGraph): JobGraph {
  const kept = nodes.filter(
    ({ status, byStatus = {} }) => isFailure(status) || (byStatus["error"] ?? 0) + (byStatus["broken"] ?? 0) > 0,
  );
  const ids = new Set(kept.map(({ id }) => id));
  return { nodes: kept, edges: edges.filter(({ from, to: end }) => ids.has(from) && ids.has(end)) };
}

interface MembersProps {
  readonly job: Job;
  readonly group: string;
  readonly onClose: () => void;
}
function Members({ job, group, onClose }: MembersProps) {
  const [wrong, setWrong] = useState(false);
  const { runs, problem } = useRuns(job, { group, ...(wrong && { status: "error" }) });
  return (
    <section class="members">
      <div class="title">
        <h2>
          Members of <GroupLink groupId={group} />
        </h2>
        <span class="quiet">{formatCount(runs.items.length)} read</span>
        <button type="button" aria-pressed={wrong} onClick={() => setWrong(!wrong)}>
          ✕ only errors
        </button>
        <button type="button" onClick={onClose}>
          Close
        </button>
      </div>
      <Problem error={problem} />
      <RunList runs={runs} label="Members" />
    </section>
  );
}
