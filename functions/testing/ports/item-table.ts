import { checkKey, decideWrite } from "../../core/items/item-algebra.ts";
import { INDEX_NAMES, indexEntry, type IndexMove } from "../../core/items/item-size.ts";
import type { Item, Key, Table, WriteOp, WriteResult } from "../../core/items/item.ts";
import { compareUtf8 } from "../../core/items/utf8.ts";
import type { IndexQuery, IndexResult, QueryOptions, QueryResult } from "../../engine/ports.ts";

interface Partition {
  readonly items: Map<string, Item>;
  /** Sort keys in order. Undefined after a key was inserted before the last one, or any was removed. */
  order: string[] | undefined;
}
interface IndexedKey {
  readonly key: Key;
  readonly at: number;
}
const DEFAULT_LIMIT = 1_000;

/**
 * Keeps the items of the memory store. It is synchronous, so a change has happened when the call returns. A simulator
 * wraps it and decides when a caller receives the result. Its indexes never lag.
 */
export class ItemTable {
  readonly #partitions = new Map<string, Partition>();
  readonly #indexes = new Map<string, Map<string, IndexedKey>>();

  getSync(key: Key): Item | undefined {
    checkKey(key.partition, key.sort);
    return this.#partitions.get(partitionName(key.table, key.partition))?.items.get(key.sort);
  }

  writeSync(op: WriteOp): WriteResult {
    const { result, moves } = decideWrite(op, this.getSync(op.key), false);
    if (result.applied) {
      this.#keep(op.key, result.item);
      if (moves !== undefined) this.#move(op.key, moves);
    }
    return result;
  }

  querySync(table: Table, partition: string, options: QueryOptions = {}): QueryResult {
    const { limit = DEFAULT_LIMIT, descending = false } = options;
    const held = this.#partitions.get(partitionName(table, partition));
    if (held === undefined) return { items: [] };
    held.order ??= [...held.items.keys()].sort(compareUtf8);
    const order = held.order;
    let low = options.from === undefined ? 0 : firstAtLeast(order, options.from);
    let high = options.to === undefined ? order.length : firstAbove(order, options.to);
    if (options.cursor !== undefined && descending) high = Math.min(high, firstAtLeast(order, options.cursor));
    else if (options.cursor !== undefined) low = Math.max(low, firstAbove(order, options.cursor));
    const count = Math.max(0, Math.min(limit, high - low));
    const page = descending ? order.slice(high - count, high).reverse() : order.slice(low, low + count);
    const items = page.map((sort) => held.items.get(sort) as Item);
    const last = page.at(-1);
    return last !== undefined && high - low > count ? { items, cursor: last } : { items };
  }

  queryIndexSync(query: IndexQuery): IndexResult {
    const entries = [...(this.#indexes.get(indexName(query.index, query.partition)) ?? [])].filter(
      ([, entry]) => entry.at <= query.upTo,
    );
    entries.sort(([nameA, a], [nameB, b]) => a.at - b.at || compareUtf8(nameA, nameB));
    const start =
      query.cursor === undefined
        ? 0
        : entries.findIndex(([name, entry]) => isAfter(query.cursor as string, entry.at, name));
    const page = start < 0 ? [] : entries.slice(start, start + query.limit);
    const keys = page.map(([, entry]) => entry.key);
    const last = page.at(-1);
    return last !== undefined && start + page.length < entries.length
      ? { keys, cursor: JSON.stringify([last[1].at, last[0]]) }
      : { keys };
  }

  /** Returns every item, in no particular order. */
  *items(): IterableIterator<Item> {
    for (const partition of this.#partitions.values()) yield* partition.items.values();
  }

  /** Returns the items stored now. Later writes do not change them. */
  snapshot(): readonly Item[] {
    return [...this.items()];
  }

  restore(snapshot: readonly Item[]): void {
    this.clear();
    for (const item of snapshot) {
      this.#keep(item.key, item);
      for (const index of INDEX_NAMES) {
        const to = indexEntry(index, item.key.table, item.attributes);
        if (to !== undefined) this.#move(item.key, [{ index, from: undefined, to }]);
      }
    }
  }

  clear(): void {
    this.#partitions.clear();
    this.#indexes.clear();
  }

  #keep(key: Key, item: Item | undefined): void {
    const name = partitionName(key.table, key.partition);
    let partition = this.#partitions.get(name);
    if (item === undefined) {
      if (partition?.items.delete(key.sort) !== true) return;
      partition.order = undefined;
      if (partition.items.size === 0) this.#partitions.delete(name);
      return;
    }
    if (partition === undefined) this.#partitions.set(name, (partition = { items: new Map(), order: [] }));
    if (partition.order !== undefined && !partition.items.has(key.sort)) {
      const last = partition.order.at(-1);
      // Keys are mostly inserted in order, so that most queries need no sort.
      if (last === undefined || compareUtf8(last, key.sort) < 0) partition.order.push(key.sort);
      else partition.order = undefined;
    }
    partition.items.set(key.sort, item);
  }

  #move(key: Key, moves: readonly IndexMove[]): void {
    const name = `${key.partition}\0${key.sort}`;
    for (const { index, from, to } of moves) {
      if (from !== undefined) this.#indexes.get(indexName(index, from.partition))?.delete(name);
      if (to === undefined) continue;
      const place = indexName(index, to.partition);
      let entries = this.#indexes.get(place);
      if (entries === undefined) this.#indexes.set(place, (entries = new Map<string, IndexedKey>()));
      entries.set(name, { key, at: to.sort });
    }
  }
}

function partitionName(table: Table, partition: string): string {
  return `${table}\0${partition}`;
}
function indexName(index: string, partition: string): string {
  return `${index}\0${partition}`;
}
function isAfter(cursor: string, at: number, name: string): boolean {
  const [lastAt, lastName] = JSON.parse(cursor) as [number, string];
  return at > lastAt || (at === lastAt && compareUtf8(name, lastName) > 0);
}
function firstAtLeast(order: readonly string[], sort: string): number {
  return partitionPoint(order, (each) => compareUtf8(each, sort) < 0);
}
function firstAbove(order: readonly string[], sort: string): number {
  return partitionPoint(order, (each) => compareUtf8(each, sort) <= 0);
}
/** Returns the index of the first element that is not `before`. All that are come first. */
function partitionPoint(order: readonly string[], before: (sort: string) => boolean): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(order[middle] as string)) low = middle + 1;
    else high = middle;
  }
  return low;
}
