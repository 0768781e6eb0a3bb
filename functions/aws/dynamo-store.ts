import {
  BatchGetItemCommand,
  type ConsumedCapacity,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { assertNever } from "../core/errors.ts";
import { attributesBytes, keyBytes, writeUnits } from "../core/items/item-size.ts";
import { type Attributes, INDEXES } from "../core/items/item.ts";
import { PARTITION_ATTRIBUTE, SORT_ATTRIBUTE, tableDefinitions } from "../core/items/table-definitions.ts";
import { compareUtf8 } from "../core/items/utf8.ts";
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
} from "../engine/ports.ts";
import { MAX_SOCKETS } from "./client-options.ts";
import { eachBounded } from "./each-bounded.ts";
import { compileWrite } from "./expression.ts";
import { decodeItem, decodeKey, type EncodedItem, encodeItem, encodeKey } from "./item-codec.ts";
import { retrying, retryingEntries } from "./retry-calls.ts";
import type { Usage } from "./usage.ts";

const DEFAULT_LIMIT = 1_000;

/**
 * Stores items in DynamoDB. Each write is one call, because conditional writes cannot be batched and transactions cost
 * twice as much. Write units are those that DynamoDB reports. It reports none for a refused write, so these are
 * computed by its rules.
 */
export class DynamoStore implements Store {
  readonly #client: DynamoDBClient;
  readonly #usage: Usage;
  readonly #names: Readonly<Record<Table, string>>;

  constructor(client: DynamoDBClient, prefix: string, usage: Usage) {
    this.#client = client;
    this.#usage = usage;
    this.#names = Object.fromEntries(
      tableDefinitions(prefix).map(({ table, tableName }) => [table, tableName]),
    ) as Record<Table, string>;
  }

  async get(key: Key, options: { readonly consistent?: boolean } = {}): Promise<Item | undefined> {
    const command = new GetItemCommand({
      TableName: this.#names[key.table],
      Key: encodeKey(key),
      ConsistentRead: options.consistent === true,
      ReturnConsumedCapacity: "TOTAL",
    });
    const output = await this.#read(`reading ${shown(key)}`, () => this.#client.send(command));
    this.#countReads(output.ConsumedCapacity);
    return output.Item && decodeItem(key.table, output.Item);
  }

  async getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]> {
    const found = new Map<string, Item>();
    // DynamoDB refuses a batch that names a key twice.
    const wanted = [...new Map(keys.map((key) => [identityOf(key), key])).values()];
    await retryingEntries("reading a batch of items", wanted, async (left) => {
      const output = await this.#read("reading a batch of items", () =>
        this.#client.send(new BatchGetItemCommand(this.#batchOf(left))),
      );
      this.#countReads(...(output.ConsumedCapacity ?? []));
      for (const table of TABLES) {
        for (const encoded of output.Responses?.[this.#names[table]] ?? []) {
          const item = decodeItem(table, encoded);
          found.set(identityOf(item.key), item);
        }
      }
      const entries = TABLES.flatMap((table) =>
        (output.UnprocessedKeys?.[this.#names[table]]?.Keys ?? []).map((key) => decodeKey(table, key)),
      );
      return { entries, reason: "DynamoDB left their keys unprocessed" };
    });
    return keys.map((key) => found.get(identityOf(key)));
  }

  async query(table: Table, partition: string, options: QueryOptions = {}): Promise<QueryResult> {
    const { from, to, limit = DEFAULT_LIMIT, cursor, descending = false } = options;
    // DynamoDB refuses a range whose lower bound is above its upper bound.
    if (from !== undefined && to !== undefined && compareUtf8(from, to) > 0) return { items: [] };
    const command = new QueryCommand({
      TableName: this.#names[table],
      KeyConditionExpression: `#p = :p${sortCondition(from, to)}`,
      ExpressionAttributeNames: {
        "#p": PARTITION_ATTRIBUTE,
        ...((from !== undefined || to !== undefined) && { "#s": SORT_ATTRIBUTE }),
      },
      ExpressionAttributeValues: {
        ":p": { S: partition },
        ...(from !== undefined && { ":from": { S: from } }),
        ...(to !== undefined && { ":to": { S: to } }),
      },
      ConsistentRead: true,
      ScanIndexForward: !descending,
      Limit: limit,
      ...(cursor !== undefined && { ExclusiveStartKey: encodeKey({ table, partition, sort: cursor }) }),
      ReturnConsumedCapacity: "TOTAL",
    });
    const output = await this.#read(`reading the partition ${partition} of ${table}`, () => this.#client.send(command));
    this.#countReads(output.ConsumedCapacity);
    const items = (output.Items ?? []).map((encoded) => decodeItem(table, encoded));
    return output.LastEvaluatedKey ? { items, cursor: decodeKey(table, output.LastEvaluatedKey).sort } : { items };
  }

  async queryIndex({ index, partition, upTo, limit, cursor }: IndexQuery): Promise<IndexResult> {
    const { table, partition: partitionName, sort: sortName } = INDEXES[index];
    const command = new QueryCommand({
      TableName: this.#names[table],
      IndexName: index,
      KeyConditionExpression: "#p = :p AND #s <= :to",
      ExpressionAttributeNames: { "#p": partitionName, "#s": sortName },
      ExpressionAttributeValues: { ":p": { S: partition }, ":to": { N: String(upTo) } },
      Limit: limit,
      ...(cursor !== undefined && { ExclusiveStartKey: JSON.parse(cursor) as EncodedItem }),
      ReturnConsumedCapacity: "TOTAL",
    });
    const output = await this.#read(`reading ${partition} of the index ${index}`, () => this.#client.send(command));
    this.#countReads(output.ConsumedCapacity);
    const keys = (output.Items ?? []).map((encoded) => decodeKey(table, encoded));
    return output.LastEvaluatedKey ? { keys, cursor: JSON.stringify(output.LastEvaluatedKey) } : { keys };
  }

  async write(op: WriteOp): Promise<WriteResult> {
    const result = await retrying<WriteResult>({
      usage: this.#usage,
      what: `writing ${shown(op.key)}`,
      kind: "write",
      send: () => this.#send(op),
      answer: (error) => {
        const refusal = error as { readonly name?: string; readonly Item?: EncodedItem };
        if (refusal.name !== "ConditionalCheckFailedException") return undefined;
        const item = refusal.Item && decodeItem(op.key.table, refusal.Item);
        return { value: { applied: false, item, units: writeUnits(bytesOf(item), 0, undefined) } };
      },
    });
    this.#usage.writeUnits += result.units;
    return result;
  }

  async writeMany(ops: readonly WriteOp[]): Promise<readonly WriteResult[]> {
    const results: WriteResult[] = [];
    await eachBounded(ops, MAX_SOCKETS / 2, async (op, index) => {
      results[index] = await this.write(op);
    });
    return results;
  }

  async #send(op: WriteOp): Promise<WriteResult> {
    const request = {
      TableName: this.#names[op.key.table],
      ReturnConsumedCapacity: "TOTAL",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      ...compileWrite(op.op === "update" ? op.change : undefined, op.when),
    } as const;
    switch (op.op) {
      case "put": {
        const output = await this.#client.send(
          new PutItemCommand({ ...request, Item: encodeItem(op.key, op.attributes) }),
        );
        return applied({ key: op.key, attributes: present(op.attributes) }, output.ConsumedCapacity);
      }
      case "update": {
        const output = await this.#client.send(
          new UpdateItemCommand({ ...request, Key: encodeKey(op.key), ReturnValues: "ALL_NEW" }),
        );
        return applied(output.Attributes && decodeItem(op.key.table, output.Attributes), output.ConsumedCapacity);
      }
      case "remove": {
        const output = await this.#client.send(new DeleteItemCommand({ ...request, Key: encodeKey(op.key) }));
        return applied(undefined, output.ConsumedCapacity);
      }
      default:
        return assertNever(op);
    }
  }

  #batchOf(keys: readonly Key[]): ConstructorParameters<typeof BatchGetItemCommand>[0] {
    const tables = TABLES.map((table) => ({
      table,
      Keys: keys.filter((key) => key.table === table).map(encodeKey),
    })).filter(({ Keys }) => Keys.length > 0);
    return {
      RequestItems: Object.fromEntries(
        tables.map(({ table, Keys }) => [this.#names[table], { Keys, ConsistentRead: true }]),
      ),
      ReturnConsumedCapacity: "TOTAL",
    };
  }

  #read<T>(what: string, send: () => Promise<T>): Promise<T> {
    return retrying({ usage: this.#usage, what, kind: "read", send });
  }
  #countReads(...consumed: readonly (ConsumedCapacity | undefined)[]): void {
    for (const each of consumed) this.#usage.readUnits += each?.CapacityUnits ?? 0;
  }
}

const TABLES: readonly Table[] = ["tasks", "callbacks"];

function sortCondition(from: string | undefined, to: string | undefined): string {
  if (from !== undefined && to !== undefined) return " AND #s BETWEEN :from AND :to";
  if (from !== undefined) return " AND #s >= :from";
  return to === undefined ? "" : " AND #s <= :to";
}
function present(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
function applied(item: Item | undefined, consumed: ConsumedCapacity | undefined): WriteResult {
  return { applied: true, item, units: consumed?.CapacityUnits ?? writeUnits(0, bytesOf(item), undefined) };
}
function bytesOf(item: Item | undefined): number {
  return item === undefined ? 0 : keyBytes(item.key.partition, item.key.sort) + attributesBytes(item.attributes);
}
function identityOf({ table, partition, sort }: Key): string {
  return `${table}\0${partition}\0${sort}`;
}
function shown({ table, partition, sort }: Key): string {
  return `${partition} / ${sort} of ${table}`;
}
