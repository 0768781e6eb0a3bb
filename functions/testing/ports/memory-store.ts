import { attributesBytes, keyBytes } from "../../core/items/item-size.ts";
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
import { ItemTable } from "./item-table.ts";

/**
 * Counts of a store's work as DynamoDB would bill it. Each write is a request, since conditional writes cannot be
 * batched.
 */
export interface StoreStats {
  readonly requests: number;
  readonly writes: number;
  /** Writes whose condition did not hold. They are billed too. */
  readonly refusedWrites: number;
  readonly reads: number;
  readonly writeUnits: number;
  readonly readUnits: number;
}
const NOTHING: StoreStats = { requests: 0, writes: 0, refusedWrites: 0, reads: 0, writeUnits: 0, readUnits: 0 };
const READ_UNIT_BYTES = 4_096;

/** Keeps items in memory. A method changes the state when it is called, and only its answer is a promise. */
export class MemoryStore implements Store {
  readonly table: ItemTable;
  #stats: { -readonly [name in keyof StoreStats]: number } = { ...NOTHING };

  constructor(table: ItemTable = new ItemTable()) {
    this.table = table;
  }

  async get(key: Key, options?: { readonly consistent?: boolean }): Promise<Item | undefined> {
    const item = this.table.getSync(key);
    this.#stats.requests++;
    this.#countRead([item], options?.consistent === true ? 1 : 0.5);
    return item;
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]> {
    const items = keys.map((key) => this.table.getSync(key));
    this.#stats.requests++;
    for (const item of items) this.#countRead([item], 1);
    return items;
  }

  async query(table: Table, partition: string, options?: QueryOptions): Promise<QueryResult> {
    const result = this.table.querySync(table, partition, options);
    this.#stats.requests++;
    this.#countRead(result.items, 1);
    return result;
  }

  async queryIndex(query: IndexQuery): Promise<IndexResult> {
    this.#stats.requests++;
    this.#countRead([], 0.5);
    return this.table.queryIndexSync(query);
  }

  async write(op: WriteOp): Promise<WriteResult> {
    return this.#write(op);
  }

  async writeMany(ops: readonly WriteOp[]): Promise<readonly WriteResult[]> {
    return ops.map((op) => this.#write(op));
  }

  stats(): StoreStats {
    return { ...this.#stats };
  }

  resetStats(): void {
    this.#stats = { ...NOTHING };
  }

  #write(op: WriteOp): WriteResult {
    const result = this.table.writeSync(op);
    this.#stats.requests++;
    this.#stats.writes++;
    this.#stats.writeUnits += result.units;
    if (!result.applied) this.#stats.refusedWrites++;
    return result;
  }

  /** Counts a read. `weight` is 1 for a consistent read and 0.5 for another. A query is rounded up as a whole. */
  #countRead(items: readonly (Item | undefined)[], weight: number): void {
    let bytes = 0;
    for (const item of items)
      if (item !== undefined) bytes += keyBytes(item.key.partition, item.key.sort) + attributesBytes(item.attributes);
    this.#stats.reads++;
    this.#stats.readUnits += weight * Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
  }
}
