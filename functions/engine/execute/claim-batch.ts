import { isTerminal } from "../../core/plan/run-state.ts";
import { leaveOver } from "../attempt/limited-attempt.ts";
import { DONE, type MemberOutcome } from "../attempt/member-outcome.ts";
import { unclaimedRun } from "../attempt/unclaimed.ts";
import type { Context } from "../context.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import { mayBePaused, pausedBy } from "../admission/pauses.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked, mayBeRevoked } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { type ClaimOutcome, type ClaimRequest, claimRuns, isTakeover, mustRunAlone } from "../items/run-claims.ts";
import { countKilled } from "../jobs/statistics.ts";
import { isReady } from "../items/run-conditions.ts";
import { handleDeferred, secondsUntil } from "./deferred-member.ts";
import { queueOf } from "../plan/step-placement.ts";
import type { Ready, Report, Reports } from "./member-reports.ts";

/** A run of a batch, claimed under the batch's token unless its member is unclaimed. */
export interface BatchRun {
  readonly member: Ready;
  readonly run: Run;
  readonly token: string;
}

/**
 * Claims the members of a batch under one token. The wait for a slot may have been long, so the group is checked again
 * first. Members that were not claimed are reported. Returns undefined when no member was claimed. The returned
 * `header` is the one that the check read.
 */
export async function claimBatch(
  context: Context,
  { gid }: Header,
  members: readonly Ready[],
  reports: Reports,
  token = context.ids.token(),
): Promise<{ readonly header: Header; readonly runs: readonly BatchRun[] } | undefined> {
  const gate = await gateOf(context, gid);
  if (gate.kind !== "go") {
    const outcome: MemberOutcome = gate.kind === "gone" ? DONE : REDELIVER;
    reports.add(Promise.resolve(members.map(({ ref }) => ({ ref, outcome }))));
    return undefined;
  }
  const { header } = gate;
  const checked = mayBeRevoked(header) || (await mayBePaused(context, header));
  const wanted = checked ? await withoutHeld(context, header, members, reports) : members;
  if (wanted.length === 0) return undefined;
  const runs = wanted[0]?.unclaimed
    ? wanted.map((member) => ({ member, run: unclaimedRun(context, member.ref, header, member.step), token }))
    : await claimAll(context, header, wanted, token, reports);
  return runs.length > 0 ? { header, runs } : undefined;
}
const REDELIVER: MemberOutcome = { kind: "later", delaySeconds: 0 };

/** Leaves out members that were revoked or paused meanwhile. Their message ends or parks them when it comes again. */
async function withoutHeld(
  context: Context,
  header: Header,
  members: readonly Ready[],
  reports: Reports,
): Promise<readonly Ready[]> {
  const wanted: Ready[] = [];
  const held: Report[] = [];
  for (const member of members) {
    const { ref, step } = member;
    const revoked = mayBeRevoked(header) && (await isRevoked(context, header, ref));
    if (revoked || (await pausedBy(context, header, step))) held.push({ ref, outcome: REDELIVER });
    else wanted.push(member);
  }
  if (held.length > 0) reports.add(Promise.resolve(held));
  return wanted;
}

/** Claims rows under one token. The token tells this claim of a run from every other. */
async function claimAll(
  context: Context,
  header: Header,
  members: readonly Ready[],
  token: string,
  reports: Reports,
): Promise<readonly BatchRun[]> {
  const requests = members.map(({ ref, run, step }): ClaimRequest => ({
    ref,
    header,
    token,
    task: step.task,
    seen: run,
  }));
  const claims = await claimReadyRows(context, requests, await claimRuns(context, requests));
  const runs: BatchRun[] = [];
  members.forEach((member, k) => {
    const claim = claims[k] as ClaimOutcome;
    if (claim.kind === "claimed") {
      if (member.run && isTakeover(context, member.run)) {
        countKilled(context, member.step);
        context.statistics.note("lease_taken_over", member.step.task, queueOf(context, member.step));
      }
      runs.push({ member, run: claim.run, token });
    } else reports.add(handleRefused(context, header, claim.run).then((outcome) => [{ ref: member.ref, outcome }]));
  });
  return runs;
}
/**
 * Claims rows that a first delivery did not expect. With full tracking or a start time a row may exist and be ready.
 * Such a row is claimed as the refused claim returned it.
 */
async function claimReadyRows(
  context: Context,
  requests: readonly ClaimRequest[],
  claims: readonly ClaimOutcome[],
): Promise<readonly ClaimOutcome[]> {
  const found = claims.map(({ kind, run }, k) =>
    kind === "refused" &&
    !requests[k]?.seen &&
    run &&
    run.round === requests[k]?.header.round &&
    isReady(context, run) &&
    !mustRunAlone(context, run)
      ? run
      : undefined,
  );
  const again = requests.flatMap((request, k) => (found[k] ? [{ ...request, seen: found[k] }] : []));
  if (again.length === 0) return claims;
  const second = (await claimRuns(context, again)).values();
  return claims.map((claim, k) => (found[k] ? (second.next().value as ClaimOutcome) : claim));
}
/**
 * Handles a member whose claim was refused. The row that the refused claim returned says what to do. A queued run is
 * claimed at the next delivery.
 */
async function handleRefused(context: Context, header: Header, run: Run | undefined): Promise<MemberOutcome> {
  if (!run) return DONE; // the row was read before, and has been collected since
  if (isTerminal(run.status)) {
    await leaveOver(context, header, run);
    return { kind: "ended", run };
  }
  if (run.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  if (run.status !== "waiting")
    return { kind: "later", delaySeconds: run.status === "started" ? secondsUntil(context, run.leaseUntil) : 1 };
  await resumeWaiting(context, run);
  return DONE;
}
