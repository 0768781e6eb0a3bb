import { indexMoves } from "../../core/items/item-size.ts";
import type { Clock, Key } from "../../engine/ports.ts";
import type { LmdbEnvironment } from "./lmdb-environment.ts";
import { type ExpiringPartition, firstExpired } from "./lmdb-expiry.ts";
import { moveIndexEntries } from "./lmdb-index.ts";
import { prefixEnd, SEPARATOR } from "./lmdb-key.ts";
import { decodeStored } from "./lmdb-store.ts";

/** Whoever keeps blobs by owner: a job id, or the partition of an identity run. */
export interface OwnedBlobs {
  removeOwner(owner: string): Promise<void>;
}
export interface ExpireReport {
  /** Items removed. */
  readonly removed: number;
  /** `true`: more is due; call again soon. */
  readonly more: boolean;
}
/** Items looked at in one transaction: some milliseconds. */
const BATCH_ITEMS = 500;
const JOB_PREFIX = "J#";
const IDENTITY_PREFIX = "I#";

/**
 * Removes items whose attribute `ttl` (seconds since the epoch) has passed, within about an hour after it: what DynamoDB's time to live does on AWS.
 * With a job's own item go its blobs, and with an identity run's those of its values. When nothing has expired a pass reads one key.
 */
export class Expirer {
  readonly #environment: LmdbEnvironment;
  readonly #blobs: OwnedBlobs;
  readonly #clock: Clock;
  /** How far the partition that is being worked on has been walked. Lost with the process; the walk then begins again. */
  #walk: { readonly record: string; readonly after: string } | undefined;

  constructor(environment: LmdbEnvironment, blobs: OwnedBlobs, clock: Clock) {
    this.#environment = environment;
    this.#blobs = blobs;
    this.#clock = clock;
  }

  /** One bounded batch. */
  async run(): Promise<ExpireReport> {
    const nowSeconds = this.#clock.now() / 1_000;
    this.#environment.refresh();
    const partition = firstExpired(this.#environment, nowSeconds);
    if (partition === undefined) return { removed: 0, more: false };
    // Blobs first: after a crash in between, the items still lead here.
    const owner = this.#blobOwner(partition, nowSeconds);
    if (owner !== undefined) await this.#blobs.removeOwner(owner);
    const after = this.#walk?.record === partition.record ? this.#walk.after : undefined;
    const batch = await this.#environment.gatherer.run(() => removeBatch(this.#environment, partition, after, nowSeconds));
    this.#walk = batch.last === undefined ? undefined : { record: partition.record, after: batch.last };
    this.#environment.refresh();
    return { removed: batch.removed, more: batch.last !== undefined || firstExpired(this.#environment, nowSeconds) !== undefined };
  }

  /** Only when the owner itself has expired: the record may be older than the item's present time to live. */
  #blobOwner({ table, prefix }: ExpiringPartition, nowSeconds: number): string | undefined {
    const isJob = prefix.startsWith(JOB_PREFIX);
    if (table !== "tasks" || (!isJob && !prefix.startsWith(IDENTITY_PREFIX))) return undefined;
    for (const { value } of this.#environment.tasks.getRange({ start: prefix, end: prefixEnd(prefix) })) {
      if (!isExpired(decodeStored(value)["ttl"], nowSeconds)) return undefined;
    }
    return prefix.slice(isJob ? JOB_PREFIX.length : 0, -SEPARATOR.length);
  }
}

/** Inside a transaction. `last`: where the next batch goes on; undefined when the partition is done, and then its record is gone. */
function removeBatch(
  environment: LmdbEnvironment,
  { record, table, prefix }: ExpiringPartition,
  after: string | undefined,
  nowSeconds: number,
): { readonly removed: number; readonly last: string | undefined } {
  const database = environment[table];
  const range = { start: after ?? prefix, end: prefixEnd(prefix), exclusiveStart: after !== undefined, limit: BATCH_ITEMS };
  const entries = [...database.getRange(range)];
  let removed = 0;
  for (const { key, value } of entries) {
    const attributes = decodeStored(value);
    if (!isExpired(attributes["ttl"], nowSeconds)) continue;
    database.removeSync(key);
    removed++;
    const moves = indexMoves(table, attributes, undefined);
    if (moves !== undefined) moveIndexEntries(environment.indexes, keyOf(table, prefix, key), moves);
  }
  const last = entries.length < BATCH_ITEMS ? undefined : entries.at(-1)?.key;
  if (last === undefined) environment.expiry.removeSync(record);
  return { removed, last };
}

/** For removing index entries, whose names are made of the prefix: where that is a hash, the partition's own name is neither known nor needed. */
function keyOf(table: Key["table"], prefix: string, key: string): Key {
  return { table, partition: prefix.slice(0, -SEPARATOR.length), sort: key.slice(prefix.length) };
}
function isExpired(ttl: unknown, nowSeconds: number): boolean {
  return typeof ttl === "number" && ttl <= nowSeconds;
}
