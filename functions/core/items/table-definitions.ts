import { resourceNames } from "../names/resource-names.ts";
import { INDEXES, type IndexName, type Table } from "./item.ts";

/** Names of the attributes that DynamoDB itself looks at. No item has an attribute `pk` or `sk` of its own. */
export const PARTITION_ATTRIBUTE = "pk";
export const SORT_ATTRIBUTE = "sk";
/** Seconds since the epoch after which DynamoDB removes the item, at its leisure. */
export const TTL_ATTRIBUTE = "ttl";

/** One table as it is made: by the stacks, and by whoever tests against a real one. */
export interface TableDefinition {
  readonly table: Table;
  readonly tableName: string;
  /** Sparse; they project keys only. */
  readonly indexes: readonly IndexDefinition[];
}
export interface IndexDefinition {
  readonly indexName: IndexName;
  /** A string. */
  readonly partition: string;
  /** A number. */
  readonly sort: string;
}

/** Keys are strings (`pk`, `sk`), billing is on demand, items expire by `ttl`. */
export function tableDefinitions(prefix: string): readonly TableDefinition[] {
  const { tasksTable, callbacksTable } = resourceNames(prefix);
  return [
    { table: "tasks", tableName: tasksTable, indexes: indexesOf("tasks") },
    { table: "callbacks", tableName: callbacksTable, indexes: indexesOf("callbacks") },
  ];
}

function indexesOf(table: Table): readonly IndexDefinition[] {
  const all = Object.entries(INDEXES) as readonly [IndexName, (typeof INDEXES)[IndexName]][];
  return all.filter(([, index]) => index.table === table).map(([indexName, { partition, sort }]) => ({ indexName, partition, sort }));
}
