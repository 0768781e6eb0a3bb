import type { ErrorData, ResultEntry } from "../core/invocation.ts";
import { isFailure, isSuccess, isTerminal, type TerminalStatus } from "../core/run-state.ts";
import type { Context } from "./context.ts";
import { readHeader } from "./gate.ts";
import type { Header, Run } from "./items.ts";
import { loadValue } from "./payload.ts";
import { readMarked } from "./thin.ts";
import { childGroup, hasNext, readLeaf, readRunById, strandOf } from "./runs.ts";

/** A member of a group as its last step left it; pages of an open group are flattened. `run` is absent for one that never started. */
export interface MemberEnd {
  readonly index: number;
  readonly runId: string;
  readonly status: TerminalStatus;
  readonly run: Run | undefined;
}

/**
 * Ends of members in order: member index, then page. In a group that has decided, an unfinished member reads as cancelled; in one that has not, it is
 * left out. Reads leaf by leaf, so memory does not grow with the group. `from`: the first index that is wanted; leaves before it are read only for what
 * their members added, and only by a reader that comes to the end of the members.
 */
export async function* memberEnds(context: Context, gid: string, from = 0, counter = { next: 0 }): AsyncGenerator<MemberEnd, void, undefined> {
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
    const upTo = Math.min((leaf + 1) * width, header.memberCount ?? Number.POSITIVE_INFINITY);
    for (let index = leaf * width; index < upTo; index++) {
      const run = marked && !marked.has(index) ? undefined : (marked?.get(index) ?? last.get(index));
      if (run && header.pages) yield* memberEnds(context, childGroup(run), from, counter);
      else if (run || header.memberCount !== undefined) yield* endOf(context, header, index, run, counter);
    }
  }
  for (let leaf = 0; leaf < leavesBefore; leaf++) for (const run of await readLeaf(context, gid, leaf)) yield* extrasOf(context, run, from, counter);
  for (const run of adding) yield* extrasOf(context, run, from, counter);
}
/** What members have added to their group, after all of them; what replaces a member may add in its place. */
async function* extrasOf(context: Context, run: Run, from: number, counter: { next: number }): AsyncGenerator<MemberEnd, void, undefined> {
  if (run.takes === "extras" && isSuccess(run.status)) yield* memberEnds(context, childGroup(run), from, counter);
  if (run.takes !== "replace") return;
  for (const inside of await readLeaf(context, childGroup(run), 0)) yield* extrasOf(context, inside, from, counter);
}
async function* endOf(
  context: Context,
  header: Header,
  index: number,
  run: Run | undefined,
  counter: { next: number },
): AsyncGenerator<MemberEnd, void, undefined> {
  const status = await memberStatus(context, header, run);
  const at = counter.next++;
  if (status !== undefined) yield { index: at, runId: run?.runId ?? `${header.gid}.${index}`, status, run };
  else if (header.outcome !== undefined) yield { index: at, runId: run?.runId ?? `${header.gid}.${index}`, status: "cancelled", run: undefined };
}
/** undefined: the member's strand has not ended. */
async function memberStatus(context: Context, header: Header, run: Run | undefined): Promise<TerminalStatus | undefined> {
  if (!run || !isTerminal(run.status)) return undefined;
  if (isFailure(run.status)) return run.status;
  return (await hasNext(context, header, await strandOf(context, header, run), run)) ? undefined : run.status;
}

export async function* streamResults(context: Context, gid: string, from = 0): AsyncGenerator<ResultEntry, void, undefined> {
  for await (const end of memberEnds(context, gid, from)) if (end.index >= from) yield toEntry(context, end);
}
export async function toEntry(context: Context, { index, runId, status, run }: MemberEnd): Promise<ResultEntry> {
  if (isSuccess(status) && run) return { index, runId, status, value: await loadValue(context, run) };
  return { index, runId, status, error: run?.error ?? NEVER_RAN };
}
const NEVER_RAN: ErrorData = { name: "Cancelled", message: "the group was decided before this member ended", reason: "upstream" };

/** Results of a finished run that is a group, or its one value. */
export async function* resultsOfRun(context: Context, runId: string, from = 0): AsyncGenerator<ResultEntry, void, undefined> {
  const run = await readRunById(context, runId);
  if (!run || !isTerminal(run.status)) return;
  if (run.collects !== undefined) yield* streamResults(context, run.collects, from);
  else if (from === 0) yield await toEntry(context, { index: 0, runId, status: run.status, run });
}
