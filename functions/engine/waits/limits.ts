import type { RunLimits } from "../../core/task/run-limits.ts";
import type { Context } from "../context.ts";
import { attemptsOf, type Run, type RunAttributes } from "../item-kinds.ts";
import { duePart } from "../items/run-reads.ts";
import type { Key } from "../ports.ts";
import { dependencyOf, subscribeOps } from "./dependencies.ts";
import { wakeOwner } from "./deferred.ts";
import { noteLimitsInUse } from "./limits-in-use.ts";
import { releaseEarlier, releaseLock, takeLock } from "./lock-holders.ts";
import { type Lock, lockName, locksOf } from "./lock-names.ts";
import { isBehindWriter, leaveWaiters, nextWaiters, parkedLock } from "./lock-waiters.ts";
import { rateName, takeRate } from "./rate-limits.ts";

/**
 * What a run must hold while its code executes (docs/protocol-rules.md, section 22). It is taken after the claim and
 * before any code of the task, and released before the commit: a process that dies in between repeats the attempt, and
 * releases it then.
 *
 *     started -> deferred      refused; what was taken is released, and no start is counted
 *     deferred -> queued       a lock is free, and the run is the next one
 *     deferred -> started      its window has begun (a rate)
 */
export interface HeldLimits {
  release(): Promise<void>;
}
/** Why a run was refused, as its commit says it. */
export interface Refusal {
  readonly on: string;
  /** When the run comes back. Absent while it waits for a lock. */
  readonly until?: number;
}
interface Held {
  readonly lock: Lock;
  readonly key: Key;
}

/**
 * Takes all that a run must hold, in one order for all runs, and counts its start last. Costs two write units for each
 * lock with its release, and one for the rate. An attempt that is told to stop takes nothing more, because one that has
 * lost its lease may be the last that would release it. Then the reason of the signal is thrown.
 */
export async function takeLimits(
  context: Context,
  run: Run,
  limits: RunLimits,
  signal: Pick<AbortSignal, "throwIfAborted">,
): Promise<HeldLimits | { readonly refused: Refusal }> {
  const task = run.task ?? "";
  const wanted = locksOf(limits, task);
  const { rateLimit } = limits;
  const rate = rateLimit && { ...rateLimit, key: rateLimit.key ?? task };
  await noteLimitsInUse(context, wanted, rate);
  await leaveWaiters(context, run);
  const held: Held[] = [];
  let refused: Refusal | undefined;
  let busy: Lock | undefined;
  try {
    for (const lock of wanted) {
      const behind = lock.mode === "read" && (await isBehindWriter(context, run, lock.key));
      signal.throwIfAborted();
      const key = behind ? undefined : await takeLock(context, run, lock);
      if (!key) {
        busy = lock;
        refused = { on: dependencyOf("lock", lockName(lock)) };
        break;
      }
      held.push({ lock, key });
    }
    const until = rate && !refused ? await takeRate(context, run, rate) : undefined;
    if (rate && until !== undefined) refused = { on: rateName(rate.per, rate.key), until };
  } catch (error) {
    await release(context, run, held).catch(() => undefined);
    throw error;
  }
  // The lock that the run was woken for, and did not take, is free for the next one.
  const left = parkedLock(run);
  const passed = left && !held.some(({ lock }) => lockName(lock) === lockName(left)) ? [left] : [];
  if (!refused) {
    await serve(context, passed);
    return { release: () => release(context, run, held) };
  }
  // Somebody may have been refused because of what was held for a moment.
  await release(context, run, held);
  if (attemptsOf(run) > 1) await releaseLeft(context, run, limits);
  await serve(context, busy ? [...passed, busy] : passed);
  return { refused };
}
async function release(context: Context, run: Run, held: readonly Held[]): Promise<void> {
  for (const { key } of held) await releaseLock(context, run, key);
  await serve(
    context,
    held.map(({ lock }) => lock),
  );
}
/** Wakes the waiters that locks are free for. */
async function serve(context: Context, locks: readonly Lock[]): Promise<void> {
  for (const lock of locks) for (const { run } of await nextWaiters(context, lock)) await wakeOwner(context, run);
}
/**
 * Releases what attempts of a run still hold that are over: their process died, or could not release it. Costs a query
 * for each lock.
 */
export async function releaseLeft(context: Context, run: Run, limits: RunLimits): Promise<void> {
  for (const lock of locksOf(limits, run.task ?? ""))
    if (await releaseEarlier(context, run, lock)) await serve(context, [lock]);
}
/** Wakes those behind a run that was woken for a lock, and will never take it. */
export async function passOn(context: Context, run: Run): Promise<void> {
  const lock = parkedLock(run);
  if (lock) await serve(context, [lock]);
}
/** Lets others go before a run that was woken for a lock and is paused. It keeps its place for when it is refused again. */
export async function yieldTurn(context: Context, run: Run): Promise<void> {
  await leaveWaiters(context, run);
  await passOn(context, run);
}

/** Puts a refused run among the waiters, and returns what the commit of its attempt sets. */
export async function parkedPart(
  context: Context,
  run: Run,
  { on, until }: Refusal,
  expiresAt: number | undefined,
): Promise<Partial<RunAttributes>> {
  const now = context.clock.now();
  const parked = { on, since: run.parked?.on === on ? run.parked.since : now };
  await context.store.writeMany(subscribeOps(context, { ...run, parked }, [on]));
  const ends = Math.min(until ?? Number.POSITIVE_INFINITY, expiresAt ?? Number.POSITIVE_INFINITY);
  return {
    status: "deferred",
    unmet: new Set([on]),
    parked,
    parks: (run.parks ?? 0) + 1,
    sentAt: now,
    ...(Number.isFinite(ends) && duePart(context, run.runId, ends, now)),
  };
}
