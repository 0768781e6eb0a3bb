import { jobIdOf, runIdOf, scopesOf } from "../../core/plan/run-id.ts";
import { pausesOf } from "../admission/pauses.ts";
import { all } from "../concurrently.ts";
import type { ActivePause, Context } from "../context.ts";
import { withRootMarks } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import type { Header } from "../item-kinds.ts";
import { areOver, readHeaders } from "../items/header-reads.ts";
import { noteHeld } from "../items/pause-items.ts";
import { heartbeatOp } from "../items/run-claims.ts";
import type { Claim, HeartbeatOutcome, HeldRuns } from "../worker-loop.ts";

/**
 * Renews leases under their fences, and checks whether the run's group or a group above has decided. Costs one write
 * per claim and one read per distinct group.
 */
export async function heartbeat(context: Context, claims: readonly Claim[]): Promise<readonly HeartbeatOutcome[]> {
  if (claims.length === 0) return [];
  // Before all reads. So a pause that they do not see is over when the lease is, and not before.
  const leaseUntil = context.clock.now() + context.config.leaseSeconds * 1_000;
  const scopes = [...new Set([...new Set(claims.map(({ gid }) => gid))].flatMap(scopesOf))];
  const headers = await readHeaders(context, scopes);
  const byGid = new Map(scopes.map((gid, k) => [gid, headers[k]]));
  await notePauses(context, claims, byGid, leaseUntil);
  const leased = claims.filter(({ unclaimed }) => !unclaimed);
  const renewed = await context.store.writeMany(
    leased.map((claim) => heartbeatOp(context, claim, claim.token, claim.attempt, leaseUntil)),
  );
  const lost = new Set(leased.filter((_, k) => !renewed[k]?.applied));
  return all(
    claims.map(async (claim) => {
      if (lost.has(claim)) return "lost";
      const own = byGid.get(claim.gid);
      if (!own || areOver(scopesOf(claim.gid).map((gid) => byGid.get(gid)))) return "cancelled";
      return (await isRevoked(context, withRootMarks(byGid.get(jobIdOf(claim.gid)), own), claim))
        ? "cancelled"
        : "kept";
    }),
  );
}
/** Notes in each pause of a held run until when the run is held, before its lease is renewed. */
async function notePauses(
  context: Context,
  claims: readonly Claim[],
  headers: ReadonlyMap<string, Header | undefined>,
  until: number,
): Promise<void> {
  const held = new Map<string, ActivePause>();
  for (const claim of claims) {
    const own = headers.get(claim.gid);
    if (!own) continue;
    for (const pause of await pausesOf(context, withRootMarks(headers.get(jobIdOf(claim.gid)), own), claim))
      held.set(pause.pause, pause);
  }
  await all([...held.values()].map(({ target, pause }) => noteHeld(context, target, pause, until)));
}
/** Returns the claim of each run that is held. */
export function claimsOf(held: HeldRuns): Claim[] {
  const { token, task, queue, together, unclaimed = false } = held;
  return [held, ...(together ?? [])].flatMap(({ gid, stepIndex, members, attempts }) =>
    members.map((index, k) => {
      return {
        gid,
        index,
        stepIndex,
        runId: runIdOf(gid, index, stepIndex),
        token,
        attempt: attempts[k] as number,
        task,
        queue,
        unclaimed,
        ...(together && { together: true as const }),
      };
    }),
  );
}
/** Returns the number of runs that are held. */
export function countHeld({ members, together = [] }: HeldRuns): number {
  return together.reduce((sum, more) => sum + more.members.length, members.length);
}
