import type { IndexEntry, IndexMove } from "../../core/items/item-size.ts";
import type { Key } from "../../core/items/item.ts";
import { INDEXES, type IndexName, type IndexQuery, type IndexResult } from "../../engine/ports.ts";
import type { TextDatabase } from "./lmdb-environment.ts";
import { partitionPrefix, prefixEnd, SEPARATOR, sortableNumber } from "./lmdb-key.ts";

/**
 * Moves entries of the sparse indexes. An entry is written in the transaction of its item, so these indexes never lag.
 *
 * Key: index, its partition, its sort attribute, the item's key. Value: the item's partition and sort key, because the
 * key may contain a hash of the partition.
 */
export function moveIndexEntries(indexes: TextDatabase, key: Key, moves: readonly IndexMove[]): void {
  for (const { index, from, to } of moves) {
    if (from !== undefined) indexes.removeSync(entryKey(index, from, key));
    if (to !== undefined) indexes.putSync(entryKey(index, to, key), Buffer.from(key.partition + SEPARATOR + key.sort));
  }
}

export function readIndex(indexes: TextDatabase, query: IndexQuery): IndexResult {
  const prefix = indexPrefix(query.index, query.partition);
  // All entries at `upTo` itself come before this key.
  const end = prefixEnd(prefix + sortableNumber(query.upTo) + SEPARATOR);
  const start = query.cursor ?? prefix;
  if (start > end) return { keys: [] };
  const keys: Key[] = [];
  let last: string | undefined;
  const entries = indexes.getRange({ start, end, exclusiveStart: query.cursor !== undefined, limit: query.limit + 1 });
  for (const { key, value } of entries) {
    if (keys.length === query.limit) return last === undefined ? { keys } : { keys, cursor: last };
    const [partition = "", sort = ""] = Buffer.from(value).toString("utf8").split(SEPARATOR);
    keys.push({ table: INDEXES[query.index].table, partition, sort });
    last = key;
  }
  return { keys };
}

function entryKey(index: IndexName, entry: IndexEntry, key: Key): string {
  return (
    indexPrefix(index, entry.partition) +
    sortableNumber(entry.sort) +
    SEPARATOR +
    partitionPrefix(key.partition) +
    key.sort
  );
}
function indexPrefix(index: IndexName, partition: string): string {
  return index + SEPARATOR + partition + SEPARATOR;
}
