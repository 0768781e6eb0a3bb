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
import { childGroup, currentRows, readLastStep, readLeaf, readRunById } from "../items/run-reads.ts";
import { loadValue } from "../items/values.ts";
import { hasNext, strandOf, strandsOf } from "../plan/strands.ts";
import { endsIn } from "../waits/nodes.ts";
import { refuseExpired } from "./group-view.ts";

/**
 * The end of a member, as its last step left it. Pages of an open group are flattened. `run` is undefined when no step
 * has a row.
 */
export interface MemberEnd {
  readonly index: number;
  readonly runId: string;
  readonly status: TerminalStatus;
  readonly run: Run | undefined;
}

/**
 * Yields the ends of a group's members in order: member index, then page. Of a graph only those that no other follows. In a decided group an unfinished member reads
 * as cancelled; in an open group it is left out. Reads leaf by leaf, so memory does not grow with the group. `from` is
 * the first index that is wanted. Leaves before it are read only for what their members added, and only when the reader
 * comes to the end of the members.
 */
export function memberEnds(
  context: Context,
  gid: string,
  from = 0,
): AsyncGenerator<readonly MemberEnd[], void, undefined> {
  return new EndReader(context, from).ofGroup(gid);
}
/** Reads the ends of a group, of its pages and of what was added to it, and numbers them in one sequence. */
class EndReader {
  readonly #context: Context;
  readonly #from: number;
  /** Index of the next end, counted over all groups that are read. */
  #next = 0;

  constructor(context: Context, from: number) {
    this.#context = context;
    this.#from = from;
  }

  async *ofGroup(gid: string): AsyncGenerator<readonly MemberEnd[], void, undefined> {
    const header = await readHeader(this.#context, gid);
    if (!header) return;
    const { width } = this.#context.config;
    const leavesBefore = this.#skipLeaves(header);
    const adding: Run[] = [];
    const leaves = header.memberCount === undefined ? Number.POSITIVE_INFINITY : Math.ceil(header.memberCount / width);
    for (let leaf = leavesBefore; leaf < leaves; leaf++) {
      const last = new Map<number, Run>();
      for (const run of currentRows(await readLeaf(this.#context, gid, leaf))) {
        last.set(run.index, run);
        if (run.takes === "extras" || run.takes === "replace") adding.push(run);
      }
      // Read after the rows: a member with a row may still be ended without one by another delivery, so only a mark
      // proves an end.
      const marked = await readMarked(this.#context, header, leaf);
      if (last.size === 0 && header.memberCount === undefined) return;
      yield* this.#ofLeaf(header, leaf, last, marked);
    }
    for (let leaf = 0; leaf < leavesBefore; leaf++)
      for (const run of currentRows(await readLeaf(this.#context, gid, leaf))) yield* this.#extrasOf(run);
    for (const run of adding) yield* this.#extrasOf(run);
  }
  /**
   * Counts the leaves that lie wholly before `from`, and their members as passed. Members of an open group or in pages
   * must be read to be counted.
   */
  #skipLeaves(header: Header): number {
    const { width } = this.#context.config;
    const counted = !header.pages && !header.graph && header.outcome !== undefined;
    const members = counted ? header.memberCount : undefined;
    const leaves =
      members === undefined ? 0 : Math.floor(Math.min(members, Math.max(0, this.#from - this.#next)) / width);
    this.#next += leaves * width;
    return leaves;
  }
  async *#ofLeaf(
    header: Header,
    leaf: number,
    last: ReadonlyMap<number, Run>,
    marked: ReadonlyMap<number, Run | undefined> | undefined,
  ): AsyncGenerator<readonly MemberEnd[], void, undefined> {
    const { width } = this.#context.config;
    const strands = last.size === 0 ? undefined : await strandsOf(this.#context, header, leaf);
    const upTo = Math.min((leaf + 1) * width, header.memberCount ?? Number.POSITIVE_INFINITY);
    const results = header.graph && (await endsIn(this.#context, header));
    const ends: MemberEnd[] = [];
    for (let index = leaf * width; index < upTo; index++) {
      if (results && !results.has(index)) continue;
      const rowless = marked?.get(index);
      const run = rowless ?? (marked && !marked.has(index) ? undefined : last.get(index));
      if (run && header.pages) {
        if (ends.length > 0) yield ends.splice(0);
        yield* this.ofGroup(childGroup(run));
      } else if (run || header.memberCount !== undefined) {
        const strand = strands?.[index - leaf * width];
        const single = rowless !== undefined || (strand !== undefined && isSingle(strand));
        const end = this.#endOf(
          header,
          index,
          run,
          single ? endStatus(run) : await strandStatus(this.#context, header, run),
        );
        if (end) ends.push(end);
      }
    }
    if (ends.length > 0) yield ends;
  }
  /** Yields what members have added to their group, after all of them. What replaces a member may add in its place. */
  async *#extrasOf(run: Run): AsyncGenerator<readonly MemberEnd[], void, undefined> {
    if (run.takes === "extras" && isSuccess(run.status)) yield* this.ofGroup(childGroup(run));
    if (run.takes !== "replace") return;
    for (const inside of currentRows(await readLeaf(this.#context, childGroup(run), 0))) yield* this.#extrasOf(inside);
  }
  /**
   * Numbers a member and returns its end; undefined while it has none. `status` is undefined while the member's strand
   * has not ended.
   */
  #endOf(
    { gid, outcome }: Header,
    index: number,
    run: Run | undefined,
    status: TerminalStatus | undefined,
  ): MemberEnd | undefined {
    const at = this.#next++;
    const runId = run?.runId ?? `${gid}.${index}`;
    if (status !== undefined) return { index: at, runId, status, run };
    return outcome === undefined ? undefined : { index: at, runId, status: "cancelled", run: undefined };
  }
}
const endStatus = (run: Run | undefined): TerminalStatus | undefined =>
  run && isTerminal(run.status) ? run.status : undefined;
async function strandStatus(
  context: Context,
  header: Header,
  run: Run | undefined,
): Promise<TerminalStatus | undefined> {
  const status = endStatus(run);
  if (!run || status === undefined || isFailure(status)) return status;
  return (await hasNext(context, header, await strandOf(context, header, run), run)) ? undefined : status;
}

/**
 * Yields the results of a group, as tasks and the API are given them. A value in a blob is read when its entry is asked
 * for.
 */
export function streamResults(context: Context, gid: string, from = 0): AsyncIterableIterator<ResultEntry> {
  return eachOf(wantedEnds(context, gid, from), (end) => toEntry(context, end));
}
async function* wantedEnds(
  context: Context,
  gid: string,
  from: number,
): AsyncGenerator<readonly MemberEnd[], void, undefined> {
  for await (const ends of memberEnds(context, gid, from))
    yield from === 0 ? ends : ends.filter(({ index }) => index >= from);
}
export function toEntry(context: Context, { index, runId, status, run }: MemberEnd): MaybePromise<ResultEntry> {
  if (!isSuccess(status) || !run) return { index, runId, status, error: run?.error ?? CANCELLED.unfinishedMember };
  if (run.valueRef === undefined) return { index, runId, status, value: run.value ?? null };
  return loadValue(context, run).then((value) => ({ index, runId, status, value }));
}

/** Yields the results of an ended run that has collected a group, or its one value. */
async function* resultsOfRun(context: Context, runId: string, from = 0): AsyncGenerator<ResultEntry, void, undefined> {
  const run = await readRunById(context, runId);
  if (!run || !isTerminal(run.status)) return;
  if (run.collects !== undefined) {
    const group = await readHeader(context, run.collects);
    if (group) refuseExpired(context, group);
    yield* streamResults(context, run.collects, from);
  } else if (from === 0) yield await toEntry(context, { index: 0, runId, status: run.status, run });
}

/** Yields the results of a job: those of its last step when that is a group, else the value of that step. */
export async function* jobResults(
  context: Context,
  jobId: string,
  from = 0,
): AsyncGenerator<ResultEntry, void, undefined> {
  const root = await readHeader(context, jobId);
  if (!root) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const last = await readLastStep(context, root, 0);
  if (!last) return;
  // While the last step waits for its group, the members that have ended so far can be read.
  if (last.status === "waiting" && last.joins !== undefined && last.takes === "group")
    yield* streamResults(context, last.joins, from);
  else yield* resultsOfRun(context, runIdOf(jobId, 0, last.stepIndex), from);
}
