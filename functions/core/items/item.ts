import type { Json } from "../json.ts";

/**
 * Stored items, and the atomic operations on one of them. Plain data, shared by the store port and all code that
 * evaluates it.
 */
export type Table = "tasks" | "callbacks";
export interface Key {
  readonly table: Table;
  /** At most 1,024 bytes of UTF-8. */
  readonly partition: string;
  /** At most 512 bytes of UTF-8. Items of a partition are ordered by these bytes. */
  readonly sort: string;
}
/**
 * A scalar, a set of strings or of whole numbers, or JSON (arrays and objects) that is only replaced as a whole. A set
 * is never empty, because taking its last member removes the attribute. `undefined` means absent.
 */
export type Attribute =
  | string
  | number
  | boolean
  | null
  | ReadonlySet<string>
  | ReadonlySet<number>
  | readonly Json[]
  | { readonly [key: string]: Json };
export type Attributes = { readonly [name: string]: Attribute | undefined };
/**
 * A stored item: its key and its attributes. Items are frozen by convention. Nothing changes an item that a store has
 * returned or received.
 */
export interface Item {
  readonly key: Key;
  readonly attributes: Attributes;
}

/** The clauses of an update, applied in one atomic step. Names are flat, since this port has no nested paths. */
export interface Change {
  readonly set?: Attributes;
  /** Sets attributes that are absent. */
  readonly setOnce?: Attributes;
  /** Adds to a number (absent reads as 0) or unites with a set (absent reads as empty). */
  readonly add?: { readonly [name: string]: number | ReadonlySet<string> | ReadonlySet<number> };
  /** Removes members from a set. */
  readonly take?: { readonly [name: string]: ReadonlySet<string> | ReadonlySet<number> };
  readonly remove?: readonly string[];
}
/**
 * A condition of a write. A comparison with an absent attribute is false, as in DynamoDB. Without `attribute`, `absent`
 * and `present` mean the item itself.
 */
export type Condition =
  | { readonly op: "absent"; readonly attribute?: string }
  | { readonly op: "present"; readonly attribute?: string }
  | { readonly op: "eq"; readonly attribute: string; readonly value: string | number | boolean }
  | { readonly op: "lt"; readonly attribute: string; readonly value: string | number }
  | { readonly op: "in"; readonly attribute: string; readonly values: readonly (string | number)[] }
  | { readonly op: "contains"; readonly attribute: string; readonly value: string | number }
  | { readonly op: "not"; readonly of: Condition }
  | { readonly op: "and"; readonly of: readonly Condition[] }
  | { readonly op: "or"; readonly of: readonly Condition[] };

/** The result of a write. */
export interface WriteResult {
  readonly applied: boolean;
  /** The new item when the write was applied, else the item that the condition met. Undefined when there is none. */
  readonly item: Item | undefined;
  /** Write units consumed, by the rules of DynamoDB. */
  readonly units: number;
}
export interface PutOp {
  readonly op: "put";
  readonly key: Key;
  readonly attributes: Attributes;
  readonly when?: Condition;
}
/** Updates an item. Without `when` the update of an absent item creates it (upsert), as in DynamoDB. */
export interface UpdateOp {
  readonly op: "update";
  readonly key: Key;
  readonly change: Change;
  readonly when?: Condition;
}
export interface RemoveOp {
  readonly op: "remove";
  readonly key: Key;
  readonly when?: Condition;
}
export type WriteOp = PutOp | UpdateOp | RemoveOp;

/**
 * Sparse indexes, which hold keys only. An item is in an index when it has both of its attributes. Indexes lag behind
 * the table.
 */
export const INDEXES = {
  /** Headers of open groups, by the time of their next check. */
  open: { table: "callbacks", partition: "openShard", sort: "nextCheck" },
  /** Rows that become due later than the longest delay of a queue. */
  due: { table: "tasks", partition: "dueShard", sort: "due" },
  /** The same for the first rows of jobs, which are in their root headers. */
  dueRoot: { table: "callbacks", partition: "dueShard", sort: "due" },
} as const;
export type IndexName = keyof typeof INDEXES;
