import type { Claim, HeldRuns, HolderEnd } from "../../engine/worker-loop.ts";
import { claimsOf } from "../../engine/execute/heartbeat.ts";

/** Why a blocked worker is killed, and the ids of the runs to blame. */
export interface Verdict {
  readonly why: "timeout" | "blocked";
  readonly culprits: ReadonlySet<string>;
}

/**
 * Judges a blocked worker. Returns undefined while it may go on: user code may compute until its deadline. `blockedBy`
 * is the run whose code is known to execute, or empty. Without such a run, the runs that are too late are to blame.
 */
export function judge(held: readonly HeldRuns[], blockedBy: string, now: number): Verdict | undefined {
  const late = held.filter(({ deadline }) => deadline < now).flatMap(claimsOf);
  if (late.length === 0) return undefined;
  const ids = new Set(late.map(({ runId }) => runId));
  const blocking = executingWith(held.flatMap(claimsOf), blockedBy);
  if (blocking.length === 0) return { why: "timeout", culprits: ids };
  const culprits = new Set(blocking.map(({ runId }) => runId));
  return { why: ids.has(blockedBy) ? "timeout" : "blocked", culprits };
}

/** Returns the claims whose code executes when that of a run does: its own, and of a bulk call all others. */
function executingWith(claims: readonly Claim[], runId: string | undefined): readonly Claim[] {
  const own = claims.find((claim) => claim.runId === runId);
  if (!own) return [];
  return own.together ? claims.filter(({ token }) => token === own.token) : [own];
}

/** Returns what is known of the end of a worker: the verdict, or the run that blocked it when it died by itself. */
export function holderEnd(
  claims: readonly Claim[],
  verdict: Verdict | undefined,
  blockedBy: string | undefined,
): HolderEnd {
  const known = verdict?.culprits ?? new Set(executingWith(claims, blockedBy).map(({ runId }) => runId));
  const culprits = claims.filter(({ runId }) => known.has(runId));
  return { claims, why: verdict?.why ?? "died", ...(culprits.length > 0 && { culprits }) };
}
