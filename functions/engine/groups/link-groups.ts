import { addCounts, type Counts, ignoredFailures, INEXACT } from "../../core/plan/counts.ts";
import { ledgerHeight } from "../../core/plan/ledger.ts";
import type { GroupStep, PlanStep, Strand } from "../../core/plan/plan.ts";
import { linkGroupOf, type LinkKind, runIdOf } from "../../core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { readHeader, readHeaders } from "../items/header-reads.ts";
import { createHeader } from "../items/header-writes.ts";
import { readMember, readRunById } from "../items/run-reads.ts";
import { stepPointer, strandOf } from "../plan/strands.ts";
import { expandAll } from "./expand-group.ts";

/**
 * Links and error links (docs/adr/0007): groups beside a run that has ended. The run stays as it ended, and its strand
 * goes on at once. Only the mark of the strand's member waits until the groups beside all its steps have decided. Two
 * writers meet here. The strand ends and then reads the groups beside it; a group decides and then reads the end of the
 * strand. So one of them sees both.
 */

/**
 * Returns the links that a run calls, by the way it ended; undefined when it calls none. A run that was cancelled from
 * above calls none, because nothing may start there any more.
 */
function calledLinks(
  run: Run,
  step: PlanStep | undefined,
): { readonly kind: LinkKind; readonly group: GroupStep } | undefined {
  if (!step || !isTerminal(run.status)) return undefined;
  if (isSuccess(run.status)) return step.links && { kind: "links", group: step.links };
  if (run.status === "cancelled" && !OWN_END.has(run.error?.reason ?? "")) return undefined;
  return step.errors && { kind: "errors", group: step.errors };
}
const OWN_END: ReadonlySet<string> = new Set(["expired", "revoked"]);

/** Opens the group of links beside an ended run. Idempotent, because every follow-up and the sweeper repeat it. */
export async function openLinks(context: Context, parent: Header, run: Run): Promise<void> {
  const member = await strandOf(context, parent, run);
  const side = calledLinks(run, member.strand[run.stepIndex]);
  if (!side || !Array.isArray(side.group.members)) return;
  const memberCount = side.group.members.length;
  const { header } = await createHeader(context, linkGroupOf(run.runId, side.kind, run.round), {
    ...ownedBy(parent),
    // A run may have ended late, in the round before. Its links belong to the round in which they are called.
    round: parent.round,
    joins: run.runId,
    side: side.kind,
    input: run.runId,
    policy: side.group.policy,
    tracking: side.group.tracking,
    plan: `${stepPointer(member, run.stepIndex)}.${side.kind === "links" ? "l" : "e"}`,
    memberCount,
    height: ledgerHeight(memberCount, context.config.width),
  });
  if (header && header.round === parent.round) await expandAll(context, header);
}
/** Returns the id of the group of links that a run has called; undefined when it has called none. */
export async function calledLinkGroup(context: Context, parent: Header, run: Run): Promise<string | undefined> {
  if (!isTerminal(run.status)) return undefined;
  const side = calledLinks(run, (await strandOf(context, parent, run)).strand[run.stepIndex]);
  return side && linkGroupOf(run.runId, side.kind, run.round);
}
/** Finishes a group of links that the sweeper found unexpanded. */
export async function resumeLinks(context: Context, header: Header): Promise<void> {
  const run = header.joins === undefined ? undefined : await readRunById(context, header.joins);
  const parent = run && (await readHeader(context, run.gid));
  if (run && parent) await openLinks(context, parent, run);
}

/** What the groups beside a strand have come to, up to its last run. */
interface Links {
  /** Whether one of them has not decided yet. */
  readonly open: boolean;
  /** A snapshot when a decision above has cut one of them off. */
  readonly counts: Counts | undefined;
  readonly groups: readonly Header[];
}
export async function linksOf(context: Context, run: Run, strand: Strand): Promise<Links> {
  const gids = await linkGroups(context, run, strand);
  if (gids.length === 0) return { open: false, counts: undefined, groups: [] };
  const groups = (await readHeaders(context, gids)).filter((header) => header !== undefined);
  const whole = groups.filter(({ outcome, early }) => outcome !== undefined && !early);
  const counts = ignoredFailures(whole.map(({ totals }) => totals));
  return {
    open: groups.some((header) => header.outcome === undefined),
    counts: whole.length < gids.length ? addCounts(counts, INEXACT) : counts,
    groups,
  };
}
/**
 * Returns the links that were cut off in an earlier round than the group of their run is in. They run to their end in
 * this round, so their member is not marked before.
 */
export const cutBefore = ({ groups }: Links, { round, outcome }: Header): readonly Header[] =>
  outcome ? [] : groups.filter((links) => links.side === "links" && links.outcome === "dropped" && links.round < round);
async function linkGroups(context: Context, run: Run, strand: Strand): Promise<string[]> {
  const before = strand.slice(0, run.stepIndex).flatMap((step, k) => (step.links ? [k] : []));
  // Before the first retry every step has ended in round 0.
  const rows = before.length > 0 && run.round > 0 ? await readMember(context, run.gid, run.index) : [];
  const rounds = new Map(rows.map(({ stepIndex, round }) => [stepIndex, round]));
  const gids = before.map((k) => linkGroupOf(runIdOf(run.gid, run.index, k), "links", rounds.get(k)));
  const own = calledLinks(run, strand[run.stepIndex]);
  if (own) gids.push(linkGroupOf(run.runId, own.kind, run.round));
  return gids;
}
