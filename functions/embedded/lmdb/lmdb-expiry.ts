import type { Attribute, Table } from "../../core/items/item.ts";
import type { LmdbEnvironment } from "./lmdb-environment.ts";
import { SEPARATOR, sortableInteger } from "./lmdb-key.ts";

/**
 * What expires when. All items of a job expire together, and most share a partition with hundreds of others, so not items are noted but partitions:
 * one record for each partition and hour in which something of it expires. Key: hour, table, prefix of the partition's keys.
 */
const HOUR_SECONDS = 3_600;
const NOTED = Buffer.from([1]);

export interface ExpiringPartition {
  readonly record: string;
  readonly table: Table;
  readonly prefix: string;
}

/** Inside the transaction that gives an item its time to live. Nearly always the record is there already, and then nothing is written. */
export function noteExpiry(environment: LmdbEnvironment, table: Table, prefix: string, ttl: Attribute | undefined): void {
  if (typeof ttl !== "number") return;
  const record = hourKey(ttl / HOUR_SECONDS) + table + SEPARATOR + prefix;
  if (!environment.expiry.doesExist(record)) environment.expiry.putSync(record, NOTED);
}

/** The first partition in which everything of some hour has expired; undefined: none. One look at the first key. */
export function firstExpired(environment: LmdbEnvironment, nowSeconds: number): ExpiringPartition | undefined {
  // The hour that has not ended may still have items that live.
  const end = hourKey(nowSeconds / HOUR_SECONDS);
  for (const record of environment.expiry.getKeys({ start: hourKey(0), end, limit: 1 })) {
    const rest = record.slice(hourKey(0).length);
    const table = rest.slice(0, rest.indexOf(SEPARATOR)) as Table;
    return { record, table, prefix: rest.slice(table.length + 1) };
  }
  return undefined;
}

function hourKey(hour: number): string {
  return sortableInteger(Math.max(0, Math.floor(hour))) + SEPARATOR;
}
