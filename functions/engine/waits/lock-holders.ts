import { parseRunId, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, type Run } from "../item-kinds.ts";
import { allOf } from "../items/all-of.ts";
import { absent, and, eq, lt, or } from "../items/conditions.ts";
import {
  asLockHolder,
  type HolderAttributes,
  type LockHolder,
  lockKey,
  lockPartition,
  placeSort,
  readerSort,
  WRITER_SORT,
} from "../items/lock-items.ts";
import { endExpiredLease } from "../items/run-claims.ts";
import { isLive } from "../items/run-conditions.ts";
import { readRuns } from "../items/run-reads.ts";
import type { Attributes, Condition, Key, WriteResult } from "../ports.ts";
import { familyOf, type Lock } from "./lock-names.ts";

/**
 * Who holds a lock, or the places of a concurrency limit. The holder is an attempt of a run, and never a token, because
 * runs are claimed in batches under one token. A lock has no lease of its own. It is held as long as the attempt is:
 *
 *     taken     put IF absent
 *     released  removed IF still this attempt's
 *     left      the row says that the attempt has ended, or its lease is over; then the lease is ended for good by a
 *               write on the row, so that the holder can never renew it, THEN another run takes the lock
 *
 * So a heartbeat renews the run and its locks with one write, and a killed worker frees both at the same time.
 */

/**
 * Tries to take a lock for a claimed run. Costs one write unit when it is free. Returns the item that says so, or
 * undefined when others hold the lock.
 */
export async function takeLock(context: Context, run: Run, lock: Lock): Promise<Key | undefined> {
  switch (lock.mode) {
    case "place":
      return takePlace(context, run, lock.key, lock.limit);
    case "write":
      return takeWrite(context, run, lock.key);
    case "read":
      return takeRead(context, run, lock.key);
  }
}
/** Releases a lock if this attempt still holds it. */
export async function releaseLock(context: Context, run: Run, key: Key): Promise<void> {
  await context.store.write({ op: "remove", key, when: heldBy(run) });
}
/** Releases what this attempt of a run and those before it hold. Returns whether they held anything. */
export async function releaseEarlier(context: Context, run: Run, lock: Lock): Promise<boolean> {
  const own = (await holdersOf(context, lock)).filter((holder) => holder.runId === run.runId);
  if (own.length === 0) return false;
  const when = and(eq("runId", run.runId), lt("attempt", run.attempt + 1));
  const family = familyOf(lock);
  await context.store.writeMany(
    own.map(({ sort }) => ({ op: "remove" as const, key: lockKey(family, lock.key, sort), when })),
  );
  return true;
}

async function takePlace(context: Context, run: Run, key: string, limit: number): Promise<Key | undefined> {
  const lock: Lock = { mode: "place", limit, key };
  const first = Math.floor(context.ids.random() * limit);
  const keyOf = (sort: string): Key => lockKey("s", key, sort);
  // An earlier attempt may hold a place, and then the run goes on with that one.
  if (run.attempt === 1 && (await put(context, run, keyOf(placeSort(first)), absent()))) return keyOf(placeSort(first));
  const held = await holdersOf(context, lock);
  const own = held.find(({ runId }) => runId === run.runId);
  if (own) return (await replace(context, run, keyOf(own.sort), own)) ? keyOf(own.sort) : undefined;
  const taken = new Set(held.map(({ sort }) => sort));
  for (let tries = 0; tries < limit && taken.size < limit; tries++) {
    const sort = placeSort((first + tries) % limit);
    if (taken.has(sort)) continue;
    if (await put(context, run, keyOf(sort), absent())) return keyOf(sort);
    taken.add(sort);
  }
  for (const left of await leftHolders(context, held))
    if (await replace(context, run, keyOf(left.sort), left)) return keyOf(left.sort);
  return undefined;
}
/** A writer puts itself, THEN looks for readers. A reader puts itself, THEN looks for a writer. So one of them sees both. */
async function takeWrite(context: Context, run: Run, lockedKey: string): Promise<Key | undefined> {
  const lock: Lock = { mode: "write", key: lockedKey };
  const key = lockKey("l", lockedKey, WRITER_SORT);
  const others = (holders: readonly LockHolder[]): readonly LockHolder[] =>
    holders.filter(({ runId }) => runId !== run.runId);
  const held = await holdersOf(context, lock);
  if ((await liveOf(context, lock, others(held))).length > 0) return undefined;
  const own = held.find(({ sort, runId }) => sort === WRITER_SORT && runId === run.runId);
  if (!(own ? await replace(context, run, key, own) : await put(context, run, key, absent()))) return undefined;
  if ((await liveOf(context, lock, others(await holdersOf(context, lock)))).length === 0) return key;
  await releaseLock(context, run, key);
  return undefined;
}
async function takeRead(context: Context, run: Run, lockedKey: string): Promise<Key | undefined> {
  const lock: Lock = { mode: "read", key: lockedKey };
  const key = lockKey("l", lockedKey, readerSort(runHash(context, run)));
  if (!(await put(context, run, key, or(absent(), lt("attempt", run.attempt))))) return undefined;
  const item = await context.store.get(lockKey("l", lockedKey, WRITER_SORT), { consistent: true });
  if (!item || item.attributes["runId"] === run.runId) return key;
  if ((await liveOf(context, lock, [asLockHolder(item)])).length === 0) return key;
  await releaseLock(context, run, key);
  return undefined;
}

/** Returns all holders as stored. One read unit for some tens of them. */
export async function holdersOf(context: Context, lock: Lock): Promise<readonly LockHolder[]> {
  const holders: LockHolder[] = [];
  const partition = lockPartition(familyOf(lock), lock.key);
  for await (const { items } of allOf((after) => context.store.query("tasks", partition, after)))
    for (const item of items) holders.push(asLockHolder(item));
  return holders;
}
/** Returns the holders that still hold the lock, and removes the others. */
export async function liveOf(
  context: Context,
  lock: Lock,
  holders: readonly LockHolder[],
): Promise<readonly LockHolder[]> {
  const left = new Set(await leftHolders(context, holders));
  await remove(context, lock, [...left]);
  return holders.filter((holder) => !left.has(holder));
}

/**
 * Returns the holders whose attempt is over, of those that took the lock longer ago than a lease lasts. The lease of
 * those whose worker has died is ended first.
 */
async function leftHolders(context: Context, holders: readonly LockHolder[]): Promise<readonly LockHolder[]> {
  const { epoch, leaseSeconds, skewMarginSeconds } = context.config;
  const before = context.clock.now() - (leaseSeconds + skewMarginSeconds) * 1_000;
  const old = holders.filter((holder) => holder.at < before || (epoch !== undefined && (holder.epoch ?? 0) < epoch));
  if (old.length === 0) return [];
  const rows = await readRuns(
    context,
    old.map(({ runId }) => parseRunId(runId) as RunRef),
  );
  const left: LockHolder[] = [];
  for (const [k, holder] of old.entries()) {
    const run = rows[k];
    const over = !run || run.status !== "started" || run.attempt !== holder.attempt;
    if (over || (!isLive(context, run) && (await endExpiredLease(context, run)))) left.push(holder);
  }
  return left;
}

/** Puts the run as a holder. Returns true also when an earlier try did, whose response was lost. */
async function put(context: Context, run: Run, key: Key, when: Condition): Promise<boolean> {
  return isHeld(run, await context.store.write({ op: "put", key, attributes: holderOf(context, run), when }));
}
function replace(context: Context, run: Run, key: Key, holder: LockHolder): Promise<boolean> {
  return put(context, run, key, heldBy(holder));
}
async function remove(context: Context, lock: Lock, holders: readonly LockHolder[]): Promise<void> {
  if (holders.length === 0) return;
  await context.store.writeMany(
    holders.map((holder) => ({
      op: "remove" as const,
      key: lockKey(familyOf(lock), lock.key, holder.sort),
      when: heldBy(holder),
    })),
  );
}
const heldBy = ({ runId, attempt }: Pick<HolderAttributes, "runId" | "attempt">): Condition =>
  and(eq("runId", runId), eq("attempt", attempt));
const isOf = (holder: HolderAttributes, { runId, attempt }: Run): boolean =>
  holder.runId === runId && holder.attempt === attempt;
const isHeld = (run: Run, { applied, item }: WriteResult): boolean =>
  applied || (item !== undefined && isOf(asLockHolder(item), run));
export const runHash = ({ ids }: Pick<Context, "ids">, { runId }: Pick<Run, "runId">): string =>
  ids.hash(runId).slice(0, 32);
function holderOf(context: Context, { jobId, ttl, runId, attempt, task }: Run): Attributes {
  const { epoch } = context.config;
  return {
    v: ITEM_VERSION,
    jobId,
    ttl,
    runId,
    attempt,
    at: context.clock.now(),
    ...(task !== undefined && { task }),
    ...(epoch !== undefined && { epoch }),
  };
}
