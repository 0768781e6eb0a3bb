import { isTerminal } from "../../core/plan/run-state.ts";
import { DONE, type MemberOutcome } from "../attempt/member-outcome.ts";
import { unclaimedRun } from "../attempt/unclaimed.ts";
import type { Context } from "../context.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked, mayBeRevoked } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { type ClaimOutcome, type ClaimRequest, claimRuns, mustRunAlone } from "../items/run-claims.ts";
import { isReady } from "../items/run-conditions.ts";
import { handleDeferred, secondsUntil } from "./deferred-member.ts";
import type { Ready, Report, Reports } from "./reports.ts";

/** A run of a batch, claimed under the batch's token unless its member is unclaimed. */
export interface Turn {
  readonly member: Ready;
  readonly run: Run;
  readonly token: string;
}

/**
 * Claims the members of a batch under one token, once their group still goes on: the wait for a slot may have been long. Members that were not claimed are reported.
 * Returns undefined when no member is left. `header` is the header as the gate gave it.
 */
export async function claimBatch(
  context: Context,
  { gid }: Header,
  members: readonly Ready[],
  reports: Reports,
): Promise<{ readonly header: Header; readonly turns: readonly Turn[] } | undefined> {
  const gate = await gateOf(context, gid);
  if (gate.kind !== "go") {
    const outcome: MemberOutcome = gate.kind === "gone" ? DONE : COMES_AGAIN;
    reports.add(Promise.resolve(members.map(({ ref }) => ({ ref, outcome }))));
    return undefined;
  }
  const { header } = gate;
  const wanted = mayBeRevoked(header) ? await withoutRevoked(context, header, members, reports) : members;
  if (wanted.length === 0) return undefined;
  const token = context.ids.token();
  const turns = wanted[0]?.unclaimed
    ? wanted.map((member) => ({ member, run: unclaimedRun(context, member.ref, header, member.step), token }))
    : await claimAll(context, header, wanted, token, reports);
  return turns.length > 0 ? { header, turns } : undefined;
}
const COMES_AGAIN: MemberOutcome = { kind: "later", delaySeconds: 0 };

async function withoutRevoked(context: Context, header: Header, members: readonly Ready[], reports: Reports): Promise<readonly Ready[]> {
  const wanted: Ready[] = [];
  const revoked: Report[] = [];
  for (const member of members) {
    if (await isRevoked(context, header, member.ref)) revoked.push({ ref: member.ref, outcome: COMES_AGAIN });
    else wanted.push(member);
  }
  if (revoked.length > 0) reports.add(Promise.resolve(revoked));
  return wanted;
}

/** One token for all: it tells this claim of a run from every other. */
async function claimAll(context: Context, header: Header, members: readonly Ready[], token: string, reports: Reports): Promise<readonly Turn[]> {
  const requests = members.map(({ ref, run, step }): ClaimRequest => ({ ref, header, token, task: step.task, seen: run }));
  const claims = await claimReadyRows(context, requests, await claimRuns(context, requests));
  const turns: Turn[] = [];
  members.forEach((member, k) => {
    const claim = claims[k] as ClaimOutcome;
    if (claim.kind === "claimed") turns.push({ member, run: claim.run, token });
    else reports.add(lookAtRefused(context, claim.run).then((outcome) => [{ ref: member.ref, outcome }]));
  });
  return turns;
}
/** A first delivery may meet a row that is ready (full tracking, a start time), of which it did not know. The row is claimed as it was met. */
async function claimReadyRows(context: Context, requests: readonly ClaimRequest[], claims: readonly ClaimOutcome[]): Promise<readonly ClaimOutcome[]> {
  const met = claims.map(({ kind, run }, k) =>
    kind === "refused" && !requests[k]?.seen && run && isReady(context, run) && !mustRunAlone(context, run) ? run : undefined,
  );
  const again = requests.flatMap((request, k) => (met[k] ? [{ ...request, seen: met[k] }] : []));
  if (again.length === 0) return claims;
  const second = (await claimRuns(context, again)).values();
  return claims.map((claim, k) => (met[k] ? (second.next().value as ClaimOutcome) : claim));
}
/** The row was not what it seemed, and is now in hand. A queued one is claimed at the next delivery. */
async function lookAtRefused(context: Context, run: Run | undefined): Promise<MemberOutcome> {
  if (!run) return DONE; // read as existing, now collected
  if (isTerminal(run.status)) return { kind: "ended", run };
  if (run.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  if (run.status !== "waiting") return { kind: "later", delaySeconds: run.status === "started" ? secondsUntil(context, run.leaseUntil) : 1 };
  await resumeWaiting(context, run);
  return DONE;
}
