import { jobIdOf, runIdOf, scopesOf } from "../../core/plan/run-id.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { withStampsOf } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import { readHeaders } from "../items/header-reads.ts";
import { heartbeatOp } from "../items/run-claims.ts";
import type { Claim, HeartbeatOutcome, HeldRuns } from "../worker-loop.ts";

/**
 * Renews leases under their fences, and checks whether the run's group or a group above has decided. Costs one write
 * per claim and one read per distinct group.
 */
export async function heartbeat(context: Context, claims: readonly Claim[]): Promise<readonly HeartbeatOutcome[]> {
  if (claims.length === 0) return [];
  const leased = claims.filter(({ unclaimed }) => !unclaimed);
  const renewed = await context.store.writeMany(
    leased.map((claim) => heartbeatOp(context, claim, claim.token, claim.attempt)),
  );
  const lost = new Set(leased.filter((_, k) => !renewed[k]?.applied));
  const scopes = [...new Set([...new Set(claims.map(({ gid }) => gid))].flatMap(scopesOf))];
  const headers = await readHeaders(context, scopes);
  const decided = new Set(scopes.filter((_, k) => !headers[k] || headers[k]?.outcome !== undefined));
  const byGid = new Map(scopes.map((gid, k) => [gid, headers[k]]));
  return all(
    claims.map(async (claim) => {
      if (lost.has(claim)) return "lost";
      const own = byGid.get(claim.gid);
      if (!own || scopesOf(claim.gid).some((gid) => decided.has(gid))) return "cancelled";
      return (await isRevoked(context, withStampsOf(byGid.get(jobIdOf(claim.gid)), own), claim)) ? "cancelled" : "kept";
    }),
  );
}
/** Returns the claim of each run that is held. */
export function claimsOf({ token, task, gid, stepIndex, members, attempts, unclaimed = false }: HeldRuns): Claim[] {
  return members.map((index, k) => {
    return {
      gid,
      index,
      stepIndex,
      runId: runIdOf(gid, index, stepIndex),
      token,
      attempt: attempts[k] as number,
      task,
      unclaimed,
    };
  });
}
