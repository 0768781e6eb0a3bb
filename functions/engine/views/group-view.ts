import { FanfoldError } from "../../core/errors.ts";
import { addCounts, carriedUp, type Counts } from "../../core/plan/counts.ts";
import { isExpired } from "../../core/plan/group-expiry.ts";
import type { GroupView } from "../../core/plan/group-view.ts";
import { splitItems } from "../../core/plan/item-counters.ts";
import { jobIdOf, parseRunId, runIdOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { countLedger } from "../items/ledger-count.ts";
import { readRunById } from "../items/run-reads.ts";
import { memberStrand } from "../plan/strands.ts";

const GROUP_ID = /^[0-9A-Za-z_.~-]{1,900}$/;

/**
 * Returns a group as people and the API see it: of a canvas, of an attempt that spawned, of links, or the root of a job.
 * One read for the header, one for each node of the ledger that is not full, and up to three for callback and error.
 */
export async function viewGroup(context: Context, groupId: string): Promise<GroupView> {
  const header = GROUP_ID.test(groupId) ? await readHeader(context, groupId) : undefined;
  if (!header) throw groupNotFound(groupId);
  refuseExpired(context, header);
  const marks = await marksOf(context, header);
  const callbackRunId = await callbackOf(context, header);
  const firstError = await firstErrorOf(context, header);
  const { total } = marks;
  return {
    groupId,
    jobId: jobIdOf(groupId),
    state: header.outcome ?? "open",
    round: header.round,
    createdAt: header.createdAt,
    ...(total !== undefined && { total, remaining: Math.max(0, total - marks.ended) }),
    failed: marks.counts["failedMembers"] ?? 0,
    ...shownCounts(marks.counts),
    countsExact: marks.exact,
    policy: header.policy,
    tracking: header.tracking,
    ...(header.joins !== undefined && { ownerRunId: header.joins }),
    ...(callbackRunId !== undefined && { callbackRunId }),
    ...(firstError && { firstError }),
    ...(header.ttlSeconds !== undefined && { ttlSeconds: header.ttlSeconds }),
    ...(header.outcome !== undefined && { expiresAt: Math.min(header.expiresAt ?? Infinity, header.ttl * 1_000) }),
  };
}

/** Throws `group_expired` for a group whose time to live is over. Its runs stay until the job expires. */
export function refuseExpired({ clock }: Context, { gid, expiresAt, ttlSeconds }: Header): void {
  if (expiresAt === undefined || !isExpired({ expiresAt }, clock.now())) return;
  throw new FanfoldError(
    "group_expired",
    `the group ${gid} ended more than its ${ttlSeconds} s ago; give it a greater ttlSeconds`,
    { details: { groupId: gid, expiredAt: expiresAt } },
  );
}
function groupNotFound(groupId: string): FanfoldError {
  const shown = groupId.slice(0, 200);
  const ref = parseRunId(groupId);
  const hint = ref
    ? `${shown} is the id of a run, which is in the group ${ref.gid.slice(0, 200)}; the group of its children is ${shown}.g`
    : `there is no group ${shown}: it has not begun, or its job has expired; GET /jobs/{id}/graph lists the groups of a job`;
  return new FanfoldError("group_not_found", hint, { details: { groupId: shown } });
}

interface Marks {
  /** Absent as long as the number of members is unknown. */
  readonly total?: number;
  readonly ended: number;
  readonly counts: Counts;
  readonly exact: boolean;
}
async function marksOf(context: Context, header: Header): Promise<Marks> {
  const { outcome, totals, early = false, pages, memberCount } = header;
  if (header.joins === undefined)
    return {
      total: 1,
      ended: outcome === undefined ? 0 : 1,
      counts: totals ?? {},
      exact: outcome !== undefined && isExact(header),
    };
  if (outcome !== undefined && totals && !early) {
    const total = pages ? (totals["members"] ?? 0) : (memberCount ?? 0);
    return { total, ended: total, counts: totals, exact: isExact(header) };
  }
  const { marked, counts, exact } = await countLedger(context, header);
  // Members of an open group are pages. How many items they have is known once all pages have ended.
  const total = !pages && memberCount !== undefined && { total: memberCount };
  return { ...total, ended: marked, counts, exact: exact && !("inexact" in counts) };
}
const isExact = ({ early = false, totals = {} }: Header): boolean => !early && !("inexact" in totals);
function shownCounts(counts: Counts): Pick<GroupView, "counts" | "items"> {
  const { inexact: _inexact, ...shown } = carriedUp(addCounts(counts));
  return splitItems(shown);
}

/** Returns the run that follows a group once it has completed: its callback, or the next step of the run that spawned it. */
async function callbackOf(context: Context, header: Header): Promise<string | undefined> {
  const ref = header.joins === undefined || header.side ? undefined : parseRunId(header.joins);
  const above = ref && (await readHeader(context, ref.gid));
  if (!ref || !above || above.pages || (above.plan === undefined && above.step === undefined)) return undefined;
  const { strand, period } = await memberStrand(context, above, ref.index);
  const next = ref.stepIndex + 1;
  const mayRepeat = above.repeat !== undefined && next % period === 0;
  return next < strand.length && !mayRepeat ? runIdOf(ref.gid, ref.index, next) : undefined;
}
async function firstErrorOf(context: Context, header: Header): Promise<GroupView["firstError"]> {
  if (header.joins === undefined) return header.error && { ...header.error, runId: header.error.runId ?? "" };
  const run = header.firstError === undefined ? undefined : await readRunById(context, header.firstError);
  return run?.error && { ...run.error, runId: run.error.runId ?? run.runId };
}
