import { indexMoves } from "../../core/items/item-size.ts";
import type { Clock, Key } from "../../engine/ports.ts";
import type { LmdbEnvironment } from "./lmdb-environment.ts";
import { type ExpiringPartition, firstExpired } from "./lmdb-expiry.ts";
import { moveIndexEntries } from "./lmdb-index.ts";
import { prefixEnd, SEPARATOR } from "./lmdb-key.ts";
import { decodeStored } from "./lmdb-store.ts";

/** Blobs that expire: those of an owner, which is a job or an identity, and content. */
export interface ExpiringBlobs {
  removeOwner(owner: string): Promise<void>;
  /** Is called in the transaction that removes the item of the content. */
  removeContentSync(sha256: string): void;
  /** Removes what processes that died had begun to write, and nothing has touched since then (milliseconds). */
  removeOldDrafts(before: number): Promise<void>;
  /** Gives content without an item one that expires then (seconds since the epoch). */
  adoptStrays(until: number): Promise<void>;
}
export interface ExpireReport {
  /** Number of items removed. */
  readonly removed: number;
  /** Whether more items have expired, so that the next batch should follow soon. */
  readonly more: boolean;
}
/** Items read in one transaction, which takes some milliseconds. */
const BATCH_ITEMS = 500;
/** Of the root header of a job, of an identity, or of another group. The ids of other groups have a dot. */
const GROUP_PREFIX = "G#";
const KEPT_BLOB_PREFIX = "H#";
/** Seconds for which content is kept that a power cut has left without an item. */
const STRAY_SECONDS = 7 * 86_400;
/** Milliseconds after which a draft that does not grow has no writer any more. */
const DRAFT_MS = 24 * 3_600_000;

/**
 * Removes items whose attribute `ttl` (seconds since the epoch) has passed, within about an hour. On AWS this is done
 * by DynamoDB's time to live. The blobs of a job, or of an identity, are removed with its root header, and
 * content together with its own. When no item has expired, a pass reads one key.
 */
export class Expirer {
  readonly #environment: LmdbEnvironment;
  readonly #blobs: ExpiringBlobs;
  #adopted = false;
  readonly #clock: Clock;
  /** Last key that was read in the present partition. It is lost with the process, and the walk then begins again. */
  #walk: { readonly record: string; readonly after: string } | undefined;

  constructor(environment: LmdbEnvironment, blobs: ExpiringBlobs, clock: Clock) {
    this.#environment = environment;
    this.#blobs = blobs;
    this.#clock = clock;
  }

  /** Removes one bounded batch. */
  async run(): Promise<ExpireReport> {
    const nowSeconds = this.#clock.now() / 1_000;
    if (!this.#adopted) await this.#blobs.adoptStrays(Math.ceil(nowSeconds) + STRAY_SECONDS);
    this.#adopted = true;
    this.#environment.refresh();
    const partition = firstExpired(this.#environment, nowSeconds);
    if (partition === undefined) {
      await this.#blobs.removeOldDrafts(this.#clock.now() - DRAFT_MS);
      return { removed: 0, more: false };
    }
    // Blobs are removed first. After a crash in between, the record still leads here.
    const owner = this.#blobOwner(partition, nowSeconds);
    if (owner !== undefined) await this.#blobs.removeOwner(owner);
    const after = this.#walk?.record === partition.record ? this.#walk.after : undefined;
    const batch = await this.#environment.gatherer.run(() =>
      removeBatch(this.#environment, partition, after, nowSeconds, (sha256) => this.#blobs.removeContentSync(sha256)),
    );
    this.#walk = batch.last === undefined ? undefined : { record: partition.record, after: batch.last };
    this.#environment.refresh();
    return {
      removed: batch.removed,
      more: batch.last !== undefined || firstExpired(this.#environment, nowSeconds) !== undefined,
    };
  }

  /**
   * Returns the owner of blobs when all items of its partition have expired. The record alone does not tell, since an
   * item may have got a later time to live.
   */
  #blobOwner({ table, prefix }: ExpiringPartition, nowSeconds: number): string | undefined {
    if (table !== "callbacks" || !prefix.startsWith(GROUP_PREFIX) || prefix.includes(".")) return undefined;
    for (const { value } of this.#environment[table].getRange({ start: prefix, end: prefixEnd(prefix) })) {
      if (!isExpired(decodeStored(value)["ttl"], nowSeconds)) return undefined;
    }
    return prefix.slice(GROUP_PREFIX.length, -SEPARATOR.length);
  }
}

/**
 * Removes a batch of expired items, in a transaction. `last` is the key after which the next batch continues. It is
 * undefined when the partition is done, and then its record was removed.
 */
function removeBatch(
  environment: LmdbEnvironment,
  { record, table, prefix }: ExpiringPartition,
  after: string | undefined,
  nowSeconds: number,
  removeContent: (sha256: string) => void,
): { readonly removed: number; readonly last: string | undefined } {
  const database = environment[table];
  const range = {
    start: after ?? prefix,
    end: prefixEnd(prefix),
    exclusiveStart: after !== undefined,
    limit: BATCH_ITEMS,
  };
  const entries = [...database.getRange(range)];
  const isKeptBlob = table === "tasks" && prefix.startsWith(KEPT_BLOB_PREFIX);
  let removed = 0;
  for (const { key, value } of entries) {
    const attributes = decodeStored(value);
    if (!isExpired(attributes["ttl"], nowSeconds)) continue;
    if (isKeptBlob) removeContent(prefix.slice(KEPT_BLOB_PREFIX.length, -SEPARATOR.length));
    database.removeSync(key);
    removed++;
    const moves = indexMoves(table, attributes, undefined);
    if (moves !== undefined) moveIndexEntries(environment.indexes, keyOf(table, prefix, key), moves);
  }
  const last = entries.length < BATCH_ITEMS ? undefined : entries.at(-1)?.key;
  if (last === undefined) environment.expiry.removeSync(record);
  return { removed, last };
}

/**
 * Returns a key with which index entries can be removed. Their names are made of the prefix, so the partition's own
 * name, which a hash may replace, is not needed.
 */
function keyOf(table: Key["table"], prefix: string, key: string): Key {
  return { table, partition: prefix.slice(0, -SEPARATOR.length), sort: key.slice(prefix.length) };
}
function isExpired(ttl: unknown, nowSeconds: number): boolean {
  return typeof ttl === "number" && ttl <= nowSeconds;
}
