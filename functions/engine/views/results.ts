import { FanfoldError } from "../../core/errors.ts";
import { isSingle } from "../../core/plan/plan.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal, type TerminalStatus } from "../../core/plan/run-state.ts";
import type { MaybePromise, ResultEntry } from "../../core/task/invocation.ts";
import { eachOf } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { CANCELLED } from "../items/end-reasons.ts";
import { readHeader } from "../items/header-reads.ts";
import { readMarked } from "../items/ledger-parts.ts";
import { childGroup, readLastStep, readLeaf, readRunById } from "../items/run-reads.ts";
import { loadValue } from "../items/values.ts";
import { hasNext, strandOf, strandsOf } from "../plan/strands.ts";

/** A member of a group as its last step left it; pages of an open group are flattened. `run` is absent for one that never started. */
export interface MemberEnd {
  readonly index: number;
  readonly runId: string;
  readonly status: TerminalStatus;
  readonly run: Run | undefined;
}

/**
 * Ends of members in order: member index, then page. In a group that has decided, an unfinished member reads as cancelled; in one that has not, it is
 * left out. Leaf by leaf, so memory does not grow with the group. `from`: the first index that is wanted; leaves before it are read only for what
 * their members added, and only by a reader that comes to the end of the members.
 */
export async function* memberEnds(context: Context, gid: string, from = 0, counter = { next: 0 }): AsyncGenerator<readonly MemberEnd[], void, undefined> {
  const header = await readHeader(context, gid);
  if (!header) return;
  const { width } = context.config;
  const members = header.pages || header.outcome === undefined ? undefined : header.memberCount;
  const leavesBefore = members === undefined ? 0 : Math.floor(Math.min(members, Math.max(0, from - counter.next)) / width);
  counter.next += leavesBefore * width;
  const adding: Run[] = [];
  const leaves = header.memberCount === undefined ? Number.POSITIVE_INFINITY : Math.ceil(header.memberCount / width);
  for (let leaf = leavesBefore; leaf < leaves; leaf++) {
    const last = new Map<number, Run>();
    for (const run of await readLeaf(context, gid, leaf)) {
      last.set(run.index, run);
      if (run.takes === "extras" || run.takes === "replace") adding.push(run);
    }
    // After the rows, and what is not marked has not ended: beside a row there may be a delivery that ends the member without one.
    const marked = await readMarked(context, header, leaf);
    if (last.size === 0 && header.memberCount === undefined) return;
    const strands = last.size === 0 ? undefined : await strandsOf(context, header, leaf);
    const upTo = Math.min((leaf + 1) * width, header.memberCount ?? Number.POSITIVE_INFINITY);
    const ends: MemberEnd[] = [];
    for (let index = leaf * width; index < upTo; index++) {
      const thin = marked?.get(index);
      const run = thin ?? (marked && !marked.has(index) ? undefined : last.get(index));
      if (run && header.pages) {
        if (ends.length > 0) yield ends.splice(0);
        yield* memberEnds(context, childGroup(run), from, counter);
      } else if (run || header.memberCount !== undefined) {
        const strand = strands?.[index - leaf * width];
        const single = thin !== undefined || (strand !== undefined && isSingle(strand));
        addEnd(ends, header, index, run, single ? endStatus(run) : await strandStatus(context, header, run), counter);
      }
    }
    if (ends.length > 0) yield ends;
  }
  for (let leaf = 0; leaf < leavesBefore; leaf++) for (const run of await readLeaf(context, gid, leaf)) yield* extrasOf(context, run, from, counter);
  for (const run of adding) yield* extrasOf(context, run, from, counter);
}
/** What members have added to their group, after all of them; what replaces a member may add in its place. */
async function* extrasOf(context: Context, run: Run, from: number, counter: { next: number }): AsyncGenerator<readonly MemberEnd[], void, undefined> {
  if (run.takes === "extras" && isSuccess(run.status)) yield* memberEnds(context, childGroup(run), from, counter);
  if (run.takes !== "replace") return;
  for (const inside of await readLeaf(context, childGroup(run), 0)) yield* extrasOf(context, inside, from, counter);
}
/** `status` undefined: the member's strand has not ended. */
function addEnd(
  ends: MemberEnd[],
  { gid, outcome }: Header,
  index: number,
  run: Run | undefined,
  status: TerminalStatus | undefined,
  counter: { next: number },
): void {
  const at = counter.next++;
  const runId = run?.runId ?? `${gid}.${index}`;
  if (status !== undefined) ends.push({ index: at, runId, status, run });
  else if (outcome !== undefined) ends.push({ index: at, runId, status: "cancelled", run: undefined });
}
const endStatus = (run: Run | undefined): TerminalStatus | undefined => (run && isTerminal(run.status) ? run.status : undefined);
async function strandStatus(context: Context, header: Header, run: Run | undefined): Promise<TerminalStatus | undefined> {
  const status = endStatus(run);
  if (!run || status === undefined || isFailure(status)) return status;
  return (await hasNext(context, header, await strandOf(context, header, run), run)) ? undefined : status;
}

/** The ends of members as they are given to tasks and to the API; a value that lies elsewhere is read when its turn comes. */
export function streamResults(context: Context, gid: string, from = 0): AsyncIterableIterator<ResultEntry> {
  return eachOf(wantedEnds(context, gid, from), (end) => toEntry(context, end));
}
async function* wantedEnds(context: Context, gid: string, from: number): AsyncGenerator<readonly MemberEnd[], void, undefined> {
  for await (const ends of memberEnds(context, gid, from)) yield from === 0 ? ends : ends.filter(({ index }) => index >= from);
}
export function toEntry(context: Context, { index, runId, status, run }: MemberEnd): MaybePromise<ResultEntry> {
  if (!isSuccess(status) || !run) return { index, runId, status, error: run?.error ?? CANCELLED.unfinishedMember };
  if (run.valueRef === undefined) return { index, runId, status, value: run.value ?? null };
  return loadValue(context, run).then((value) => ({ index, runId, status, value }));
}

/** Results of a finished run that is a group, or its one value. */
async function* resultsOfRun(context: Context, runId: string, from = 0): AsyncGenerator<ResultEntry, void, undefined> {
  const run = await readRunById(context, runId);
  if (!run || !isTerminal(run.status)) return;
  if (run.collects !== undefined) yield* streamResults(context, run.collects, from);
  else if (from === 0) yield await toEntry(context, { index: 0, runId, status: run.status, run });
}

/** Results of a job: of its last step when that is a group, or that step's one value. */
export async function* jobResults(context: Context, jobId: string, from = 0): AsyncGenerator<ResultEntry, void, undefined> {
  if (!(await readHeader(context, jobId))) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const last = await readLastStep(context, jobId, 0);
  if (!last) return;
  // While the last step still waits for its group, what has ended so far can be read already.
  if (last.status === "waiting" && last.joins !== undefined && last.takes === "group") yield* streamResults(context, last.joins, from);
  else yield* resultsOfRun(context, runIdOf(jobId, 0, last.stepIndex), from);
}
