import { jobIdOf, parseRunId, type RunRef, scopesOf } from "../core/run-id.ts";
import type { Context } from "./context.ts";
import type { Claim, HeartbeatOutcome } from "./contract.ts";
import { all } from "./concurrently.ts";
import { readHeaders, withStampsOf } from "./gate.ts";
import { mustNotRun } from "./revoked.ts";
import { endLeaseOp, heartbeatOp } from "./run-writes.ts";

/** Extends leases under their fences, and looks whether a group above has decided. One write per claim, one read per distinct group. */
export async function heartbeat(context: Context, claims: readonly Claim[]): Promise<readonly HeartbeatOutcome[]> {
  if (claims.length === 0) return [];
  const refs = claims.map((claim) => refOf(claim));
  const leased = claims.flatMap((claim, k) => (claim.thin ? [] : [{ claim, ref: refs[k] as RunRef }]));
  const renewed = await context.store.writeMany(leased.map(({ claim, ref }) => heartbeatOp(context, ref, claim.token, claim.attempt)));
  const lost = new Set(leased.filter((_, k) => !renewed[k]?.applied).map(({ claim }) => claim));
  const scopes = [...new Set(refs.flatMap((ref) => scopesOf(ref.gid)))];
  const headers = await readHeaders(context, scopes);
  const decided = new Set(scopes.filter((_, k) => !headers[k] || headers[k]?.outcome !== undefined));
  const byGid = new Map(scopes.map((gid, k) => [gid, headers[k]]));
  return all(
    claims.map(async (claim, k) => {
      if (lost.has(claim)) return "lost";
      const ref = refs[k] as RunRef;
      const own = byGid.get(ref.gid);
      if (!own || scopesOf(ref.gid).some((gid) => decided.has(gid))) return "cancelled";
      return (await mustNotRun(context, withStampsOf(byGid.get(jobIdOf(ref.gid)), own), ref)) ? "cancelled" : "kept";
    }),
  );
}
export async function endLeases(context: Context, claims: readonly Claim[]): Promise<void> {
  const leased = claims.filter((claim) => !claim.thin);
  if (leased.length > 0) await context.store.writeMany(leased.map((claim) => endLeaseOp(context, refOf(claim), claim.token, claim.attempt)));
}
function refOf(claim: Claim): RunRef {
  const ref = parseRunId(claim.runId);
  if (!ref) throw new Error(`not a run id: ${claim.runId}`);
  return ref;
}
