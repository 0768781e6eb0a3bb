import { checkKey, decideWrite } from "../../core/items/item-algebra.ts";
import type { Attributes } from "../../core/items/item.ts";
import type {
  IndexQuery,
  IndexResult,
  Item,
  Key,
  QueryOptions,
  QueryResult,
  Store,
  Table,
  WriteOp,
  WriteResult,
} from "../../engine/ports.ts";
import { decodeAttributes, encodeAttributes } from "./lmdb-codec.ts";
import { type LmdbEnvironment, readVolatile, type TextDatabase } from "./lmdb-environment.ts";
import { noteExpiry } from "./lmdb-expiry.ts";
import { moveIndexEntries, readIndex } from "./lmdb-index.ts";
import { partitionPrefix, prefixEnd } from "./lmdb-key.ts";

const DEFAULT_LIMIT = 1_000;
/** Stored bytes after which a page of a query ends, as on DynamoDB, so that no page fills the memory. */
const PAGE_BYTES = 1_024 * 1_024;

/**
 * Keeps the items of one machine. It evaluates the shared item algebra inside LMDB transactions, so a condition and its
 * write are one step for all processes.
 */
export class LmdbStore implements Store {
  readonly #environment: LmdbEnvironment;

  constructor(environment: LmdbEnvironment) {
    this.#environment = environment;
  }

  async get(key: Key): Promise<Item | undefined> {
    return this.#environment.reading(() => readItem(this.#environment, key));
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]> {
    return this.#environment.reading(() => keys.map((key) => readItem(this.#environment, key)));
  }

  async query(table: Table, partition: string, options: QueryOptions = {}): Promise<QueryResult> {
    return this.#environment.reading(() => readPartition(this.#environment[table], table, partition, options));
  }

  async queryIndex(query: IndexQuery): Promise<IndexResult> {
    return this.#environment.reading(() => readIndex(this.#environment.indexes, query));
  }

  write(op: WriteOp): Promise<WriteResult> {
    return this.#environment.gatherer.run(() => applyWrite(this.#environment, op));
  }

  writeMany(ops: readonly WriteOp[]): Promise<readonly WriteResult[]> {
    return this.#environment.gatherer.run(() => ops.map((op) => applyWrite(this.#environment, op)));
  }
}

function itemKey(key: Key): string {
  checkKey(key.partition, key.sort);
  return partitionPrefix(key.partition) + key.sort;
}

function readItem(environment: LmdbEnvironment, key: Key): Item | undefined {
  const bytes = readVolatile(environment[key.table], itemKey(key));
  return bytes && { key, attributes: decodeAttributes(bytes) };
}

/** Evaluates and applies a write, in a transaction. */
function applyWrite(environment: LmdbEnvironment, op: WriteOp): WriteResult {
  const database = environment[op.key.table];
  const name = itemKey(op.key);
  const bytes = readVolatile(database, name);
  const before = bytes && { key: op.key, attributes: decodeAttributes(bytes) };
  const ttlBefore = before?.attributes["ttl"];
  // The sets were just decoded and have no other owner, so the decision may change them in place.
  const { result, after, moves } = decideWrite(op, before, true);
  if (!result.applied) return result;
  if (after === undefined) {
    if (before !== undefined) database.removeSync(name);
  } else {
    database.putSync(name, encodeAttributes(after));
    if (after["ttl"] !== ttlBefore)
      noteExpiry(environment, op.key.table, partitionPrefix(op.key.partition), after["ttl"]);
  }
  if (moves !== undefined) moveIndexEntries(environment.indexes, op.key, moves);
  return result;
}

function readPartition(database: TextDatabase, table: Table, partition: string, options: QueryOptions): QueryResult {
  const { from = "", to, limit = DEFAULT_LIMIT, cursor, descending = false } = options;
  const prefix = partitionPrefix(partition);
  const low = prefix + from;
  const high = to === undefined ? prefixEnd(prefix) : prefix + to;
  const range = descending
    ? { start: cursor === undefined ? high : prefix + cursor, end: low, reverse: true }
    : { start: cursor === undefined ? low : prefix + cursor, end: high };
  // LMDB would walk a range with a cursor beyond the far bound in the other direction.
  if (descending ? range.start < low : range.start > high) return { items: [] };
  const items: Item[] = [];
  let bytes = 0;
  const entries = database.getRange({
    ...range,
    inclusiveEnd: true,
    exclusiveStart: cursor !== undefined,
    limit: limit + 1,
  });
  for (const { key, value } of entries) {
    const sort = key.slice(prefix.length);
    const last = items.at(-1);
    if (last !== undefined && (items.length === limit || bytes > PAGE_BYTES)) return { items, cursor: last.key.sort };
    items.push({ key: { table, partition, sort }, attributes: decodeAttributes(value as Buffer) });
    bytes += value.length;
  }
  return { items };
}

/** Returns the attributes of a stored value, for code that walks over partitions with any content. */
export function decodeStored(value: Uint8Array): Attributes {
  return decodeAttributes(value as Buffer);
}
