import {
  INDEXES,
  type IndexQuery,
  type IndexResult,
  type Item,
  type Key,
  type QueryOptions,
  type QueryResult,
  type Table,
  type WriteOp,
  type WriteResult,
} from "../../functions/engine/ports.ts";
import { asHeader, type Header, headerKey } from "../../functions/engine/item-kinds.ts";
import { isRootRow, rootRowOf } from "../../functions/engine/items/root-row.ts";
import { ItemTable } from "../../functions/testing/ports/item-table.ts";
import type { Random } from "./random.ts";
import type { SimProcess } from "./scheduler.ts";

export interface AppliedWrite {
  readonly process: SimProcess;
  readonly op: WriteOp;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/** Milliseconds by which indexes and reads that are not consistent may lag behind. */
export const LAG_MS = 4_000;

/** The store of all processes, with DynamoDB's lags. Watchers see every applied write. */
export class SimStore {
  readonly #random: Random;
  readonly #now: () => number;
  readonly #lagMs: number;
  #core = new ItemTable();
  #watchers: ((write: AppliedWrite) => void)[] = [];
  /** The item before its last write, and the time of that write. */
  #older = new Map<string, { item: Item | undefined; until: number }>();
  /** Entries of both indexes as readers see them, and changes on their way. */
  #entries = new Map<string, Map<string, { key: Key; partition: string; sort: number }>>();
  #changes: {
    at: number;
    index: string;
    id: string;
    entry: { key: Key; partition: string; sort: number } | undefined;
  }[] = [];

  constructor(random: Random, now: () => number, lagMs = LAG_MS) {
    this.#lagMs = lagMs;
    this.#random = random;
    this.#now = now;
  }

  watch(watcher: (write: AppliedWrite) => void): void {
    this.#watchers.push(watcher);
  }
  /** Removes everything, as if all jobs had expired. */
  collect(): void {
    this.#core = new ItemTable();
    this.#older.clear();
    this.#entries.clear();
    this.#changes = [];
  }

  /** Returns the true item, without a process. The checks of the simulation read this way. */
  peek(key: Key): Item | undefined {
    if (isRootRow(key)) return rootRowOf(this.#core.getSync(headerKey(key.partition.slice(2, -2))));
    return this.#core.getSync(key);
  }
  peekPartition(table: Table, partition: string): readonly Item[] {
    return this.#core.querySync(table, partition, { limit: 1_000 }).items;
  }
  /** Returns the item before its last write. */
  previous(key: Key): Item | undefined {
    return this.#older.get(idOf(key))?.item;
  }
  /** Yields all items, and the rows that root headers hold. */
  *items(): Iterable<Item> {
    for (const item of this.#core.items()) {
      yield item;
      const row = rootRowOf(item);
      if (row) yield row;
    }
  }

  read(key: Key, consistent: boolean): Item | undefined {
    if (consistent) return this.#core.getSync(key);
    const older = this.#older.get(idOf(key));
    return older && older.until + this.#lagMs > this.#now() && this.#random.chance(0.3)
      ? older.item
      : this.#core.getSync(key);
  }
  /** Queries a partition. Pages are cut at random, because an implementation may return fewer items than the limit. */
  query(table: Table, partition: string, options: QueryOptions = {}): QueryResult {
    const limit = Math.min(options.limit ?? 1_000, this.#random.chance(0.3) ? 1 + this.#random.int(3) : 1_000);
    return this.#core.querySync(table, partition, { ...options, limit });
  }
  queryIndex({ index, partition, upTo, limit, cursor }: IndexQuery): IndexResult {
    this.#deliverIndexChanges();
    const from = cursor === undefined ? 0 : Number(cursor);
    const found = [...(this.#entries.get(index)?.values() ?? [])]
      .filter((entry) => entry.partition === partition && entry.sort <= upTo)
      .sort((a, b) => a.sort - b.sort || (idOf(a.key) < idOf(b.key) ? -1 : 1));
    const keys = found.slice(from, from + limit).map((entry) => entry.key);
    return { keys, ...(from + limit < found.length && { cursor: String(from + limit) }) };
  }
  write(process: SimProcess, op: WriteOp): WriteResult {
    const before = this.#core.getSync(op.key);
    const result = this.#core.writeSync(op);
    if (!result.applied) return result;
    const after = this.#core.getSync(op.key);
    this.#older.set(idOf(op.key), { item: before, until: this.#now() });
    this.#index(op.key, before, after);
    for (const watcher of this.#watchers) watcher({ process, op, before, after });
    return result;
  }
  /** Undoes a write that was reported before it was durable. */
  revert(key: Key, before: Item | undefined): void {
    const written = this.#core.getSync(key);
    this.#core.writeSync(before ? { op: "put", key, attributes: before.attributes } : { op: "remove", key });
    this.#index(key, written, before);
  }

  #index(key: Key, before: Item | undefined, item: Item | undefined): void {
    for (const [index, { table, partition, sort }] of Object.entries(INDEXES)) {
      if (
        key.table !== table ||
        (before?.attributes[partition] === undefined && item?.attributes[partition] === undefined)
      )
        continue;
      const at = item?.attributes[partition];
      const order = item?.attributes[sort];
      const entry =
        typeof at === "string" && typeof order === "number" ? { key, partition: at, sort: order } : undefined;
      this.#changes.push({ at: this.#now() + this.#random.int(this.#lagMs), index, id: idOf(key), entry });
    }
  }
  /** Delivers index changes. Changes of one item arrive in order, and those of different items do not. */
  #deliverIndexChanges(): void {
    const blocked = new Set<string>();
    this.#changes = this.#changes.filter(({ at, index, id, entry }) => {
      const line = `${index} ${id}`;
      if (at > this.#now() || blocked.has(line)) {
        blocked.add(line);
        return true;
      }
      const entries = this.#entries.get(index) ?? new Map<string, { key: Key; partition: string; sort: number }>();
      this.#entries.set(index, entries);
      if (entry) entries.set(id, entry);
      else entries.delete(id);
      return false;
    });
  }
}

export function idOf(key: Key): string {
  return `${key.table} ${key.partition} ${key.sort}`;
}
/** Returns the header that a write has created. */
export function createdHeader({ before, after }: AppliedWrite): Header | undefined {
  return before || !after?.key.partition.startsWith("G#") ? undefined : asHeader(after);
}
