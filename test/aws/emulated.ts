import { randomBytes } from "node:crypto";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { clientOptions, endpointOf, type Variables } from "../../functions/aws/client-options.ts";
import {
  PARTITION_ATTRIBUTE,
  SORT_ATTRIBUTE,
  type TableDefinition,
  tableDefinitions,
  TTL_ATTRIBUTE,
} from "../../functions/core/items/table-definitions.ts";
import { queueResourceName } from "../../functions/core/names/aws-resource-names.ts";

const ANSWER_MS = 20_000;

/**
 * Tests against a service outside of this process. AWS_ENDPOINT_URL, or the variable of one service, says where it is;
 * without it those tests are skipped. No test ever talks to AWS itself.
 */
export function isEmulated(service: "DYNAMODB" | "SQS" | "S3"): boolean {
  return endpointOf(process.env, service) !== undefined;
}
/** Credentials that the SDK finds first, so no test ever uses a real account. */
export function useTestCredentials(): void {
  process.env["AWS_ACCESS_KEY_ID"] = "test";
  process.env["AWS_SECRET_ACCESS_KEY"] = "test";
  delete process.env["AWS_SESSION_TOKEN"];
  delete process.env["AWS_PROFILE"];
}

/** Returns the environment of a deployment that exists in an emulator only. Its prefix is new. */
export function emulatedVariables(): Variables & { readonly FANFOLD_PREFIX: string; readonly FANFOLD_BUCKET: string } {
  useTestCredentials();
  const prefix = `t${randomBytes(6).toString("hex")}`;
  return {
    AWS_REGION: "us-east-1",
    ...process.env,
    FANFOLD_PREFIX: prefix,
    FANFOLD_BUCKET: `${prefix}-blobs`,
    FANFOLD_QUEUE_URL_BASE: `${endpointOf(process.env, "SQS") ?? "http://127.0.0.1:9"}/000000000000`,
  };
}

/** Makes both tables as the stacks would. Returns what removes them. */
export async function makeTables(
  variables: Variables & { readonly FANFOLD_PREFIX: string },
): Promise<() => Promise<void>> {
  const client = new DynamoDBClient(clientOptions(variables, "DYNAMODB", ANSWER_MS));
  const definitions = tableDefinitions(variables.FANFOLD_PREFIX);
  for (const definition of definitions) await client.send(new CreateTableCommand(tableInput(definition)));
  for (const { tableName } of definitions) {
    await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName: tableName });
    const expiry = { Enabled: true, AttributeName: TTL_ATTRIBUTE };
    await client.send(new UpdateTimeToLiveCommand({ TableName: tableName, TimeToLiveSpecification: expiry }));
  }
  return async () => {
    for (const { tableName } of definitions) await client.send(new DeleteTableCommand({ TableName: tableName }));
    client.destroy();
  };
}
function tableInput({ tableName, indexes }: TableDefinition): ConstructorParameters<typeof CreateTableCommand>[0] {
  return {
    TableName: tableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: PARTITION_ATTRIBUTE, AttributeType: "S" },
      { AttributeName: SORT_ATTRIBUTE, AttributeType: "S" },
      ...indexes.flatMap(({ partition, sort }) => [
        { AttributeName: partition, AttributeType: "S" as const },
        { AttributeName: sort, AttributeType: "N" as const },
      ]),
    ],
    KeySchema: keySchema(PARTITION_ATTRIBUTE, SORT_ATTRIBUTE),
    GlobalSecondaryIndexes: indexes.map(({ indexName, partition, sort }) => ({
      IndexName: indexName,
      KeySchema: keySchema(partition, sort),
      Projection: { ProjectionType: "KEYS_ONLY" },
    })),
  };
}
function keySchema(partition: string, sort: string): { AttributeName: string; KeyType: "HASH" | "RANGE" }[] {
  return [
    { AttributeName: partition, KeyType: "HASH" },
    { AttributeName: sort, KeyType: "RANGE" },
  ];
}

export async function makeBucket(variables: Variables & { readonly FANFOLD_BUCKET: string }): Promise<void> {
  const client = new S3Client({ ...clientOptions(variables, "S3", ANSWER_MS), forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: variables.FANFOLD_BUCKET }));
  client.destroy();
}

/** Makes queues, given their text forms. Returns a client to receive with, and their URLs. */
export async function makeQueues(
  variables: Variables & { readonly FANFOLD_PREFIX: string },
  queues: readonly string[],
): Promise<{ readonly client: SQSClient; readonly urls: readonly string[] }> {
  const client = new SQSClient(clientOptions(variables, "SQS", ANSWER_MS));
  const urls: string[] = [];
  for (const queue of queues) {
    const { QueueUrl } = await client.send(
      new CreateQueueCommand({ QueueName: queueResourceName(variables.FANFOLD_PREFIX, queue) }),
    );
    urls.push(QueueUrl as string);
  }
  return { client, urls };
}
