import { isIdentity, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { asRun, attributesOf, type Header, ownedBy, type Run, type RunAttributes, runKey } from "../item-kinds.ts";
import type { Change, Condition, UpdateOp, WriteOp } from "../ports.ts";
import { absent, and, eq } from "./conditions.ts";
import { fence, idle, leaseOver } from "./run-conditions.ts";
import { identify } from "./run-reads.ts";
import { KEPT_ATTRIBUTES } from "./sharing-attributes.ts";
import { tierPart } from "./tier-part.ts";
import { atMost, versionHere, versionPart } from "./versions.ts";

export type ClaimOutcome =
  | { readonly kind: "claimed"; readonly run: Run }
  /** Another worker holds the run, or the run is not idle. `run` is the row as it is now, if there is one. */
  | { readonly kind: "refused"; readonly run: Run | undefined };

export interface ClaimRequest {
  readonly ref: RunRef;
  readonly header: Header;
  readonly token: string;
  readonly task: string;
  readonly seen: Run | undefined;
}
/**
 * Claims runs, each by a write of its own. Without `seen` the row must be absent, and is created: this is a lazy member
 * at its first delivery. With `seen` the run must be idle, or its lease must have ended (a takeover). A row that was
 * read as existing is never created, because that would bring a collected row back.
 *
 *     claim ---------- leaseUntil ---- + skew margin -----------> any worker may take the run over
 *       |  heartbeat moves leaseUntil     the holder's clock may be behind ours by the margin
 *
 * The outcome is `claimed`, also when the claim of this token was applied before and its response was lost. Otherwise
 * it is `refused`. Costs one write unit for each run.
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
    // Most runs begin with this object. A literal costs a fraction of what spreading costs.
    const { v, jobId, ttl } = ownedBy(header);
    const { leaseOwner, leaseUntil, epoch } = lease;
    const started = {
      v,
      jobId,
      ttl,
      status: "started" as const,
      round: header.round,
      attempt: 1,
      task,
      startedAt: now,
      leaseOwner,
      leaseUntil,
      epoch,
    };
    return { op: "put", key, attributes: attributesOf(started), when: ABSENT };
  }
  const takeover = seen.status === "started";
  const change: Change = {
    set: attributesOf({
      status: "started",
      task,
      startedAt: now,
      ...lease,
      ...(takeover && takeoverAttributes(context, seen)),
    }),
    add: { attempt: 1 },
    // The sweep looks after an identity that nobody waits for until it has ended.
    remove: ["notBefore", ...(isIdentity(ref.gid) ? [] : ["due", "dueShard"]), "unknownSince", "unmet"],
  };
  const free = takeover
    ? and(eq("status", "started"), eq("attempt", seen.attempt), leaseOver(context, now))
    : idle(now);
  const claim: UpdateOp = { op: "update", key, change, when: and(eq("round", seen.round), free) };
  return isIdentity(ref.gid) ? versionedClaim(context, claim, seen, task) : claim;
}
/** An identity is claimed by no lower version than it was begun for, and from then on has that of its code. */
function versionedClaim(context: Context, claim: UpdateOp, seen: Run, task: string): UpdateOp {
  const version = versionHere(context, task);
  const { set, remove = [] } = claim.change;
  const cause = seen.kept && seen.cause && { cause: seen.cause };
  const change = {
    ...claim.change,
    set: { ...set, ...attributesOf({ ...versionPart(version), ...cause }) },
    remove: [...remove, ...(seen.kept ? KEPT_ATTRIBUTES : []), ...(version === 0 ? ["version"] : [])],
  };
  return { ...claim, change, when: and(claim.when as Condition, atMost(version)) };
}
const ABSENT = absent();
/** Returns the attributes of a step that is created by the process that will run it. */
export function startedInPlace(context: Context, token: string, now: number): Partial<RunAttributes> {
  return { status: "started", attempt: 1, startedAt: now, ...leaseOf(context, token, now) };
}
function leaseOf(context: Context, token: string, now: number): Partial<RunAttributes> {
  const { leaseSeconds, epoch } = context.config;
  return { leaseOwner: token, leaseUntil: now + leaseSeconds * 1_000, epoch };
}
/**
 * Returns what a takeover changes. A takeover proves that a process died, but not which of its runs killed it. So the
 * run continues alone, and only a death while it ran alone counts against it. The end of a boot counts against no run.
 */
function takeoverAttributes(context: Context, seen: Run): Partial<RunAttributes> {
  if (ofEarlierBoot(context, seen)) return {};
  return { alone: true, killsAlone: killsAlone(context, seen) };
}
function ofEarlierBoot(context: Context, seen: Run): boolean {
  const { epoch } = context.config;
  return epoch !== undefined && (seen.epoch ?? 0) < epoch;
}
/**
 * Whether a run must have its process to itself. It must once one of its holders has died, so that a further death is
 * proof. A reboot puts no run under suspicion, because all runs of that boot would then run one at a time.
 */
export function mustRunAlone(context: Context, seen: Run | undefined): boolean {
  if (!seen) return false;
  return seen.alone === true || (seen.status === "started" && !ofEarlierBoot(context, seen));
}
/** Whether the claim of a run proves that its attempt was killed, or has lost its lease. */
export function isTakeover(context: Context, seen: Run): boolean {
  return seen.status === "started" && !ofEarlierBoot(context, seen);
}
/** Returns the number of deaths that count against the run, including the one that was just seen. */
export function killsAlone(context: Context, seen: Run): number {
  const before = seen.killsAlone ?? 0;
  if (!seen.alone || ofEarlierBoot(context, seen)) return before;
  return context.config.killEvidence === "takeover" || seen.died === seen.attempt ? before + 1 : before;
}

/** `fenced`: the writer no longer holds the run. `run` is the row as it is now, if there is one. */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly run: Run }
  | { readonly kind: "fenced"; readonly run: Run | undefined };

export interface CommitRequest {
  readonly claimed: Run;
  readonly token: string;
  readonly set: Partial<RunAttributes>;
  readonly remove?: readonly string[];
  /** Set only for a run without a claim, which has no row yet. The first commit creates the row. */
  readonly unclaimed?: boolean;
}
/**
 * Ends attempts, each by one write of its holder. The run becomes ended, retrying, waiting, deferred or queued again. A
 * commit whose response was lost is recognised by `writer`. Costs one write unit for a row under 1 KB.
 */
export async function commitRuns(
  context: Context,
  commits: readonly CommitRequest[],
): Promise<readonly CommitOutcome[]> {
  if (commits.length === 0) return [];
  const results = await context.store.writeMany(
    commits.map(({ claimed, token, set, remove = [], unclaimed = false }) => {
      const key = runKey(claimed, context.config.width);
      if (unclaimed)
        return {
          op: "put",
          key,
          attributes: attributesOf({ ...rowOf(claimed), ...set, writer: token }),
          when: absent(),
        };
      const all = { ...set, ...tierPart(context, claimed, set), writer: token };
      const removed = ["leaseOwner", "leaseUntil", ...remove].filter((name) => !(name in all));
      const change = { set: attributesOf(all), remove: removed };
      return { op: "update", key, change, when: fence(token, claimed.attempt) };
    }),
  );
  return results.map(({ applied, item }, k) => {
    const { claimed, token } = commits[k] as CommitRequest;
    const run = asRun(item, identify(claimed));
    if (run && (applied || (run.writer === token && run.attempt === claimed.attempt)))
      return { kind: "committed", run };
    return { kind: "fenced", run };
  });
}
/** Returns the attributes of a run without what its key says. */
function rowOf({ gid: _gid, index: _index, stepIndex: _step, runId: _runId, ...attributes }: Run): RunAttributes {
  return attributes;
}
/** Returns the write that renews a lease until then, while the caller still holds the run. */
export function heartbeatOp(
  context: Context,
  ref: RunRef,
  token: string,
  attempt: number,
  leaseUntil: number,
): UpdateOp {
  const change: Change = { set: { leaseUntil } };
  return { op: "update", key: runKey(ref, context.config.width), change, when: fence(token, attempt) };
}
/** The part of a claim that its fence and its key need. */
export interface Fenced extends RunRef {
  readonly attempt: number;
}
/**
 * Returns the write that ends the lease of a holder that a supervisor saw end. It records a death, so that it counts. A
 * run that is `proven` to have occupied the process counts as alone in it. Its next attempt waits longer after each
 * death, so it cannot end one process after the other.
 */
export function endLeaseOp(
  context: Context,
  { token, attempt, ...ref }: Fenced & { readonly token: string },
  { died, proven }: { readonly died: boolean; readonly proven: boolean },
): UpdateOp {
  const waitMs = proven ? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) : 0;
  return {
    op: "update",
    key: runKey(ref, context.config.width),
    change: {
      set: {
        leaseUntil: proven ? context.clock.now() + waitMs : 0,
        ...(died && { died: attempt }),
        ...(proven && { alone: true }),
      },
    },
    when: fence(token, attempt),
  };
}
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/**
 * Ends a lease that is over for good, so that its holder can neither renew it nor write, however long its calls take.
 * The run is taken over as after any death. Returns false when the holder has renewed the lease, or the run has gone on.
 */
export async function endExpiredLease(context: Context, run: Run): Promise<boolean> {
  const { applied, item } = await context.store.write({
    op: "update",
    key: runKey(run, context.config.width),
    change: { set: { leaseUntil: 0 }, remove: ["leaseOwner"] },
    when: and(eq("status", "started"), eq("attempt", run.attempt), leaseOver(context, context.clock.now())),
  });
  if (applied) return true;
  const now = asRun(item, identify(run));
  return now === undefined || now.status !== "started" || now.attempt !== run.attempt || now.leaseOwner === undefined;
}

/** The holder is alive and ends the attempt itself, so nothing is held against the run any more. */
export const NOT_SUSPECT: readonly string[] = ["alone", "killsAlone", "died"];
/**
 * Returns runs of a bulk call that failed as a whole, and says how many runs the next call of each may have. Nothing is
 * held against them. A run that was lost meanwhile stays as it is. Costs one write unit for each run.
 */
export async function splitClaims(
  context: Context,
  claims: readonly { readonly run: Fenced; readonly token: string }[],
  among: number,
): Promise<void> {
  const sentAt = context.clock.now();
  const remove = ["leaseOwner", "leaseUntil", ...NOT_SUSPECT];
  await context.store.writeMany(
    claims.map(({ run, token }): UpdateOp => ({
      op: "update",
      key: runKey(run, context.config.width),
      change: { set: { status: "queued", sentAt, among }, remove },
      when: fence(token, run.attempt),
    })),
  );
}
/**
 * Returns claimed runs to their queue, as far as the store works. A port has failed in the middle, the process must
 * stop, or others of the batch took too long. Nobody died, so no takeover will count against the runs. The supervisor of
 * a stalled holder does it too, so the write does not bear the holder's token as `writer`: the holder would take it for a
 * commit of its own. Costs one write unit for each run.
 */
export async function returnClaims(
  context: Context,
  claims: readonly { readonly run: Fenced; readonly token: string }[],
): Promise<void> {
  if (claims.length === 0) return;
  const sentAt = context.clock.now();
  const remove = ["leaseOwner", "leaseUntil", ...NOT_SUSPECT];
  const ops = claims.map(({ run, token }): UpdateOp => ({
    op: "update",
    key: runKey(run, context.config.width),
    change: { set: { status: "queued", sentAt }, remove },
    when: fence(token, run.attempt),
  }));
  await context.store.writeMany(ops).catch(() => undefined);
}
