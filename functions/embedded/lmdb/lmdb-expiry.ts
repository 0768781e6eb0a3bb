import type { Attribute, Table } from "../../core/items/item.ts";
import type { LmdbEnvironment } from "./lmdb-environment.ts";
import { SEPARATOR, sortableInteger } from "./lmdb-key.ts";

/**
 * Records of the partitions in which items expire. All items of a job expire together, and most share a partition with
 * hundreds of others. So there is one record for each partition and hour in which any of its items expires.
 *
 * Key: hour, table, prefix of the partition's keys.
 */
const HOUR_SECONDS = 3_600;
const NOTED = Buffer.from([1]);

export interface ExpiringPartition {
  readonly record: string;
  readonly table: Table;
  readonly prefix: string;
}

/**
 * Records the expiry of an item, in the transaction that sets its time to live. Nearly always the record exists
 * already.
 */
export function noteExpiry(
  environment: LmdbEnvironment,
  table: Table,
  prefix: string,
  ttl: Attribute | undefined,
): void {
  if (typeof ttl !== "number") return;
  const record = hourKey(ttl / HOUR_SECONDS) + table + SEPARATOR + prefix;
  if (!environment.expiry.doesExist(record)) environment.expiry.putSync(record, NOTED);
}

/** Returns the first partition whose hour has ended. Returns undefined when there is none. Reads one key. */
export function firstExpired(environment: LmdbEnvironment, nowSeconds: number): ExpiringPartition | undefined {
  // In an hour that has not ended, items may not have expired yet.
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
