import { FanfoldError } from "../../core/errors.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { jobIdOf, parseRunId, runIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { calledLinkGroup } from "../groups/link-groups.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { countersOf, readLedger } from "../items/ledger-reads.ts";
import { childGroup, currentRows, openedGroup, readLeaf, readMember } from "../items/run-reads.ts";
import type { GraphEdgeKind, GraphNode, JobGraph } from "../job-views.ts";
import { memberStrand, strandOf } from "../plan/strands.ts";
import { parentsIn } from "../waits/nodes.ts";
import { countPending } from "./pending.ts";
import { viewRun } from "./run-view.ts";

/** Most members of a group that are drawn one by one. A bigger group is one folded node with its counts. */
const DRAWN_MEMBERS = 20;
/** Most nodes of one graph, nearly. Groups and steps beyond that are folded. */
const DRAWN_NODES = 500;

interface Drawing {
  /** Pending runs by group. */
  readonly pending: ReadonlyMap<string, number>;
  readonly nodes: GraphNode[];
  readonly edges: JobGraph["edges"][number][];
}

/**
 * Returns the graph of a job as it stands: runs and groups, with big groups folded. Future steps are drawn from the
 * plan as `pending`. With `runId` the graph is that of the member that this run belongs to.
 */
export async function jobGraph(context: Context, jobId: string, runId = runIdOf(jobId, 0, 0)): Promise<JobGraph> {
  const ref = parseRunId(runId);
  const header = ref && (await readHeader(context, ref.gid));
  if (!ref || !header || ref.index >= (header.memberCount ?? Number.POSITIVE_INFINITY))
    throw runId === runIdOf(jobId, 0, 0)
      ? new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } })
      : new FanfoldError("run_not_found", `no run ${runId}`, { details: { runId } });
  const root = header.joins === undefined ? header : await readHeader(context, jobIdOf(header.gid));
  const pending = root && !root.outcome ? await countPending(context, root) : new Map<string, number>();
  const drawing: Drawing = { nodes: [], edges: [], pending };
  const runs = currentRows(await readMember(context, ref.gid, ref.index));
  if (header.memberCount !== undefined || runs.length > 0) await drawMember(context, drawing, header, ref.index, runs);
  return { nodes: drawing.nodes, edges: drawing.edges };
}

/** Draws a strand, and returns the ids of its first and last node. */
async function drawMember(
  context: Context,
  drawing: Drawing,
  header: Header,
  index: number,
  runs: readonly Run[],
): Promise<{ first: string; last: string }> {
  const known = runs[0];
  const { strand } = await (known ? strandOf(context, header, known) : memberStrand(context, header, index));
  let first: string | undefined;
  let before: string | undefined;
  const rows = new Map(runs.map((run) => [run.stepIndex, run]));
  // A repeated strand is drawn up to its next step.
  const steps = header.repeat ? strand.slice(0, runs.length + 1) : strand;
  for (const [k, step] of steps.entries()) {
    if (before !== undefined && drawing.nodes.length >= DRAWN_NODES) {
      const id = foldSteps(drawing, header, index, k, steps.length, rows);
      drawing.edges.push({ from: before, to: id, kind: "next" });
      return { first: first ?? "", last: id };
    }
    const run = rows.get(k);
    const id = runIdOf(header.gid, index, k);
    const wait = isGroupStep(step) ? step.wait : undefined;
    const view = run && (await viewRun(context, run, header));
    const status = view?.status ?? (header.outcome === undefined ? "pending" : "cancelled");
    const waits = status === "deferred" ? ` waits for ${view?.unmet?.map(({ name }) => name).join(", ")}` : "";
    const label = wait ? `${wait.of} ${wait.name}` : isGroupStep(step) ? "group" : `${step.task}${waits}`;
    drawing.nodes.push({ id, kind: "run", label, status, ...roundOf(run) });
    if (before !== undefined) drawing.edges.push({ from: before, to: id, kind: "next" });
    first ??= id;
    if (run) await drawCallbacks(context, drawing, header, run);
    before = run && !wait && openedGroup(run) !== undefined ? await drawGroup(context, drawing, run, id) : id;
  }
  return { first: first ?? "", last: before ?? "" };
}

const roundOf = (item: Run | Header | undefined): Pick<GraphNode, "round"> =>
  item?.round ? { round: item.round } : {};
/** Draws the steps of a member from `from` on as one node, and returns its id. */
function foldSteps(
  drawing: Drawing,
  { gid, outcome }: Header,
  index: number,
  from: number,
  to: number,
  rows: ReadonlyMap<number, Run>,
): string {
  const id = `${gid}.${index}~*`;
  const byStatus: Record<string, number> = {};
  let status: GraphNode["status"] = outcome === undefined ? "pending" : "cancelled";
  for (let step = to - 1; step >= from; step--) {
    const run = rows.get(step)?.status;
    if (run === undefined) continue;
    if (Object.keys(byStatus).length === 0) status = run;
    byStatus[run] = (byStatus[run] ?? 0) + 1;
  }
  drawing.nodes.push({ id, kind: "fold", label: "steps", status, count: to - from, byStatus });
  return id;
}

/** Draws the child group of a run, and returns the id from which the edge to the next step starts. */
async function drawGroup(context: Context, drawing: Drawing, run: Run, from: string): Promise<string> {
  const gid = childGroup(run);
  const header = await readHeader(context, gid);
  if (!header) return from;
  const count = header.memberCount;
  const label = count === undefined ? "open group" : `${header.graph ? "graph" : "group"} of ${count}`;
  drawing.nodes.push({ id: gid, kind: "group", label, status: header.outcome ?? "open", ...roundOf(header) });
  const drawn = await drawMembers(context, drawing, header, header.pages ? "pages" : "members");
  // A folded graph is one node, without the edges inside it.
  const parents = header.graph && drawn.length === count ? await parentsIn(context, header) : undefined;
  const followed = new Set(parents?.flat());
  for (const [index, { first, last }] of drawn.entries()) {
    const before = parents?.[index] ?? [];
    if (before.length === 0) drawing.edges.push({ from, to: first, kind: "member" });
    for (const parent of before) drawing.edges.push({ from: drawn[parent]?.last ?? "", to: first, kind: "next" });
    if (!followed.has(index)) drawing.edges.push({ from: last, to: gid, kind: "joins" });
  }
  return gid;
}
/** Draws the links that a run has called. Only the end of the group around waits for them, so no edge joins them. */
async function drawCallbacks(context: Context, drawing: Drawing, header: Header, run: Run): Promise<void> {
  const gid = await calledLinkGroup(context, header, run);
  const beside = gid === undefined ? undefined : await readHeader(context, gid);
  if (!beside) return;
  const kind: GraphEdgeKind = beside.side === "links" ? "link" : "linkError";
  for (const { first } of await drawMembers(
    context,
    drawing,
    beside,
    beside.side === "links" ? "links" : "error links",
  )) {
    drawing.edges.push({ from: run.runId, to: first, kind });
  }
}
/** Draws the members of a group one by one, or as one folded node. Returns the first and the last node of each. */
async function drawMembers(
  context: Context,
  drawing: Drawing,
  header: Header,
  label: string,
): Promise<{ first: string; last: string }[]> {
  const { gid, memberCount: count } = header;
  if (count === undefined || count > DRAWN_MEMBERS || drawing.nodes.length > DRAWN_NODES) {
    const ended = countersOf(await readLedger(context, { gid, round: header.round, level: header.height, node: 0 }));
    const pending = header.outcome === undefined ? drawing.pending.get(gid) : undefined;
    const byStatus = { ...ended, ...(pending !== undefined && { pending }) };
    const id = `${gid}.*`;
    drawing.nodes.push({
      id,
      kind: "fold",
      label,
      status: header.outcome ?? "open",
      ...roundOf(header),
      ...(count !== undefined && { count }),
      byStatus,
    });
    return [{ first: id, last: id }];
  }
  // A narrow ledger has several leaves even for few members.
  const leaves = Math.ceil(count / context.config.width);
  const runs: Run[] = [];
  for (let leaf = 0; leaf < leaves; leaf++) runs.push(...currentRows(await readLeaf(context, gid, leaf)));
  const drawn: { first: string; last: string }[] = [];
  for (let index = 0; index < count; index++) {
    const ofMember = runs.filter((member) => member.index === index);
    if (!header.pages || ofMember.length > 0) drawn.push(await drawMember(context, drawing, header, index, ofMember));
  }
  return drawn;
}
