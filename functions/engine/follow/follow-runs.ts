import { boundedCounters, type Counts } from "../../core/plan/counts.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isSingle, type Strand } from "../../core/plan/plan.ts";
import { failsEarly, outcomeOf } from "../../core/plan/policy.ts";
import { isIdentity, type RunRef } from "../../core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { cutBefore, linksOf, openLinks } from "../groups/link-groups.ts";
import { type Beside, failedMembersOf, marksOf } from "../groups/member-marks.ts";
import { isBehindSeal } from "../groups/pages.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { readHeaders } from "../items/header-reads.ts";
import { setFirstError } from "../items/header-writes.ts";
import { marksExistingOnly } from "../items/ledger-reads.ts";
import { childGroup, readRun } from "../items/run-reads.ts";
import { noteFailures } from "../jobs/failures.ts";
import { noteProgress } from "../jobs/progress.ts";
import { sendRun } from "../messages/send.ts";
import { hasNext, strandOf, strandsOf } from "../plan/strands.ts";
import { renewMember } from "../rounds/renew-member.ts";
import { readOrder, reopenGroup } from "../rounds/reopen-group.ts";
import { isOver } from "./decide.ts";
import { dropLeftGroups } from "./drop-group.ts";
import { createNext } from "./next-steps.ts";
import { renewIfStale, wakeDependents } from "./wake-dependents.ts";
import { wakeNodes } from "./wake-nodes.ts";
import { wakeSubscribers } from "./wake-subscribers.ts";
import { decide, type WorkList } from "./work-list.ts";

/** An ended run with the header of its group, which may have decided. */
interface Followed {
  readonly run: Run;
  readonly header: Header;
}

/**
 * The first phase of F: turns ended runs into next steps or marks. One consistent read of each header serves all runs
 * of its group.
 */
export async function followRuns(context: Context, runs: readonly Run[], list: WorkList): Promise<void> {
  const ended = await withHeaders(context, runs);
  for (const { run, header } of ended) {
    // An owner that broke off has left its group. Nothing else below follows it in a later round that has decided, nor
    // when its job is over.
    const isLeft = (run.round < header.round || isOver(header)) && isFailure(run.status);
    const left = isLeft ? childGroup(run) : undefined;
    const gid = run.joins ?? left;
    if (gid !== undefined) list.push({ kind: "close", gid, round: run.round });
  }
  const shared = ended.flatMap(({ run }) => (isIdentity(run.gid) ? [run] : []));
  const members = shared.length === 0 ? ended : ended.filter(({ run }) => !isIdentity(run.gid));
  const followed = (await withoutRenewed(context, members)).filter(({ header }) => !isOver(header));
  const current = followed.map(({ run }) => run);
  list.background(noteProgress(context, current));

  const singles = await singlesOf(context, followed);
  const left = await dropLeftGroups(
    context,
    [...current, ...shared].filter(({ status, joins }) => isFailure(status) && joins === undefined),
  );
  // Such a group is closed without a settle, which would follow its owner again.
  for (const { header } of left.values()) list.push({ kind: "close", gid: header.gid, round: header.round });
  // Links are opened before anything follows, so a step that runs finds the links beside all steps before it.
  await all(
    followed
      .filter(({ run, header }) => !header.outcome && !singles.has(run))
      .map(({ run, header }) => openLinks(context, header, run)),
  );
  // Before the mark of the member, so that the sweeper follows it again while it owes this.
  await wakeNodes(context, followed, list);
  const next: Followed[] = [];
  const last: Followed[] = [];
  for (const each of followed) {
    const place = singles.has(each.run) ? { next: false, links: undefined } : await placeInStrand(context, each, list);
    if (!place) continue;
    if (place.next) next.push(each);
    else {
      last.push(each);
      endMember(context, each, { links: place.links, left: left.get(each.run.runId)?.counts }, list);
    }
  }
  // Failures are written before a mark can decide the group, so the decision finds them.
  await all<unknown>([
    ...firstErrors(last).map((each) => setFirstError(context, ...each)),
    noteFailures(context, current),
    createNext(context, next, list),
    ...shared.map(async (run) => {
      for (const taken of await wakeSharers(context, run)) list.push({ kind: "run", run: taken });
    }),
  ]);
}

/** Wakes those who wait for an identity that has ended, and those who have consumed another end of it. */
async function wakeSharers(context: Context, ended: Run): Promise<readonly Run[]> {
  const taken = [...(await wakeSubscribers(context, ended)), ...(await wakeDependents(context, ended.gid, ended))];
  return ended.edges === undefined ? taken : [...taken, ...(await renewIfStale(context, ended))];
}
/**
 * Returns each ended run once, in the order in which they ended, so that the first error comes first. Runs of collected
 * groups and pages behind the seal are left out.
 */
async function withHeaders(context: Context, runs: readonly Run[]): Promise<readonly Followed[]> {
  const unique = [...new Map(runs.map((run) => [run.runId, run])).values()].filter((run) => isTerminal(run.status));
  const gids = [...new Set(unique.map((run) => run.gid))];
  const read = await readHeaders(context, gids);
  const headers = new Map(gids.map((gid, k) => [gid, read[k]]));
  return unique
    .toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0))
    .flatMap((run) => {
      const header = headers.get(run.gid);
      return header && !isBehindSeal(header, run.index) ? [{ run, header }] : [];
    });
}

/**
 * Takes up the members again whose run is of an earlier round than its group, and returns what can be followed. Such a
 * run may have failed, or its step may be void. A frozen worker can end one late, too. In a group that has decided
 * nothing follows from it.
 */
async function withoutRenewed(context: Context, followed: readonly Followed[]): Promise<readonly Followed[]> {
  if (followed.every(({ run, header }) => run.round >= header.round)) return followed;
  const current: Followed[] = [];
  for (const each of followed) {
    const { run, header } = each;
    if (run.round >= header.round) current.push(each);
    if (run.round >= header.round || header.outcome) continue;
    const renewal = await renewMember(context, header, run.index);
    if (renewal.renewed && renewal.run) await sendRun(context, header, renewal.run, 0);
    else if (renewal.run && isTerminal(renewal.run.status)) current.push({ run: renewal.run, header });
  }
  return [...new Map(current.map((each) => [each.run.runId, each])).values()];
}

/** Returns the runs whose strand is one task with nothing beside it. */
async function singlesOf(context: Context, followed: readonly Followed[]): Promise<ReadonlySet<Run>> {
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
 * Returns whether a step follows the run in its strand. When none does, the member has ended, and `links` counts the
 * links beside its steps. Returns undefined when nothing follows now. If links are open, the run is followed again when
 * the last of them decides.
 */
async function placeInStrand(
  context: Context,
  { run, header }: Followed,
  list: WorkList,
): Promise<{ readonly next: boolean; readonly links: Counts | undefined } | undefined> {
  const member = await strandOf(context, header, run);
  if (isSuccess(run.status) && (await hasNext(context, header, member, run))) {
    if (!header.outcome) return { next: true, links: undefined };
    // In a decided group the strand ends here, and its later steps read as cancelled.
    await followEndedNext(context, run, list);
    return undefined;
  }
  const links = await linksOf(context, run, member.strand);
  const cut = cutBefore(links, header);
  // Whoever takes the member up opens them again, and may have died before that.
  for (const { gid } of cut) await reopenGroup(context, gid, header.round, await readOrder(context, gid, header.round));
  if (cut.length > 0 || (links.open && !header.outcome)) return undefined;
  for (const { gid, round } of links.groups) list.push({ kind: "close", gid, round });
  return { next: false, links: links.counts };
}
/**
 * Adds a next step that has ended to the work-list. A step that was created as revoked, or that ran in place, has no
 * message of its own. So the message of the run before repeats the step's follow-up, even when that follow-up has
 * decided the group.
 */
async function followEndedNext(context: Context, run: Run, list: WorkList): Promise<void> {
  const next = await readRun(context, { gid: run.gid, index: run.index, stepIndex: run.stepIndex + 1 });
  if (next && isTerminal(next.status) && next.round >= run.round) list.push({ kind: "run", run: next });
}

/**
 * Adds to the work-list the mark of a member whose strand has ended, and the decision when its failure alone decides.
 * The one member of a root is not marked: its end decides.
 */
function endMember(context: Context, { run, header }: Followed, beside: Beside, list: WorkList): void {
  const failedMembers = failedMembersOf(run);
  if (header.joins === undefined) {
    const totals = boundedCounters<number>(marksOf(run, beside));
    list.push(decide(header, outcomeOf(header.policy, failedMembers), totals));
    return;
  }
  // With tracking `ledger` the member may also have succeeded without a row, and the mark finds out which end counts.
  if (header.tracking !== "ledger" && failsEarly(header.policy, failedMembers)) list.push(decide(header, "failed"));
  const { width } = context.config;
  list.push({
    kind: "mark",
    at: { gid: header.gid, round: header.round, level: 1, node: leafOf(run.index, width) },
    height: header.height,
    marks: new Map([[localIndex(run.index, width), marksOf(run, beside)]]),
    owned: ownedBy(header),
    existingOnly: marksExistingOnly(header),
  });
}
/** Returns, for each group below the root without a first error, the run that failed first in it, as arguments of `setFirstError`. */
function firstErrors(members: readonly Followed[]): [gid: string, round: number, runId: string][] {
  const first = new Map<string, [string, number, string]>();
  for (const { run, header } of members) {
    if (failedMembersOf(run) === 0 || header.joins === undefined || header.firstError || first.has(run.gid)) continue;
    first.set(run.gid, [header.gid, header.round, run.error?.runId ?? run.runId]);
  }
  return [...first.values()];
}
