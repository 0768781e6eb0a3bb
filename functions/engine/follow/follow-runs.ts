import { addCounts, carriedUp, type Counts, PLAIN_SUCCESS } from "../../core/plan/counts.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isSingle, type Strand } from "../../core/plan/plan.ts";
import { failsEarly } from "../../core/plan/policy.ts";
import { childGroupOf, type RunRef } from "../../core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { openLinks, linksOf } from "../groups/links.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { readHeaders } from "../items/header-reads.ts";
import { setFirstError } from "../items/header-writes.ts";
import { readRun } from "../items/run-reads.ts";
import { noteFailures, noteProgress } from "../jobs/progress.ts";
import { hasNext, strandOf, strandsOf } from "../plan/strands.ts";
import { countsOf, createNext } from "./next-steps.ts";
import type { WorkList } from "./work-list.ts";

/** The first phase of F: terminal runs become next steps or marks. One consistent read of each header serves all runs of its group. */
export async function followRuns(context: Context, runs: readonly Run[], list: WorkList, background: Promise<void>[]): Promise<void> {
  const unique = [...new Map(runs.map((run) => [run.runId, run])).values()].filter((run) => isTerminal(run.status));
  const gids = [...new Set(unique.map((run) => run.gid))];
  const read = await readHeaders(context, gids);
  const headers = new Map(gids.map((gid, k) => [gid, read[k]]));
  const followed: { run: Run; header: Header }[] = [];
  // In order of time, so that the first error is the first.
  for (const run of unique.toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0))) {
    const header = headers.get(run.gid);
    if (!header) continue; // collected
    if (header.memberCount !== undefined && run.index >= header.memberCount) continue; // a page that lost the race with the seal
    if (run.joins !== undefined) list.push({ kind: "close", gid: run.joins, round: run.round });
    followed.push({ run, header });
  }
  const progress = noteProgress(
    context,
    followed.map(({ run }) => run),
  );
  progress.catch(() => undefined); // awaited with the rest of the work-list
  background.push(progress);

  // Before anything follows: a step that runs finds the groups beside all steps before it.
  const singles = await singlesOf(context, followed);
  await all(followed.filter(({ run, header }) => !header.outcome && !singles.has(run)).map(({ run, header }) => openLinks(context, header, run)));
  const next: { run: Run; header: Header }[] = [];
  const firstErrors = new Map<string, { header: Header; runId: string }>();
  for (const { run, header } of followed) {
    let sideCounts: Counts | undefined;
    if (!singles.has(run)) {
      const member = await strandOf(context, header, run);
      if (isSuccess(run.status) && (await hasNext(context, header, member, run))) {
        // Below a decided group the strand ends here: its other steps read as cancelled.
        if (!header.outcome) next.push({ run, header });
        else await followEndedNext(context, run, list);
        continue;
      }
      const sides = await linksOf(context, run, member.strand);
      // The last of them to decide follows this run again.
      if (sides.open && !header.outcome) continue;
      for (const side of sides.groups) list.push({ kind: "close", gid: side.gid, round: side.round });
      sideCounts = sides.counts;
    }
    const failedMembers = failedMembersOf(run);
    if (failedMembers > 0 && !header.firstError && !firstErrors.has(run.gid)) firstErrors.set(run.gid, { header, runId: run.error?.runId ?? run.runId });
    if (isFailure(run.status) && run.joins === undefined) list.push({ kind: "end", gid: childGroupOf(run.runId), round: run.round });
    // Where a member may have succeeded without a row, the mark finds out which of the two counts.
    if (header.tracking !== "ledger" && failsEarly(header.policy, failedMembers))
      list.push({ kind: "decide", gid: header.gid, round: header.round, outcome: "failed" });
    const { width } = context.config;
    list.push({
      kind: "mark",
      at: { gid: header.gid, round: header.round, level: 1, node: leafOf(run.index, width) },
      height: header.height,
      marks: new Map([[localIndex(run.index, width), marksOf(run, failedMembers, sideCounts)]]),
      owned: ownedBy(header),
    });
  }
  // Failures are written before a mark can decide the group, so that the decision finds them.
  await all<unknown>([
    ...[...firstErrors.values()].map(({ header, runId }) => setFirstError(context, header.gid, header.round, runId)),
    noteFailures(
      context,
      followed.map(({ run }) => run),
    ),
    createNext(context, next, list),
  ]);
}

/** Those whose strand is one task with nothing beside it. */
async function singlesOf(context: Context, followed: readonly { readonly run: Run; readonly header: Header }[]): Promise<ReadonlySet<Run>> {
  const { width } = context.config;
  const singles = new Set<Run>();
  let strands: readonly Strand[] | undefined;
  let before: RunRef | undefined;
  for (const { run, header } of followed) {
    if (run.gid !== before?.gid || leafOf(run.index, width) !== leafOf(before.index, width))
      strands = await strandsOf(context, header, leafOf(run.index, width));
    before = run;
    const strand = strands?.[localIndex(run.index, width)];
    if (strand && isSingle(strand)) singles.add(run);
  }
  return singles;
}

/**
 * A next step that was created as revoked, or that ran in place, has no message of its own: this run's message replays its follow-up, also when that has
 * decided the group.
 */
async function followEndedNext(context: Context, run: Run, list: WorkList): Promise<void> {
  const ref = { gid: run.gid, index: run.index, stepIndex: run.stepIndex + 1 };
  const next = await readRun(context, ref);
  if (next && isTerminal(next.status)) list.push({ kind: "run", run: next });
}
/** A page counts the failed members of its own group; any other run counts itself. */
function failedMembersOf(run: Run): number {
  if (run.page && isSuccess(run.status)) return run.counts?.["failedMembers"] ?? 0;
  return isFailure(run.status) ? 1 : 0;
}

function marksOf(run: Run, failedMembers: number, sides: Counts | undefined): Counts {
  if (run.status === "success" && !run.counts && !run.carry && !sides && !run.page) return PLAIN_SUCCESS;
  const counts = addCounts(run.carry, carriedUp(countsOf(run)), sides);
  const members = run.page ? (run.counts?.["members"] ?? 0) : 0;
  return { ...counts, ...(failedMembers > 0 && { failedMembers }), ...(members > 0 && { members }) };
}
