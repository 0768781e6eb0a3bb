import { childGroupOf, type RunRef } from "../core/run-id.ts";
import { absent, and, contains, eq, lt, not, oneOf, or, present } from "./conditions.ts";
import type { Context } from "./context.ts";
import { asRun, attributesOf, type Header, ownedBy, type Run, type RunAttributes, runKey } from "./item-kinds.ts";
import type { Change, Condition, UpdateOp, WriteOp, WriteResult } from "./ports.ts";
import { identify } from "./runs.ts";

/**
 * Every conditional write on a run row (docs/protocol.md, section 5). Each costs one write unit for a row under 1 KB. `applied: false` never proves
 * that somebody else wrote: outcomes are told from what the item says.
 */
export interface RunWrite {
  readonly applied: boolean;
  /** The row as it is now; undefined: there is none. */
  readonly run: Run | undefined;
}

async function update(context: Context, ref: RunRef, change: Change, when: Condition): Promise<RunWrite> {
  const { applied, item } = await context.store.write({ op: "update", key: runKey(ref, context.config.width), change, when });
  return { applied, run: asRun(item, identify(ref)) };
}

/** May start: queued, or retrying, and due; or deferred, and its time is over. */
const idle = (now: number): Condition =>
  or(and(oneOf("status", ["queued", "retrying"]), or(absent("notBefore"), lt("notBefore", now + 1))), and(eq("status", "deferred"), lt("notBefore", now + 1)));
/** Its holder's lease is over, by the clock of the slowest other process, or because the holder's boot is over. */
const leaseOver = (context: Context, now: number): Condition => {
  const byTime = lt("leaseUntil", now - context.config.skewMarginSeconds * 1_000);
  return context.config.epoch === undefined ? byTime : or(byTime, lt("epoch", context.config.epoch));
};
/** A holder's right to write: nobody has taken the run over and it has not ended. */
const fence = (token: string, attempt: number): Condition => and(eq("status", "started"), eq("leaseOwner", token), eq("attempt", attempt));
const notTerminal: Condition = not(oneOf("status", ["success", "skipped", "error", "broken", "cancelled"]));

export function isLive(context: Context, run: Run): boolean {
  if (run.status !== "started") return false;
  const { epoch, skewMarginSeconds } = context.config;
  if (epoch !== undefined && (run.epoch ?? 0) < epoch) return false;
  return (run.leaseUntil ?? 0) + skewMarginSeconds * 1_000 >= context.clock.now();
}
export function isDue(context: Context, run: Run): boolean {
  return run.notBefore === undefined || run.notBefore <= context.clock.now();
}

/** As `idle` asks it of the store. */
export function isReady(context: Context, run: Run): boolean {
  if (run.status === "deferred") return run.notBefore !== undefined && isDue(context, run);
  return (run.status === "queued" || run.status === "retrying") && isDue(context, run);
}

export type ClaimOutcome =
  | { readonly kind: "claimed"; readonly run: Run }
  /** Somebody or something else is at it: look at the row, if there is one. */
  | { readonly kind: "refused"; readonly run: Run | undefined };

export interface Claiming {
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
export async function claimRuns(context: Context, claims: readonly Claiming[]): Promise<readonly ClaimOutcome[]> {
  const now = context.clock.now();
  const results = await context.store.writeMany(claims.map((claim) => claimOp(context, claim, now)));
  return results.map(({ applied, item }, k) => {
    const { ref, token } = claims[k] as Claiming;
    const run = asRun(item, identify(ref));
    if (run && (applied || (run.status === "started" && run.leaseOwner === token))) return { kind: "claimed", run };
    return { kind: "refused", run };
  });
}
function claimOp(context: Context, { ref, header, token, task, seen }: Claiming, now: number): WriteOp {
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
    set: attributesOf({ status: "started", task, startedAt: now, ...lease, ...(takeover ? takeoverMarks(context, seen) : {}) }),
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

export interface Committing {
  readonly claimed: Run;
  readonly token: string;
  readonly set: Partial<RunAttributes>;
  readonly remove?: readonly string[];
  /** There is no row yet, and nobody has a claim: the first one stands. */
  readonly unclaimed?: boolean;
}
/** The holders' one write each that ends an attempt: terminal, retrying, waiting, deferred or back to queued. Recognises its own lost response by `writer`. */
export async function commitRuns(context: Context, commits: readonly Committing[]): Promise<readonly CommitOutcome[]> {
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
    const { claimed, token } = commits[k] as Committing;
    const run = asRun(item, identify(claimed));
    if (run && (applied || (run.writer === token && run.attempt === claimed.attempt))) return { kind: "committed", run };
    return { kind: "fenced", run };
  });
}
/** The attributes of a run without what its key says. */
function rowOf({ gid: _gid, index: _index, step: _step, runId: _runId, ...attributes }: Run): RunAttributes {
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

/** Creates a row that is written before it runs (next step, page, member with full tracking or a start time); the one that stands there wins. */
export async function createRuns(context: Context, runs: readonly NewRun[]): Promise<RunWrite[]> {
  if (runs.length === 0) return [];
  const results = await putRuns(context, runs);
  return results.map(({ applied, item }, k) => ({ applied, run: asRun(item, identify((runs[k] as { ref: RunRef }).ref)) }));
}
/** The same, for who does not ask which ones stood there. */
export function putRuns(context: Context, runs: readonly NewRun[]): Promise<readonly WriteResult[]> {
  return context.store.writeMany(
    runs.map(({ ref, attributes }) => ({ op: "put", key: runKey(ref, context.config.width), attributes: attributesOf(attributes), when: absent() })),
  );
}
interface NewRun {
  readonly ref: RunRef;
  readonly attributes: Partial<RunAttributes>;
}
/** A group step needs no lease: it only waits. `seen` absent: a lazy member whose first step is a group. */
export async function waitForGroup(
  context: Context,
  ref: RunRef,
  header: Header,
  seen: Run | undefined,
  takes: NonNullable<RunAttributes["takes"]>,
): Promise<RunWrite> {
  const joins = childGroupOf(identify(ref).runId);
  if (!seen) {
    const attributes = { ...ownedBy(header), status: "waiting" as const, round: header.round, attempt: 0, joins, ownCounts: {}, takes };
    return (await createRuns(context, [{ ref, attributes }]))[0] as RunWrite;
  }
  return update(context, ref, { set: attributesOf({ status: "waiting", joins, ownCounts: {}, takes }) }, idle(context.clock.now()));
}
/** Ends a run that never started (expired, unknown task): only while it is idle. */
export async function endIdleRun(context: Context, ref: RunRef, header: Header, seen: Run | undefined, set: Partial<RunAttributes>): Promise<RunWrite> {
  if (!seen) return (await createRuns(context, [{ ref, attributes: { ...ownedBy(header), round: header.round, attempt: 0, ...set } }]))[0] as RunWrite;
  return update(context, ref, { set: attributesOf(set), remove: ["notBefore", "due", "dueShard", "unmet"] }, idle(context.clock.now()));
}
/** Ends a run that nobody holds and that does not wait, due or not. `seen` undefined: a lazy member that never started. */
export async function revokeIdleRun(context: Context, ref: RunRef, header: Header, seen: Run | undefined, set: Partial<RunAttributes>): Promise<RunWrite> {
  if (!seen) return (await createRuns(context, [{ ref, attributes: { ...ownedBy(header), round: header.round, attempt: 0, ...set } }]))[0] as RunWrite;
  const free = or(oneOf("status", ["queued", "retrying", "pending", "deferred"]), and(eq("status", "started"), leaseOver(context, context.clock.now())));
  return update(context, ref, { set: attributesOf(set), remove: ["leaseOwner", "leaseUntil", "notBefore", "due", "dueShard", "unmet"] }, free);
}
/** Wake 1: these dependencies of a deferred run are met. One unit; `item` says what is left, also when another one was quicker. */
export async function takeUnmet(context: Context, ref: RunRef, dependencies: readonly string[]): Promise<RunWrite> {
  const any = or(...dependencies.map((dependency) => contains("unmet", dependency)));
  return update(context, ref, { take: { unmet: new Set(dependencies) } }, and(eq("status", "deferred"), any));
}
/** Wake 2: nothing is unmet, so a message is owed. */
export async function queueWoken(context: Context, ref: RunRef): Promise<RunWrite> {
  return update(context, ref, woken(context), and(eq("status", "deferred"), absent("unmet")));
}
/** Whatever it waits for is not wanted any more. Only the deferral that was seen. */
export async function endDeferral(context: Context, seen: Run): Promise<RunWrite> {
  return update(context, seen, woken(context), and(eq("status", "deferred"), eq("attempt", seen.attempt)));
}
const woken = (context: Context): Change => ({
  set: { status: "queued", sentAt: context.clock.now() },
  remove: ["unmet", "notBefore", "due", "dueShard"],
});
/** No worker here knows the run's task: its time of grace begins when the first one says so, since it may have waited in a queue for long. */
export async function noteUnknownTask(context: Context, ref: RunRef, header: Header, seen: Run | undefined, task: string): Promise<number> {
  const now = context.clock.now();
  if (seen?.unknownSince !== undefined) return seen.unknownSince;
  const { run } = seen
    ? await update(context, ref, { setOnce: { unknownSince: now } }, and(present(), notTerminal))
    : ((
        await createRuns(context, [
          { ref, attributes: { ...ownedBy(header), status: "queued", round: header.round, attempt: 0, task, sentAt: now, unknownSince: now } },
        ])
      )[0] as RunWrite);
  return run?.unknownSince ?? now;
}
/** Its message was given up: the row, made if there is none, says how often. undefined: the row was collected. */
export async function noteDeadLetter(context: Context, ref: RunRef, header: Header, seen: Run | undefined, task: string): Promise<Run | undefined> {
  const now = context.clock.now();
  if (seen) return (await update(context, ref, { set: { sentAt: now }, add: { deadLetters: 1 } }, and(present(), notTerminal))).run;
  const attributes = { ...ownedBy(header), status: "queued" as const, round: header.round, attempt: 0, task, sentAt: now, deadLetters: 1 };
  return (await createRuns(context, [{ ref, attributes }]))[0]?.run;
}
/** Ends a run that killed its process too often, in place of the takeover. */
export async function breakDeadRun(context: Context, seen: Run, set: Partial<RunAttributes>): Promise<RunWrite> {
  const free = and(eq("status", "started"), eq("attempt", seen.attempt), leaseOver(context, context.clock.now()));
  return update(context, seen, { set: attributesOf(set), remove: ["leaseOwner", "leaseUntil"] }, free);
}
/** Ends the wait of a row for its child group of the same round. */
export async function settleRun(context: Context, owner: Run, gid: string, round: number, set: Partial<RunAttributes>): Promise<RunWrite> {
  return update(context, owner, { set: attributesOf(set) }, and(eq("status", "waiting"), eq("joins", gid), eq("round", round)));
}
/** Below a decided group: ends a run that nobody holds, by a write, so that a late commit is fenced. */
export async function cancelIdleRun(context: Context, run: Run, round: number, set: Partial<RunAttributes>): Promise<RunWrite> {
  const held = and(eq("status", "started"), not(leaseOver(context, context.clock.now())));
  return update(context, run, { set: attributesOf(set), remove: ["leaseOwner", "leaseUntil"] }, and(present(), eq("round", round), notTerminal, not(held)));
}
/** A waiting row whose group was never created, below a decided group. */
export async function cancelWaitingRun(context: Context, run: Run, set: Partial<RunAttributes>): Promise<RunWrite> {
  return update(context, run, { set: attributesOf(set) }, and(eq("status", "waiting"), eq("round", run.round)));
}
/** The sweeper owes the run's message again; the next time is twice as far. */
export async function noteResend(context: Context, run: Run): Promise<void> {
  await update(context, run, { set: { sentAt: context.clock.now() }, add: { sends: 1 } }, present());
}
/** The due entry was handed to a queue with the exact delay. */
export async function clearDue(context: Context, run: Run, due: number): Promise<void> {
  await update(context, run, { remove: ["due", "dueShard"] }, eq("due", due));
}
