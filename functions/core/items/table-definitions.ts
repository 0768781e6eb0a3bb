import { resourceNames } from "../names/aws-resource-names.ts";
import { INDEXES, type IndexName, type Table } from "./item.ts";

/** Names of the key attributes in DynamoDB. No item has an attribute `pk` or `sk` of its own. */
export const PARTITION_ATTRIBUTE = "pk";
export const SORT_ATTRIBUTE = "sk";
/**
 * Name of the attribute that holds the expiry, in seconds since the epoch. DynamoDB removes the item some time after
 * it.
 */
export const TTL_ATTRIBUTE = "ttl";

/** One table, as the stacks and the tests against a real database create it. */
export interface TableDefinition {
  readonly table: Table;
  readonly tableName: string;
  /** Sparse indexes, which project keys only. */
  readonly indexes: readonly IndexDefinition[];
}
export interface IndexDefinition {
  readonly indexName: IndexName;
  /** Name of a string attribute. */
  readonly partition: string;
  /** Name of a number attribute. */
  readonly sort: string;
}

/** Returns the tables of a deployment. Keys are strings (`pk`, `sk`), billing is on demand, items expire by `ttl`. */
export function tableDefinitions(prefix: string): readonly TableDefinition[] {
  const { tasksTable, callbacksTable } = resourceNames(prefix);
  return [
    { table: "tasks", tableName: tasksTable, indexes: indexesOf("tasks") },
    { table: "callbacks", tableName: callbacksTable, indexes: indexesOf("callbacks") },
  ];
}

function indexesOf(table: Table): readonly IndexDefinition[] {
  const all = Object.entries(INDEXES) as readonly [IndexName, (typeof INDEXES)[IndexName]][];
  return all
    .filter(([, index]) => index.table === table)
    .map(([indexName, { partition, sort }]) => ({ indexName, partition, sort }));
}
