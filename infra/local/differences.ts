import { isDeepStrictEqual } from "node:util";
import {
  type ContinuousBackupsDescription,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  type TableDescription,
  type TimeToLiveDescription,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  GetEventSourceMappingCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  LambdaClient,
} from "@aws-sdk/client-lambda";
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  type LifecycleRule,
} from "@aws-sdk/client-s3";
import { DescribeStateMachineCommand, SFNClient } from "@aws-sdk/client-sfn";
import { GetQueueAttributesCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { keepLogs, logGroups } from "./logs.ts";
import type { Properties, WantedResource } from "./templates.ts";

/** One property of a deployed resource, beside its value in the template. Both are plain data in the same form. */
export interface Comparison {
  readonly resource: string;
  readonly property: string;
  readonly wanted: unknown;
  readonly deployed: unknown;
  /** Sets the value of the template. Absent where no emulator is known to drop the property. */
  readonly set?: () => Promise<unknown>;
}
export const differs = ({ wanted, deployed }: Comparison): boolean => !isDeepStrictEqual(wanted, deployed);

type Compare = (id: string, properties: Properties) => Promise<readonly Omit<Comparison, "resource">[]>;
const dynamo = new DynamoDBClient({});
const lambda = new LambdaClient({});
const s3 = new S3Client({ forcePathStyle: true });
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
const sfn = new SFNClient({});

/** Reads back the properties that the engine relies on, from every resource of a kind that has some. */
export async function compareAll(resources: readonly WantedResource[]): Promise<readonly Comparison[]> {
  const all = resources.map(async ({ type, physicalId, properties }) => {
    const found = (await COMPARE[type]?.(physicalId, properties)) ?? [];
    return found.map((comparison) => ({ resource: `${type} ${physicalId}`, ...comparison }));
  });
  return (await Promise.all(all)).flat();
}

const COMPARE: { readonly [type: string]: Compare | undefined } = {
  "AWS::SQS::Queue": compareQueue,
  "AWS::DynamoDB::GlobalTable": compareTable,
  "AWS::DynamoDB::Table": compareTable,
  "AWS::S3::Bucket": compareBucket,
  "AWS::Lambda::Function": compareFunction,
  "AWS::Lambda::EventSourceMapping": compareEventSource,
  "AWS::Logs::LogGroup": compareLogGroup,
  "AWS::StepFunctions::StateMachine": compareStateMachine,
};

async function compareQueue(url: string, properties: Properties) {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }));
  const names = [
    "VisibilityTimeout",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "MaximumMessageSize",
    "RedrivePolicy",
  ] as const;
  return names.flatMap((property) => {
    const wanted = properties[property];
    if (wanted === undefined) return [];
    const text = Attributes[property];
    const value = JSON.stringify(wanted);
    return {
      property,
      wanted: typeof wanted === "object" ? plain(wanted) : Number(wanted),
      deployed: text === undefined ? undefined : plain(JSON.parse(text)),
      set: () => sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { [property]: value } })),
    };
  });
}
/** Returns numeric text as numbers, because templates and emulators write some numbers as text. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  return typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
}

async function compareTable(name: string, properties: Properties) {
  const table = { TableName: name };
  const [{ Table }, { TimeToLiveDescription }, { ContinuousBackupsDescription }] = await Promise.all([
    dynamo.send(new DescribeTableCommand(table)),
    dynamo.send(new DescribeTimeToLiveCommand(table)),
    dynamo.send(new DescribeContinuousBackupsCommand(table)),
  ]);
  const indexes = (
    list: readonly { readonly IndexName?: string; readonly KeySchema?: unknown; readonly Projection?: unknown }[] = [],
  ) => new Map(list.map(({ IndexName, KeySchema, Projection }) => [IndexName, { KeySchema, Projection }]));
  return [
    { property: "KeySchema", wanted: properties["KeySchema"], deployed: Table?.KeySchema },
    {
      property: "BillingMode",
      wanted: properties["BillingMode"] ?? "PROVISIONED",
      deployed: Table?.BillingModeSummary?.BillingMode ?? "PROVISIONED",
    },
    {
      property: "GlobalSecondaryIndexes",
      wanted: indexes(properties["GlobalSecondaryIndexes"] as []),
      deployed: indexes(Table?.GlobalSecondaryIndexes),
    },
    timeToLiveOf(name, properties, TimeToLiveDescription),
    ...protectionOf(name, properties, Table, ContinuousBackupsDescription),
  ];
}

function timeToLiveOf(
  name: string,
  properties: Properties,
  deployed: TimeToLiveDescription | undefined,
): Omit<Comparison, "resource"> {
  const timeToLive = properties["TimeToLiveSpecification"] as
    | { readonly AttributeName?: string; readonly Enabled?: boolean }
    | undefined;
  return {
    property: "TimeToLiveSpecification",
    wanted: timeToLive?.Enabled ? timeToLive.AttributeName : undefined,
    deployed: deployed?.TimeToLiveStatus?.startsWith("ENABL") ? deployed.AttributeName : undefined,
    set: () =>
      dynamo.send(
        new UpdateTimeToLiveCommand({
          TableName: name,
          TimeToLiveSpecification: { AttributeName: timeToLive?.AttributeName, Enabled: timeToLive?.Enabled },
        }),
      ),
  };
}

function protectionOf(
  name: string,
  properties: Properties,
  deployed: TableDescription | undefined,
  backups: ContinuousBackupsDescription | undefined,
): readonly Omit<Comparison, "resource">[] {
  const table = { TableName: name };
  const replica = ((properties["Replicas"] as readonly Properties[] | undefined) ?? [properties])[0] ?? {};
  const recovery = (
    replica["PointInTimeRecoverySpecification"] as { readonly PointInTimeRecoveryEnabled?: boolean } | undefined
  )?.PointInTimeRecoveryEnabled;
  return [
    {
      property: "PointInTimeRecoveryEnabled",
      wanted: recovery ?? false,
      deployed: backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === "ENABLED",
      set: () =>
        dynamo.send(
          new UpdateContinuousBackupsCommand({
            ...table,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: recovery ?? false },
          }),
        ),
    },
    {
      property: "DeletionProtectionEnabled",
      wanted: replica["DeletionProtectionEnabled"] ?? false,
      deployed: deployed?.DeletionProtectionEnabled ?? false,
      set: () =>
        dynamo.send(
          new UpdateTableCommand({
            ...table,
            DeletionProtectionEnabled: replica["DeletionProtectionEnabled"] === true,
          }),
        ),
    },
  ];
}

async function compareBucket(name: string, properties: Properties) {
  const bucket = { Bucket: name };
  const [block, encryption, lifecycle] = await Promise.all([
    s3.send(new GetPublicAccessBlockCommand(bucket)).catch(absent("NoSuchPublicAccessBlockConfiguration")),
    s3.send(new GetBucketEncryptionCommand(bucket)).catch(absent("ServerSideEncryptionConfigurationNotFoundError")),
    s3.send(new GetBucketLifecycleConfigurationCommand(bucket)).catch(absent("NoSuchLifecycleConfiguration")),
  ]);
  const rules = (
    (properties["LifecycleConfiguration"] as { readonly Rules?: readonly Properties[] } | undefined)?.Rules ?? []
  ).map(lifecycleRule);
  const algorithm = (properties["BucketEncryption"] as EncryptionProperty | undefined)
    ?.ServerSideEncryptionConfiguration?.[0]?.ServerSideEncryptionByDefault?.SSEAlgorithm;
  return [
    {
      property: "PublicAccessBlockConfiguration",
      wanted: properties["PublicAccessBlockConfiguration"],
      deployed: block?.PublicAccessBlockConfiguration && { ...block.PublicAccessBlockConfiguration },
      set: () =>
        s3.send(
          new PutPublicAccessBlockCommand({
            ...bucket,
            PublicAccessBlockConfiguration: properties["PublicAccessBlockConfiguration"] as object,
          }),
        ),
    },
    {
      property: "BucketEncryption",
      wanted: algorithm,
      deployed:
        encryption?.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm,
      set: () =>
        s3.send(
          new PutBucketEncryptionCommand({
            ...bucket,
            ServerSideEncryptionConfiguration: {
              Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: algorithm as "AES256" } }],
            },
          }),
        ),
    },
    {
      property: "LifecycleConfiguration",
      wanted: rules.map(essence),
      deployed: (lifecycle?.Rules ?? []).map(essence),
      set: () =>
        s3.send(new PutBucketLifecycleConfigurationCommand({ ...bucket, LifecycleConfiguration: { Rules: rules } })),
    },
  ];
}
interface EncryptionProperty {
  readonly ServerSideEncryptionConfiguration?: readonly {
    readonly ServerSideEncryptionByDefault?: { readonly SSEAlgorithm?: string };
  }[];
}
/** Returns a lifecycle rule of a template in the form of the API. */
function lifecycleRule(rule: Properties): LifecycleRule {
  const [days, noncurrentDays, upload] = [
    rule["ExpirationInDays"],
    rule["NoncurrentVersionExpiration"],
    rule["AbortIncompleteMultipartUpload"],
  ];
  return {
    ...(rule["Id"] !== undefined && { ID: rule["Id"] as string }),
    Status: rule["Status"] as "Enabled",
    Filter: { Prefix: (rule["Prefix"] as string | undefined) ?? "" },
    ...(days !== undefined && { Expiration: { Days: Number(days) } }),
    ...(noncurrentDays !== undefined && {
      NoncurrentVersionExpiration: { NoncurrentDays: Number((noncurrentDays as Properties)["NoncurrentDays"]) },
    }),
    ...(upload !== undefined && {
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: Number((upload as Properties)["DaysAfterInitiation"]) },
    }),
  };
}
const essence = ({
  Status,
  Filter,
  Expiration,
  NoncurrentVersionExpiration,
  AbortIncompleteMultipartUpload,
}: LifecycleRule) => ({
  Status,
  prefix: Filter?.Prefix ?? "",
  days: Expiration?.Days,
  noncurrentDays: NoncurrentVersionExpiration?.NoncurrentDays,
  uploadDays: AbortIncompleteMultipartUpload?.DaysAfterInitiation,
});

async function compareFunction(name: string, properties: Properties) {
  const [found, { ReservedConcurrentExecutions }] = await Promise.all([
    lambda.send(new GetFunctionConfigurationCommand({ FunctionName: name })),
    lambda.send(new GetFunctionConcurrencyCommand({ FunctionName: name })),
  ]);
  const environment = Object.keys(
    (properties["Environment"] as { readonly Variables?: object } | undefined)?.Variables ?? {},
  );
  return [
    ...(["Runtime", "Handler", "Timeout", "MemorySize", "Architectures"] as const).map((property) => ({
      property,
      wanted: properties[property],
      deployed: found[property],
    })),
    {
      property: "ReservedConcurrentExecutions",
      wanted: properties["ReservedConcurrentExecutions"],
      deployed: ReservedConcurrentExecutions,
    },
    {
      property: "Environment",
      wanted: environment.toSorted(),
      deployed: Object.keys(found.Environment?.Variables ?? {}).toSorted(),
    },
  ].filter(({ wanted }) => wanted !== undefined);
}

async function compareEventSource(id: string, properties: Properties) {
  const found = await lambda.send(new GetEventSourceMappingCommand({ UUID: id }));
  const names = [
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "ScalingConfig",
    "ProvisionedPollerConfig",
    "FunctionResponseTypes",
    "EventSourceArn",
  ] as const;
  return names
    .filter((property) => properties[property] !== undefined)
    .map((property) => ({ property, wanted: properties[property], deployed: found[property] }));
}

async function compareLogGroup(name: string, properties: Properties) {
  const wanted = properties["RetentionInDays"] as number | undefined;
  const deployed = (await logGroups(name)).get(name);
  return [
    {
      property: "RetentionInDays",
      wanted,
      deployed,
      ...(wanted !== undefined && { set: () => keepLogs(name, wanted) }),
    },
  ];
}

async function compareStateMachine(arn: string, properties: Properties) {
  const { type, definition } = await sfn.send(new DescribeStateMachineCommand({ stateMachineArn: arn }));
  const states = (text: unknown) =>
    Object.keys((JSON.parse(String(text)) as { readonly States: object }).States).toSorted();
  return [
    { property: "StateMachineType", wanted: properties["StateMachineType"] ?? "STANDARD", deployed: type },
    ...(typeof properties["DefinitionString"] === "string"
      ? [{ property: "DefinitionString", wanted: states(properties["DefinitionString"]), deployed: states(definition) }]
      : []),
  ];
}

/** Returns a handler that turns the error of a missing configuration into undefined. */
function absent(name: string): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Error && error.name === name) return undefined;
    throw error;
  };
}
