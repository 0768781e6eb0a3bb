import { type Owned, pad, taskKey } from "../item-kinds.ts";
import type { Item, Key } from "../ports.ts";

/**
 * One that holds a lock, or a place of a concurrency limit. The holder is an attempt of a run, and the lock has no lease
 * of its own: it is held while the attempt is (waits/lock-holders.ts).
 */
export interface HolderAttributes extends Owned {
  readonly runId: string;
  readonly attempt: number;
  /** Milliseconds since the epoch, by the holder's clock. */
  readonly at: number;
  readonly task?: string;
  /** The boot in which it was taken, on one machine. */
  readonly epoch?: number;
}
export interface LockHolder extends HolderAttributes {
  readonly sort: string;
}
/** A run that was refused a lock. `wants` is the dependency as its row holds it. */
export interface LockWaiterAttributes extends Owned {
  readonly runId: string;
  readonly wants: string;
  readonly since: number;
  readonly task?: string;
}
export interface LockWaiter extends LockWaiterAttributes {
  readonly sort: string;
}
/** Starts of the window `window`, and how far later starts are planned: `queued` ones in the window `queue`. */
export interface RateAttributes {
  readonly v: number;
  readonly ttl: number;
  readonly window: number;
  readonly used: number;
  /** Names the last start, so a writer recognises a lost response. */
  readonly last?: string;
  readonly queue?: number;
  readonly queued?: number;
}
/** A limit that runs have asked for, so that all can be listed. `ttl` is in seconds since the epoch. */
export interface LimitInUseAttributes {
  readonly v: number;
  readonly ttl: number;
  /** `lock`, `concurrency`, or `rate-<per>`. */
  readonly kind: string;
  readonly key: string;
  readonly limit?: number;
  readonly per?: number;
}
export const asLockHolder = ({ key, attributes }: Item): LockHolder =>
  ({ sort: key.sort, ...attributes }) as unknown as LockHolder;
export const asLockWaiter = ({ key, attributes }: Item): LockWaiter =>
  ({ sort: key.sort, ...attributes }) as unknown as LockWaiter;
export const asRate = (item: Item | undefined): RateAttributes | undefined =>
  item && (item.attributes as unknown as RateAttributes);
export const asLimitInUse = (item: Item): LimitInUseAttributes => item.attributes as unknown as LimitInUseAttributes;

/** A concurrency limit has places, `s`. A lock has one writer, or readers, `l`. */
export type LockFamily = "s" | "l";
export const lockPartition = (family: LockFamily, key: string): string => `LC#${family}#${key}`;
export const placeSort = (place: number): string => pad(place, 4);
export const WRITER_SORT = "w";
export const readerSort = (runHash: string): string => `r#${runHash}`;
export const lockKey = (family: LockFamily, key: string, sort: string): Key =>
  taskKey(lockPartition(family, key), sort);
export const lockWaitPartition = (family: LockFamily, key: string): string => `LQ#${family}#${key}`;
/** Waiters are in the order in which they began to wait. */
export const lockWaitKey = (family: LockFamily, key: string, since: number, runHash: string): Key =>
  taskKey(lockWaitPartition(family, key), `${pad(since, 14)}#${runHash}`);
export const rateKey = (per: number, key: string): Key => taskKey(`LR#${per}#${key}`, "!");
export const LIMITS_IN_USE = "LD";
/** `name` is short printable text (jobs/failures.ts). `kind` says what the key is of. */
export const limitInUseKey = (name: string, kind: string): Key => taskKey(LIMITS_IN_USE, `${name}#${kind}`);
