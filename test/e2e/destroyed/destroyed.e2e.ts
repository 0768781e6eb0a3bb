import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { HeadBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { ListQueuesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { beforeAll, describe, expect, it } from "vitest";
import { bucketName, resourceNames } from "../../../functions/core/names/aws-resource-names.ts";
import { ACCOUNT, REGION } from "../deployment.ts";
import { PREFIX } from "../names.ts";

const ROOT = join(import.meta.dirname, "../../..");
const BUCKET = { Bucket: bucketName(PREFIX, ACCOUNT, REGION) };
const s3 = new S3Client({ forcePathStyle: true });
const dynamo = new DynamoDBClient({});

describe("cdk destroy", () => {
  beforeAll(async () => {
    for (const app of ["user-app", "app"]) {
      const output = join(process.env["FANFOLD_E2E_RUN"] ?? "", app);
      await promisify(execFile)(join(ROOT, "node_modules/.bin/cdk"), ["destroy", "--all", "--force", "--app", output], {
        cwd: ROOT,
        timeout: 110_000,
      });
    }
  });

  it("takes every stack of the deployment away", async () => {
    const { Stacks = [] } = await new CloudFormationClient({}).send(new DescribeStacksCommand({}));
    const left = Stacks.filter(
      ({ StackName, StackStatus }) => StackName !== "CDKToolkit" && StackStatus !== "DELETE_COMPLETE",
    );
    expect(left.map(({ StackName, StackStatus }) => `${StackName} ${StackStatus}`)).toEqual([]);
  });

  it("takes queues and functions away", async () => {
    const { QueueUrls = [] } = await new SQSClient({}).send(new ListQueuesCommand({ QueueNamePrefix: PREFIX }));
    const { Functions = [] } = await new LambdaClient({}).send(new ListFunctionsCommand({}));
    expect([
      ...QueueUrls,
      ...Functions.map(({ FunctionName }) => FunctionName).filter((name) => name?.startsWith(PREFIX)),
    ]).toEqual([]);
  });

  it("leaves the tables, the bucket and what is in them", async () => {
    const { tasksTable, callbacksTable } = resourceNames(PREFIX);
    const counts = await Promise.all(
      [tasksTable, callbacksTable].map(
        async (TableName) => (await dynamo.send(new DescribeTableCommand({ TableName }))).Table?.ItemCount ?? 0,
      ),
    );
    for (const count of counts) expect(count).toBeGreaterThan(0);
    await s3.send(new HeadBucketCommand(BUCKET));
    expect((await s3.send(new ListObjectsV2Command(BUCKET))).KeyCount).toBeGreaterThan(0);
  });
});
