import type { Json } from "../json.ts";

/** Stored items and what can be asked of one atomically: plain data, shared by the store port and everything that evaluates it. */
export type Table = "tasks" | "callbacks";
export interface Key {
  readonly table: Table;
  /** At most 1,024 bytes of UTF-8. */
  readonly partition: string;
  /** At most 512 bytes of UTF-8. Within a partition items are ordered by the bytes of `sort`. */
  readonly sort: string;
}
/**
 * A number, string or boolean; a set of strings or of whole numbers; or JSON (arrays and objects) that is only ever replaced as a
 * whole. A set is never empty: taking its last member removes the attribute. `undefined` means absent.
 */
export type Attribute = string | number | boolean | null | ReadonlySet<string> | ReadonlySet<number> | readonly Json[] | { readonly [key: string]: Json };
export type Attributes = { readonly [name: string]: Attribute | undefined };
/** A stored item: its attributes beside its key. Frozen by convention: nobody changes what a store returned or was given. */
export interface Item {
  readonly key: Key;
  readonly attributes: Attributes;
}

/** What an update does, all in one atomic step. Names are flat: a nested path does not exist in this port. */
export interface Change {
  readonly set?: Attributes;
  /** Sets only what is absent. */
  readonly setOnce?: Attributes;
  /** Adds to a number (absent reads as 0) or unites with a set (absent reads as empty). */
  readonly add?: { readonly [name: string]: number | ReadonlySet<string> | ReadonlySet<number> };
  /** Removes members from a set. */
  readonly take?: { readonly [name: string]: ReadonlySet<string> | ReadonlySet<number> };
  readonly remove?: readonly string[];
}
/** Comparisons with an absent attribute are false, as in DynamoDB; `absent` without `attribute` means the item itself. */
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

/** `item`: the new one when applied, the one that stood there when not (undefined: none). `units`: write units consumed, by DynamoDB's rule. */
export interface WriteResult {
  readonly applied: boolean;
  readonly item: Item | undefined;
  readonly units: number;
}
export interface PutOp {
  readonly op: "put";
  readonly key: Key;
  readonly attributes: Attributes;
  readonly when?: Condition;
}
/** Without `when` an update of an absent item creates it (upsert), as in DynamoDB. */
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

/** Sparse indexes that carry keys only; an item is in one when it has both attributes. They lag behind the table. */
export const INDEXES = {
  /** Group headers that are not closed, by the time of their next check. */
  open: { table: "callbacks", partition: "openShard", sort: "nextCheck" },
  /** Rows that become due later than a queue can delay. */
  due: { table: "tasks", partition: "dueShard", sort: "due" },
} as const;
export type IndexName = keyof typeof INDEXES;
