import type { Canvas, FailurePolicy, Graph, GraphNode } from "../../functions/core/canvas/canvas.ts";
import { isFailure, isSuccess, isTerminal } from "../../functions/core/plan/run-state.ts";
import type { Run } from "../../functions/engine/item-kinds.ts";
import {
  type Ended,
  type GroupEnd,
  groupEnd,
  NOTHING,
  isFailed,
  isKnown,
  jsonOf,
  type Value,
} from "./reference-values.ts";
import type { Shape, Step } from "./shape.ts";

/** A graph as its members and the members that each follows, read from the canvas without the engine's own rules. */
interface GraphMembers {
  readonly members: readonly Canvas[];
  readonly parents: readonly (readonly number[])[];
}

/**
 * Cuts a graph into chains: a node belongs to the chain of its parent when it is the only child of its only parent. The
 * chains are in the order in which a node is next that has no parent left, the first one given first.
 */
function graphMembers({ nodes }: Graph): GraphMembers {
  const children = (id: string): readonly GraphNode[] => nodes.filter(({ parents }) => parents.includes(id));
  const chains: GraphNode[][] = [];
  const placed = new Map<string, number>();
  while (placed.size < nodes.length) {
    const next = nodes.find(({ id, parents }) => !placed.has(id) && parents.every((parent) => placed.has(parent)));
    if (!next) throw new Error("a graph with a cycle");
    const [only = "", ...others] = next.parents;
    const goesOn = next.parents.length > 0 && others.length === 0 && children(only).length === 1;
    const chain = goesOn ? (placed.get(only) as number) : chains.push([]) - 1;
    chains[chain]?.push(next);
    placed.set(next.id, chain);
  }
  const canvasOf = (chain: readonly GraphNode[]): Canvas =>
    chain.length === 1 ? (chain[0] as GraphNode).do : { kind: "chain", items: chain.map((node) => node.do) };
  return {
    members: chains.map(canvasOf),
    parents: chains.map(([first]) => (first?.parents ?? []).map((parent) => placed.get(parent) as number)),
  };
}

/** Returns a graph as a step: a group whose members wait for members. */
export function graphStep(graph: Graph): Step {
  const { link: links = [], linkError: errors = [], options } = graph;
  const { policy = "allSuccess" } = options;
  return { kind: "group", ...graphMembers(graph), policy, tracking: "full", links, errors };
}

/** Returns the members that a member of a group follows. */
function parentsOf(shape: Shape, gid: string, index: number): readonly number[] {
  return shape.groupStep(gid)?.parents?.[index] ?? [];
}
/** Returns the members whose results are those of a group: of a graph those that none follows. */
export function resultMembers(shape: Shape, gid: string, members: number): number {
  const followed = new Set<number>();
  for (let index = 0; index < members; index++) for (const parent of parentsOf(shape, gid, index)) followed.add(parent);
  return members - followed.size;
}
/** Returns a member that another one follows although it has not ended well, or has begun anew. */
export function unendedParent(shape: Shape, gid: string, index: number): string | undefined {
  for (const parent of parentsOf(shape, gid, index)) {
    const last = shape.lastRow(gid, parent);
    const steps = shape.strand(gid, parent)?.length ?? 0;
    if (!shape.hasEnded(last) || !isSuccess(last.status) || last.stepIndex + 1 < steps)
      return `${gid}.${parent}: ${last?.status ?? "absent"}`;
  }
  return undefined;
}
/** Whether a run is of a member below one that runs again in its round, as `runsAgain` says of a row. */
export function followsRerun(
  shape: Shape,
  { gid, index, round }: Pick<Run, "gid" | "index" | "round">,
  runsAgain: (run: Run) => boolean,
): boolean {
  return parentsOf(shape, gid, index).some((parent) => {
    for (let stepIndex = 0; ; stepIndex++) {
      const row = shape.storedRow({ gid, index: parent, stepIndex });
      if (!row) break;
      if (row.round >= round || runsAgain(row)) return true;
    }
    return followsRerun(shape, { gid, index: parent, round }, runsAgain);
  });
}

/** The independent interpreter, as far as graphs need it. */
interface StrandReader {
  readonly strand: (index: number, input: Value | undefined) => Ended;
  readonly row: (index: number) => Run | undefined;
  readonly bad: (kind: string, detail: string) => void;
}
/** Returns how a group must have ended. */
export function endOfGroup(
  {
    members,
    policy,
    parents,
  }: { readonly members: readonly Canvas[]; readonly policy: FailurePolicy } & Partial<Pick<GraphMembers, "parents">>,
  input: Value | undefined,
  reader: StrandReader,
): GroupEnd {
  if (!parents)
    return groupEnd(
      policy,
      members.map((_, index) => reader.strand(index, input)),
    );
  const ends = graphEnds(parents, input, reader);
  return groupEnd(policy, ends, graphResults(parents, ends));
}
/** Returns how the members of a graph must have ended. */
function graphEnds(
  parents: readonly (readonly number[])[],
  input: Value | undefined,
  reader: StrandReader,
): readonly Ended[] {
  const ends: Ended[] = [];
  for (const [index, each] of parents.entries()) {
    const before = each.map((parent) => ends[parent] as Ended);
    ends.push(before.some(isFailed) ? belowFailure(index, before, reader) : reader.strand(index, given(before, input)));
  }
  return ends;
}
const CUT: Ended = { status: "cut", counts: undefined };
function belowFailure(index: number, before: readonly Ended[], { row, strand, bad }: StrandReader): Ended {
  const run = row(index);
  // In a group that has decided, what waits reads as cancelled.
  if (!run || !isTerminal(run.status)) return CUT;
  if (run.status !== "cancelled") {
    bad("ran-below-failure", `${run.runId} is ${run.status}`);
    return CUT;
  }
  if (run.error?.reason !== "upstream") return strand(index, { kind: "unknown" });
  const failed = before.some(({ status }) => status !== "cut" && isFailure(status));
  return failed ? { status: "cancelled", counts: { cancelled: 1 } } : CUT;
}
function given(before: readonly Ended[], input: Value | undefined): Value | undefined {
  const values = before.map(({ value = NOTHING }) => value);
  if (values.length === 0) return input;
  if (values.length === 1) return values[0];
  return values.every(isKnown) ? { kind: "json", json: values.map(jsonOf) } : { kind: "unknown" };
}
/** Returns the entries of a graph's results: of the members that none follows, and of what all have added. */
function graphResults(parents: readonly (readonly number[])[], ends: readonly Ended[]): readonly Ended[] {
  const followed = new Set(parents.flat());
  return [...ends.filter((_, index) => !followed.has(index)), ...ends.flatMap(({ extras = [] }) => extras)];
}
