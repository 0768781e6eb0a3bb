import { shardOf } from "../../core/items/shard-of.ts";
import {
  type Attributes,
  type Change,
  type Condition,
  INDEXES,
  type Key,
  type WriteOp,
} from "../../core/items/item.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import {
  asRun,
  attributesOf,
  DUE_ROOT_SHARDS,
  dueShard,
  type Header,
  headerKey,
  type Run,
  runSort,
} from "../item-kinds.ts";
import type { Item, QueryOptions, QueryResult, Store, WriteResult } from "../ports.ts";
import { absent, and, present } from "./conditions.ts";

/**
 * The first row of a job is part of its root header, so a job of one task is one item (docs/adr/0017). To all code but
 * this file it is a row like any other. Here its key becomes that of the header, and the names of its attributes get a
 * prefix:
 *
 *     tasks G#<job>#0 / C#000#0000          ->  callbacks G#<job> / !
 *     { status, attempt, value, v, jobId .. }   { r_status, r_attempt, r_value .. and those of the header }
 *     put, IF the row is absent             ->  update, IF the header is present and r_status is absent
 *
 * So a row never outlives its header, and no write on it creates a header that was collected.
 */
const PREFIX = "r_";
/** The attribute that every row has. Its header has the row when it has this one. */
export const ROOT_STATUS = `${PREFIX}status`;
const FIRST = runSort(0, 0);
const LEAF = "#0";
/** Every item of a job has these from its first write, and all its items have the same. */
const OWNED: ReadonlySet<string> = new Set(["v", "jobId", "ttl"]);
/** Attributes of an index have their own names. */
const INDEXED: ReadonlySet<string> = new Set([INDEXES.dueRoot.partition, INDEXES.dueRoot.sort]);

const isRootLeaf = (partition: string): boolean =>
  partition.startsWith("G#") && partition.endsWith(LEAF) && !partition.includes(".");
export const isRootRow = ({ table, partition, sort }: Key): boolean =>
  sort === FIRST && table === "tasks" && isRootLeaf(partition);
const headerOf = ({ partition }: Pick<Key, "partition">): Key => headerKey(partition.slice(2, -LEAF.length));

/** Returns the row that a root header holds; undefined when its first run has none. */
export function rootRowOf(header: Item | undefined): Item | undefined {
  if (header?.attributes[ROOT_STATUS] === undefined) return undefined;
  const attributes: { [name: string]: Attributes[string] } = {};
  for (const name in header.attributes) {
    if (name.startsWith(PREFIX)) attributes[name.slice(PREFIX.length)] = header.attributes[name];
    else if (OWNED.has(name) || INDEXED.has(name)) attributes[name] = header.attributes[name];
  }
  return { key: { table: "tasks", partition: header.key.partition + LEAF, sort: FIRST }, attributes };
}

/** Returns the row of the first run, from a header as read. */
export function rootRow(root: Header): Run | undefined {
  const { gid, ...attributes } = root;
  const item = rootRowOf({ key: headerKey(gid), attributes: attributesOf(attributes) });
  return asRun(item, { gid, index: 0, stepIndex: 0, runId: runIdOf(gid, 0, 0) });
}

const nameOf = (name: string): string => (INDEXED.has(name) ? name : PREFIX + name);
function named<T>(attributes: { readonly [name: string]: T } | undefined): { [name: string]: T } | undefined {
  if (!attributes) return undefined;
  const all: { [name: string]: T } = {};
  for (const name in attributes) if (!OWNED.has(name)) all[nameOf(name)] = attributes[name] as T;
  return all;
}
/** Few rows of roots are due later, so their index has fewer partitions, and a sweep asks fewer times. */
function inRootShard(attributes: Attributes): Attributes {
  const shard = attributes[INDEXES.dueRoot.partition];
  if (typeof shard !== "string") return attributes;
  return { ...attributes, [INDEXES.dueRoot.partition]: dueShard(shardOf(shard, DUE_ROOT_SHARDS)) };
}
/** Returns a change of the first row as one of its header. */
export function rootChange({ set, setOnce, add, take, remove }: Change): Change {
  return {
    ...(set && { set: inRootShard(named(set) as Attributes) }),
    ...(setOnce && { setOnce: named(setOnce) as Attributes }),
    ...(add && { add: named(add) as NonNullable<Change["add"]> }),
    ...(take && { take: named(take) as NonNullable<Change["take"]> }),
    ...(remove && { remove: remove.map(nameOf) }),
  };
}
/** Returns a condition on the first row as one on its header. */
export function rootCondition(condition: Condition | undefined): Condition {
  return condition ? and(present(), ofHeader(condition)) : present();
}
function ofHeader(condition: Condition): Condition {
  switch (condition.op) {
    case "and":
    case "or":
      return { op: condition.op, of: condition.of.map(ofHeader) };
    case "not":
      return { op: "not", of: ofHeader(condition.of) };
    case "absent":
    case "present":
      return { op: condition.op, attribute: nameOf(condition.attribute ?? "status") };
    default:
      return { ...condition, attribute: nameOf(condition.attribute) };
  }
}
function rootOp(op: WriteOp): WriteOp {
  const key = headerOf(op.key);
  if (op.op === "put")
    return { op: "update", key, change: rootChange({ set: op.attributes }), when: rootCondition(absent()) };
  if (op.op === "update") return { op: "update", key, change: rootChange(op.change), when: rootCondition(op.when) };
  throw new Error("unreachable: rows expire, and are never removed");
}
const rowResult = (result: WriteResult): WriteResult => ({ ...result, item: rootRowOf(result.item) });

/** Returns the store as the engine sees it, with the first row of each job among the other rows. */
export function withRootRows(store: Store): Store {
  const rootItem = async (partition: string): Promise<Item | undefined> =>
    store.get(headerOf({ partition }), { consistent: true });
  return {
    get: async (key, options) =>
      isRootRow(key) ? rootRowOf(await store.get(headerOf(key), options)) : store.get(key, options),
    getMany: async (keys) => {
      if (!keys.some(isRootRow)) return store.getMany(keys);
      const items = await store.getMany(keys.map((key) => (isRootRow(key) ? headerOf(key) : key)));
      return items.map((item, k) => (isRootRow(keys[k] as Key) ? rootRowOf(item) : item));
    },
    query: (table, partition, options = {}) =>
      table === "tasks" && isRootLeaf(partition)
        ? queryRoot(store, partition, options, () => rootItem(partition))
        : store.query(table, partition, options),
    queryIndex: (query) => store.queryIndex(query),
    write: async (op) => (isRootRow(op.key) ? rowResult(await store.write(rootOp(op))) : store.write(op)),
    writeMany: async (ops) => {
      if (!ops.some(({ key }) => isRootRow(key))) return store.writeMany(ops);
      const results = await store.writeMany(ops.map((op) => (isRootRow(op.key) ? rootOp(op) : op)));
      return results.map((result, k) => (isRootRow((ops[k] as WriteOp).key) ? rowResult(result) : result));
    },
  };
}

/** Reads the leaf of a root: its first row from the header, and the later steps, unless the job has only one. */
async function queryRoot(
  store: Store,
  partition: string,
  options: QueryOptions,
  rootItem: () => Promise<Item | undefined>,
): Promise<QueryResult> {
  const { from = "", to = FIRST, limit = Number.POSITIVE_INFINITY, cursor, descending = false } = options;
  const isAsked = from <= FIRST && to >= FIRST && (descending || cursor === undefined);
  if (descending) {
    const later = await store.query("tasks", partition, options);
    if (!isAsked || later.cursor !== undefined || cursor === FIRST) return later;
    const row = rootRowOf(await rootItem());
    const last = later.items.at(-1)?.key.sort;
    if (!row) return later;
    if (later.items.length < limit) return { items: [...later.items, row] };
    return { items: later.items, ...(last !== undefined && { cursor: last }) };
  }
  if (!isAsked) return store.query("tasks", partition, options);
  const header = await rootItem();
  const row = rootRowOf(header);
  if (header?.attributes["step"] !== undefined) return { items: row ? [row] : [] };
  if (!row) return store.query("tasks", partition, options);
  if (limit <= 1) return { items: [row], cursor: FIRST };
  const { limit: most, ...rest } = options;
  const later = await store.query("tasks", partition, { ...rest, ...(most !== undefined && { limit: most - 1 }) });
  return { ...later, items: [row, ...later.items] };
}
