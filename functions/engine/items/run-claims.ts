import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { asRun, attributesOf, type Header, ownedBy, type Run, type RunAttributes, runKey } from "../item-kinds.ts";
import type { Change, UpdateOp, WriteOp } from "../ports.ts";
import { absent, and, eq } from "./conditions.ts";
import { fence, idle, leaseOver } from "./run-conditions.ts";
import { identify } from "./run-reads.ts";

export type ClaimOutcome =
  | { readonly kind: "claimed"; readonly run: Run }
  /** Somebody or something else is at it: look at the row, if there is one. */
  | { readonly kind: "refused"; readonly run: Run | undefined };

export interface ClaimRequest {
  readonly ref: RunRef;
  readonly header: Header;
  readonly token: string;
  readonly task: string;
  readonly seen: Run | undefined;
}
/**
 * Claims runs, each on its own. Without `seen` the row is expected to be absent (a lazy member at its first delivery) and is created; with it, it must be idle, or
 * its holder's lease be over (takeover). Never creates a row that was read as existing: that would bring a collected one back.
 */
export async function claimRuns(context: Context, claims: readonly ClaimRequest[]): Promise<readonly ClaimOutcome[]> {
  const now = context.clock.now();
  const results = await context.store.writeMany(claims.map((claim) => claimOp(context, claim, now)));
  return results.map(({ applied, item }, k) => {
    const { ref, token } = claims[k] as ClaimRequest;
    const run = asRun(item, identify(ref));
    if (run && (applied || (run.status === "started" && run.leaseOwner === token))) return { kind: "claimed", run };
    return { kind: "refused", run };
  });
}
function claimOp(context: Context, { ref, header, token, task, seen }: ClaimRequest, now: number): WriteOp {
  const key = runKey(ref, context.config.width);
  const lease = leaseOf(context, token, now);
  if (!seen) {
    // Written out, since most runs begin with this: what is spread together costs several times as much.
    const { v, jobId, ttl } = ownedBy(header);
    const { leaseOwner, leaseUntil, epoch } = lease;
    const started = { v, jobId, ttl, status: "started" as const, round: header.round, attempt: 1, task, startedAt: now, leaseOwner, leaseUntil, epoch };
    return { op: "put", key, attributes: attributesOf(started), when: ABSENT };
  }
  const takeover = seen.status === "started";
  const change: Change = {
    set: attributesOf({ status: "started", task, startedAt: now, ...lease, ...(takeover && takeoverMarks(context, seen)) }),
    add: { attempt: 1 },
    remove: ["notBefore", "due", "dueShard", "unknownSince", "unmet"],
  };
  return { op: "update", key, change, when: takeover ? and(eq("status", "started"), eq("attempt", seen.attempt), leaseOver(context, now)) : idle(now) };
}
const ABSENT = absent();
/** Attributes of a step that is created by the process that will run it. */
export function startedInPlace(context: Context, token: string, now: number): Partial<RunAttributes> {
  return { status: "started", attempt: 1, startedAt: now, ...leaseOf(context, token, now) };
}
function leaseOf(context: Context, token: string, now: number): Partial<RunAttributes> {
  const { leaseSeconds, epoch } = context.config;
  return { leaseOwner: token, leaseUntil: now + leaseSeconds * 1_000, epoch };
}
/** A takeover proves that somebody died, not who: the run goes on alone, and only a death while it ran alone counts against it. A reboot counts for nobody. */
function takeoverMarks(context: Context, seen: Run): Partial<RunAttributes> {
  if (ofEarlierBoot(context, seen)) return {};
  return { alone: true, killsAlone: killsAlone(context, seen) };
}
function ofEarlierBoot(context: Context, seen: Run): boolean {
  const { epoch } = context.config;
  return epoch !== undefined && (seen.epoch ?? 0) < epoch;
}
/**
 * A run whose holder died has its process to itself from then on, so that a further death is proof. After a reboot nobody is suspected: else all that
 * had been running would run one by one.
 */
export function mustRunAlone(context: Context, seen: Run | undefined): boolean {
  if (!seen) return false;
  return seen.alone === true || (seen.status === "started" && !ofEarlierBoot(context, seen));
}
/** Deaths that count against the run, the one just seen included. */
export function killsAlone(context: Context, seen: Run): number {
  const before = seen.killsAlone ?? 0;
  if (!seen.alone || ofEarlierBoot(context, seen)) return before;
  return context.config.killEvidence === "takeover" || seen.died === seen.attempt ? before + 1 : before;
}

export type CommitOutcome = { readonly kind: "committed"; readonly run: Run } | { readonly kind: "fenced"; readonly run: Run | undefined };

export interface CommitRequest {
  readonly claimed: Run;
  readonly token: string;
  readonly set: Partial<RunAttributes>;
  readonly remove?: readonly string[];
  /** There is no row yet, and nobody has a claim: the first one stands. */
  readonly unclaimed?: boolean;
}
/** The holders' one write each that ends an attempt: terminal, retrying, waiting, deferred or back to queued. Recognises its own lost response by `writer`. */
export async function commitRuns(context: Context, commits: readonly CommitRequest[]): Promise<readonly CommitOutcome[]> {
  if (commits.length === 0) return [];
  const results = await context.store.writeMany(
    commits.map(({ claimed, token, set, remove = [], unclaimed = false }) => {
      const key = runKey(claimed, context.config.width);
      if (unclaimed) return { op: "put", key, attributes: attributesOf({ ...rowOf(claimed), ...set, writer: token }), when: absent() };
      const change = { set: attributesOf({ ...set, writer: token }), remove: ["leaseOwner", "leaseUntil", ...remove] };
      return { op: "update", key, change, when: fence(token, claimed.attempt) };
    }),
  );
  return results.map(({ applied, item }, k) => {
    const { claimed, token } = commits[k] as CommitRequest;
    const run = asRun(item, identify(claimed));
    if (run && (applied || (run.writer === token && run.attempt === claimed.attempt))) return { kind: "committed", run };
    return { kind: "fenced", run };
  });
}
/** The attributes of a run without what its key says. */
function rowOf({ gid: _gid, index: _index, stepIndex: _step, runId: _runId, ...attributes }: Run): RunAttributes {
  return attributes;
}
export function heartbeatOp(context: Context, ref: RunRef, token: string, attempt: number): UpdateOp {
  const change: Change = { set: { leaseUntil: context.clock.now() + context.config.leaseSeconds * 1_000 } };
  return { op: "update", key: runKey(ref, context.config.width), change, when: fence(token, attempt) };
}
/** The supervisor saw the holder die: the lease is over now, and the death can count. */
export function endLeaseOp(context: Context, ref: RunRef, token: string, attempt: number): UpdateOp {
  return { op: "update", key: runKey(ref, context.config.width), change: { set: { leaseUntil: 0, died: attempt } }, when: fence(token, attempt) };
}

/** The holder is alive and ends the attempt itself, so nothing is held against the run any more. */
export const NOT_SUSPECT: readonly string[] = ["alone", "killsAlone", "died"];
/**
 * Returns claimed runs to their queue, if that much works: a port failed in the middle, the process must stop, or others of the batch took too long. Nobody died, so no
 * takeover will count against the runs. One write unit each.
 */
export async function returnClaims(context: Context, claims: readonly { readonly run: Run; readonly token: string }[]): Promise<void> {
  const set = { status: "queued" as const, sentAt: context.clock.now() };
  const commits = claims.map(({ run, token }) => ({ claimed: run, token, set, remove: NOT_SUSPECT }));
  await commitRuns(context, commits).catch(() => undefined);
}
