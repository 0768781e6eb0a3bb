import { mayHaveFailed } from "../../core/plan/counts.ts";
import { localIndex } from "../../core/plan/ledger.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { isFailure, isTerminal } from "../../core/plan/run-state.ts";
import { carriesStamp, filterTexts } from "../../core/plan/stamps.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { rowlessMembers } from "../items/ledger-parts.ts";
import { readCurrent } from "../items/ledger-reads.ts";
import { currentRows, readLeaf } from "../items/run-reads.ts";
import { strandOf } from "../plan/strands.ts";
import type { RetryFilter, RetrySelection } from "../requests.ts";
import { suspectLeaves } from "./suspect-leaves.ts";

/**
 * Whether a round takes up an ended run again: the run failed, or failures lie below it, and the selection takes at
 * least one of these. A run that was cancelled with its group is taken up with it, whatever the filter says.
 */
export async function needsRetry(
  context: Context,
  header: Header,
  run: Run,
  { filter }: RetrySelection,
): Promise<boolean> {
  if (!isTerminal(run.status) || !hasFailed(run)) return false;
  if (!filter || isCut(run)) return true;
  return (await selectedAt(context, header, run, filter).next()).done === false;
}
const UPSTREAM: ReadonlySet<string> = new Set(["upstream", "cancelled"]);
const isCut = ({ status, error }: Run): boolean => status === "cancelled" && UPSTREAM.has(error?.reason ?? "");
/** Whether a run failed, or runs below it did. */
const hasFailed = (run: Run): boolean => isFailure(run.status) || mayHaveFailed(run.counts ?? {});

/** A run that waits when its job has ended is still being cut off. What failed below it stays as it is. */
const mayHaveSelected = (run: Run): boolean => (isTerminal(run.status) ? hasFailed(run) : run.joins !== undefined);

/** A failed run that a selection takes, with the header of its group. */
export interface Selected {
  readonly run: Run;
  readonly header: Header;
}
/**
 * Yields the failed runs of a group, or of what is below it, that a selection takes. Reads only leaves that may have
 * failures, so memory and reads depend on the number of failures.
 */
export async function* selectedIn(
  context: Context,
  header: Header,
  filter: RetryFilter | undefined,
): AsyncGenerator<Selected, void, undefined> {
  for await (const leaf of suspectLeaves(context, header, membersNamed(header.gid, filter))) {
    const rowless =
      header.tracking === "ledger"
        ? rowlessMembers(await readCurrent(context, header, { level: 1, node: leaf }))
        : NONE;
    for (const run of currentRows(await readLeaf(context, header.gid, leaf)))
      if (mayHaveSelected(run) && !rowless.has(localIndex(run.index, context.config.width)))
        yield* selectedAt(context, header, run, filter);
  }
}
/** Whether a selection takes a failed run of a group that has failures, or one below it. */
export async function selectsIn(context: Context, header: Header, { filter }: RetrySelection): Promise<boolean> {
  return !filter || (await selectedIn(context, header, filter).next()).done === false;
}
const NONE: ReadonlySet<number> = new Set();
async function* selectedAt(
  context: Context,
  header: Header,
  run: Run,
  filter: RetryFilter | undefined,
): AsyncGenerator<Selected, void, undefined> {
  if (filter?.runIds && !filter.runIds.some((id) => isWithin(id, run.runId) || isWithin(run.runId, id))) return;
  const child = run.joins === undefined ? undefined : await readHeader(context, run.joins);
  const open = child && !child.outcome && !isTerminal(run.status);
  const below = child && !child.wait && (open || child.early === true || mayHaveFailed(child.totals ?? {}));
  if (below) yield* selectedIn(context, child, filter);
  const own = isFailure(run.status) && (!below || failedByItself(run));
  if (own && (!filter || (await matches(context, header, run, filter)))) yield { run, header };
}
/** Whether a run that has failures below it failed for another reason: it was revoked, or its loop came to its bound. */
function failedByItself(run: Run): boolean {
  const { error, runId } = run;
  return !isCut(run) && error?.name !== "GroupFailed" && (error?.runId ?? runId) === runId;
}
/** Whether a run or group is `outer`, or lies below it. */
const isWithin = (id: string, outer: string): boolean => id === outer || id.startsWith(`${outer}.`);

async function matches(context: Context, header: Header, run: Run, filter: RetryFilter): Promise<boolean> {
  const { tasks, reasons, statuses, runIds, endedAfter, endedBefore, stamps } = filter;
  if (tasks && !tasks.includes(run.task ?? "")) return false;
  if (reasons && !reasons.includes(run.error?.reason ?? run.error?.name ?? "")) return false;
  if (statuses && !statuses.some((status) => status === run.status)) return false;
  if (runIds && !runIds.some((id) => isWithin(run.runId, id))) return false;
  if (endedAfter !== undefined && (run.endedAt ?? 0) < endedAfter) return false;
  if (endedBefore !== undefined && (run.endedAt ?? 0) >= endedBefore) return false;
  if (!stamps) return true;
  const step = (await strandOf(context, header, run)).strand[run.stepIndex];
  return step !== undefined && !isGroupStep(step) && carriesStamp(step.options?.stamps, new Set(filterTexts(stamps)));
}

/** Returns the members of a group in which the named runs lie; undefined when no run is named. */
export function membersNamed(gid: string, filter: RetryFilter | undefined): ReadonlySet<number> | undefined {
  if (!filter?.runIds) return undefined;
  const members = new Set<number>();
  for (const id of filter.runIds) {
    if (gid === id || gid.startsWith(`${id}.`)) return undefined; // the whole group is named
    if (id.startsWith(`${gid}.`)) members.add(Number.parseInt(id.slice(gid.length + 1), 10));
  }
  return members;
}
