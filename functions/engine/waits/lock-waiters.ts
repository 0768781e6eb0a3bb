import { parseRunId, type RunRef, scopesOf } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, type Run } from "../item-kinds.ts";
import { allOf } from "../items/all-of.ts";
import { absent } from "../items/conditions.ts";
import { areOver, readHeaders } from "../items/header-reads.ts";
import { asLockWaiter, type LockWaiter, lockWaitKey, lockWaitPartition } from "../items/lock-items.ts";
import { readRuns } from "../items/run-reads.ts";
import type { PutOp } from "../ports.ts";
import { holdersOf, liveOf, runHash } from "./lock-holders.ts";
import { familyOf, type Lock, lockName, parseLock } from "./lock-names.ts";

/**
 * Runs that wait for a lock, first come first served. A waiter is removed before its run tries to take the lock, so a
 * waiter whose row is queued is on its way, and the lock is left to it.
 *
 *     refused:  put the waiter, THEN commit `deferred`, THEN look (nextWaiters)
 *     release:  remove the holder, THEN look, and wake whom it may go on
 *
 * So one of the two sees both.
 */

/** A waiter that the lock is free for, and its row. */
export interface NextWaiter {
  readonly waiter: LockWaiter;
  readonly run: Run;
}

/** Returns the write that puts a run among the waiters. It keeps its place when it was among them before. */
export function waitOp(context: Context, run: Run, lock: Lock): PutOp {
  const { jobId, ttl, runId, task, parked } = run;
  const since = parked?.since ?? context.clock.now();
  const key = lockWaitKey(familyOf(lock), lock.key, since, runHash(context, run));
  const attributes = {
    v: ITEM_VERSION,
    jobId,
    ttl,
    runId,
    wants: dependencyOn(lock),
    since,
    ...(task !== undefined && { task }),
  };
  return { op: "put", key, attributes, when: absent() };
}
/**
 * Removes a run from the waiters of the lock that it was woken for. It keeps its place if it is refused again. One write
 * unit.
 */
export async function leaveWaiters(context: Context, run: Run): Promise<void> {
  const lock = parkedLock(run);
  if (!lock || !run.parked) return;
  const key = lockWaitKey(familyOf(lock), lock.key, run.parked.since, runHash(context, run));
  await context.store.write({ op: "remove", key });
}
/** Returns the lock that a run waits for, or was woken for. */
export function parkedLock({ parked }: Pick<Run, "parked">): Lock | undefined {
  return parked?.on.startsWith(LOCK) ? parseLock(parked.on.slice(LOCK.length)) : undefined;
}
const LOCK = "lock:";
const dependencyOn = (lock: Lock): string => `${LOCK}${lockName(lock)}`;

/**
 * Returns the waiters that a lock is free for now. Costs one read unit while nobody waits. Waiters of runs that have
 * ended are removed.
 */
export async function nextWaiters(context: Context, lock: Lock): Promise<readonly NextWaiter[]> {
  const partition = lockWaitPartition(familyOf(lock), lock.key);
  const { items } = await context.store.query("tasks", partition, { limit: 1 });
  if (items.length === 0) return [];
  // Holders are read before waiters, because a run leaves the waiters before it becomes a holder.
  const holders = await holdersOf(context, lock);
  const next: NextWaiter[] = [];
  let room: Room | undefined;
  for await (const each of waitersOf(context, partition)) {
    room ??= await roomOf(context, lock, holders, each.lock);
    if (!room.admits(each.lock, next.length)) break;
    next.push(each);
    room.take(each.lock);
  }
  return next;
}
/** Returns whether a writer that is still alive waits since before a reader. The reader must wait behind it. */
export async function isBehindWriter(context: Context, run: Run, key: string): Promise<boolean> {
  const since = run.parked?.since ?? Number.POSITIVE_INFINITY;
  for await (const { lock, waiter } of waitersOf(context, lockWaitPartition("l", key))) {
    if (waiter.since >= since) return false;
    if (lock.mode === "write") return true;
  }
  return false;
}

/** What is left of a lock while waiters are chosen. */
interface Room {
  /** Whether the next waiter may go on beside those that were chosen before it. */
  admits(lock: Lock, chosen: number): boolean;
  take(lock: Lock): void;
}
async function roomOf(
  context: Context,
  lock: Lock,
  holders: Awaited<ReturnType<typeof holdersOf>>,
  first: Lock,
): Promise<Room> {
  if (first.mode === "place") {
    // Who has died is only looked for when no place is free.
    const full = holders.length >= first.limit;
    let taken = full ? (await liveOf(context, lock, holders)).length : holders.length;
    return {
      admits: (each) => each.mode === "place" && taken < each.limit,
      take: () => void taken++,
    };
  }
  const live = holders.length > 0 ? await liveOf(context, lock, holders) : holders;
  let writes = live.some(({ sort }) => sort === "w");
  const reads = live.length > 0 && !writes;
  return {
    admits: ({ mode }, chosen) => !writes && (mode === "read" || (!reads && chosen === 0)),
    take: ({ mode }) => void (writes ||= mode === "write"),
  };
}

/** Yields the waiters that wait, or that were woken and are on their way, in their order. */
async function* waitersOf(
  context: Context,
  partition: string,
): AsyncGenerator<NextWaiter & { readonly lock: Lock }, void, undefined> {
  for await (const { items } of allOf((after) =>
    context.store.query("tasks", partition, { ...after, limit: WAITERS_AT_ONCE }),
  )) {
    const waiters = items.map(asLockWaiter);
    const rows = await readRuns(
      context,
      waiters.map(({ runId }) => parseRunId(runId) as RunRef),
    );
    for (const [k, waiter] of waiters.entries()) {
      const run = rows[k];
      if (!run || isTerminal(run.status) || (waits(run) && (await isDropped(context, run)))) {
        await context.store.write({ op: "remove", key: items[k]?.key as PutOp["key"] });
        continue;
      }
      if (isWaiting(context, run, waiter)) yield { waiter, run, lock: parseLock(waiter.wants.slice(LOCK.length)) };
    }
  }
}
const WAITERS_AT_ONCE = 16;
/**
 * Returns whether a waiter waits, or is on its way since a while ago at most. What was woken longer ago may be behind a
 * long queue, and others need not wait for it.
 */
function isWaiting(context: Context, { status, unmet, sentAt = 0 }: Run, { wants }: LockWaiter): boolean {
  if (status === "deferred") return unmet === undefined || unmet.has(wants);
  return status === "queued" && context.clock.now() - sentAt < context.config.resendSeconds * 1_000;
}
const waits = ({ status }: Run): boolean => status === "deferred" || status === "queued";
/** A run below a decided group never goes on, and nothing ends its row. */
async function isDropped(context: Context, run: Run): Promise<boolean> {
  return areOver(await readHeaders(context, scopesOf(run.gid)), run.round);
}
