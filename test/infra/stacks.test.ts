import { describe, expect, it } from "vitest";
import { tableDefinitions } from "../../functions/core/items/table-definitions.ts";
import type { Json } from "../../functions/core/json.ts";
import { METRIC_DIMENSIONS, METRIC_NAMESPACE, METRICS } from "../../functions/core/names/metric-names.ts";
import { deadLetterQueueName, functionResourceName, queueResourceName, resourceNames, siteFunctionName } from "../../functions/core/names/resource-names.ts";
import { decodeMessage } from "../../functions/engine/messages/wire.ts";
import { BASE, flat, listOf, ofType, type Properties, statementsIn, synthesise } from "./synth.ts";

const LONDON = {
  name: "london",
  queues: [
    { name: "default", maxConcurrency: 7, batchSize: 100, windowSeconds: 5 },
    { name: "urgent", pollers: { minimum: 2, maximum: 20 } },
    { name: "default", function: "discovery" as const },
  ],
  functions: { worker: { timeoutSeconds: 900 }, discovery: { timeoutSeconds: 30, memoryMb: 2_048, reservedConcurrency: 5 } },
};
const config = { ...BASE, tasks: "test/infra/machine-tasks.ts", sites: [LONDON], alarms: { email: "ops@example.org" }, tags: { team: "storage" } };
const templates = synthesise(config);
const property = (type: string, name: string): string[] =>
  ofType(templates, type)
    .map(({ Properties }) => String(Properties[name]))
    .toSorted();
/** Each synthesis bundles or checks all stacks. */
const SLOW_MS = 240_000;
const at = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Properties | undefined)?.[key], value);

describe("state", () => {
  const tables = ofType(templates, "AWS::DynamoDB::GlobalTable");
  const [bucket] = ofType(templates, "AWS::S3::Bucket");

  it("has the tables that the engine expects", () => {
    for (const { tableName, indexes } of tableDefinitions("fanfold")) {
      const { Properties } = tables.find((table) => table.Properties["TableName"] === tableName)!;
      expect(Properties).toMatchObject({
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true },
        GlobalSecondaryIndexes: indexes.map(({ indexName, partition, sort }) => ({
          IndexName: indexName,
          KeySchema: [
            { AttributeName: partition, KeyType: "HASH" },
            { AttributeName: sort, KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        })),
      });
      expect(Properties["AttributeDefinitions"]).toEqual(expect.arrayContaining(indexes.map(({ sort }) => ({ AttributeName: sort, AttributeType: "N" }))));
    }
    expect(tables).toHaveLength(2);
  });
  it("is kept, encrypted, protected and can be restored", () => {
    for (const { Properties, DeletionPolicy, UpdateReplacePolicy } of tables) {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(["Retain", "Retain"]);
      expect(at(Properties, "SSESpecification", "SSEEnabled")).toBe(true);
      expect(at(Properties, "Replicas", 0)).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
    expect([bucket!.DeletionPolicy, bucket!.UpdateReplacePolicy]).toEqual(["Retain", "Retain"]);
    expect(at(bucket!.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm")).toBe("AES256");
    expect(bucket!.Properties["PublicAccessBlockConfiguration"]).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
  });
  it("forgets no value before its job is forgotten", () => {
    const rules = at(bucket!.Properties, "LifecycleConfiguration", "Rules") as readonly Properties[];
    expect(rules.map((rule) => rule["ExpirationInDays"])).toEqual([365 + config.retentionDays + 1]);
  });
  it(
    "is warm from the start when asked to be",
    () => {
      const warmThroughput = { readUnitsPerSecond: 20_000, writeUnitsPerSecond: 8_000 };
      const warm = synthesise({ ...BASE, tables: { warmThroughput } });
      for (const { Properties } of ofType(warm, "AWS::DynamoDB::GlobalTable")) {
        expect(Properties["WarmThroughput"]).toEqual({ ReadUnitsPerSecond: 20_000, WriteUnitsPerSecond: 8_000 });
      }
      expect(tables.map(({ Properties }) => Properties["WarmThroughput"])).toEqual([undefined, undefined]);
    },
    SLOW_MS,
  );
});

describe("names", () => {
  it("are those that the functions derive", () => {
    const { tasksTable, callbacksTable, engineQueue, engineDeadLetterQueue, eventsDeadLetterQueue, supervisorStateMachine } = resourceNames("fanfold");
    const texts = ["london.default#worker", "london.urgent#worker", "london.default#discovery"];
    expect(property("AWS::DynamoDB::GlobalTable", "TableName")).toEqual([callbacksTable, tasksTable]);
    expect(property("AWS::StepFunctions::StateMachine", "StateMachineName")).toEqual([supervisorStateMachine]);
    expect(property("AWS::SQS::Queue", "QueueName")).toEqual(
      [
        engineQueue,
        engineDeadLetterQueue,
        eventsDeadLetterQueue,
        deadLetterQueueName("fanfold", "london"),
        ...texts.map((text) => queueResourceName("fanfold", text)),
      ].toSorted(),
    );
    expect(property("AWS::Lambda::Function", "FunctionName")).toEqual(
      [
        ...(["control", "api", "sweeper", "supervisor", "engine-dead-letter"] as const).map((role) => functionResourceName("fanfold", role)),
        ...(["worker", "discovery"] as const).map((kind) => siteFunctionName("fanfold", "london", { role: "worker", function: kind })),
        siteFunctionName("fanfold", "london", { role: "dead-letter" }),
      ].toSorted(),
    );
    expect(flat(ofType(templates, "AWS::S3::Bucket")[0]!.Properties["BucketName"])).toBe("fanfold-<AWS::AccountId>-<AWS::Region>");
  });
  it("are all that passes between stacks", () => {
    expect(Object.values(templates).flatMap(({ Outputs = {} }) => Object.values(Outputs).filter((output) => output.Export !== undefined))).toEqual([]);
    expect(JSON.stringify(templates)).not.toContain("Fn::ImportValue");
    expect(JSON.stringify(templates)).not.toContain("Fn::GetStackOutput");
  });
  // But for the state machine that a task names by its ARN.
  it("name no account and no region", () =>
    expect(JSON.stringify(templates).replaceAll(/arn:aws:states:[a-z0-9-]+:\d+:\w+:archive/g, "")).not.toMatch(/\b\d{12}\b|\b(us|eu|ap)-[a-z]+-\d\b/));
});

describe("queues", () => {
  const queues = new Map(ofType(templates, "AWS::SQS::Queue").map((queue) => [`<${queue.id}.Arn>`, queue]));
  const functions = new Map(ofType(templates, "AWS::Lambda::Function").map((each) => [`<${each.id}>`, each]));
  const feeds = ofType(templates, "AWS::Lambda::EventSourceMapping").map(({ Properties }) => ({
    feed: Properties,
    queue: queues.get(flat(Properties["EventSourceArn"]))!,
    target: functions.get(flat(Properties["FunctionName"]))!,
  }));

  it("are all read by a function, but for that of undelivered events, which people look at", () => {
    const read = new Set(feeds.map(({ queue }) => queue.id));
    const unread = [...queues.values()].filter(({ id }) => !read.has(id)).map(({ Properties }) => Properties["QueueName"]);
    expect(unread).toEqual([resourceNames("fanfold").eventsDeadLetterQueue]);
  });
  it("hide a message for six times what their function may take", () => {
    for (const { feed, queue, target } of feeds) {
      const least = 6 * Number(target.Properties["Timeout"]) + Number(feed["MaximumBatchingWindowInSeconds"] ?? 0);
      expect(queue.Properties["VisibilityTimeout"]).toBeGreaterThanOrEqual(least);
      expect(queue.Properties["VisibilityTimeout"]).toBeLessThanOrEqual(43_200);
    }
  });
  it("give parts of a batch back, and are bounded by at least two invocations or by pollers of their own", () => {
    for (const { feed } of feeds) {
      expect(feed["FunctionResponseTypes"]).toEqual(["ReportBatchItemFailures"]);
      const bound = Number(at(feed, "ScalingConfig", "MaximumConcurrency") ?? 0);
      expect(bound >= 2).toBe(feed["ProvisionedPollerConfig"] === undefined);
    }
    const by = (text: string) => feeds.find(({ queue }) => queue.Properties["QueueName"] === queueResourceName("fanfold", text))!.feed;
    expect(by("london.default#worker")).toMatchObject({ BatchSize: 100, MaximumBatchingWindowInSeconds: 5, ScalingConfig: { MaximumConcurrency: 7 } });
    expect(by("london.urgent#worker")).toMatchObject({ ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 20 } });
  });
  it("hand what nobody could do to the dead letters of their site, and keep those longer", () => {
    for (const { queue } of feeds) {
      const dead = /dead-letters/.test(String(queue.Properties["QueueName"]));
      const redrive = queue.Properties["RedrivePolicy"] as { readonly deadLetterTargetArn: unknown; readonly maxReceiveCount: number } | undefined;
      expect(redrive === undefined).toBe(dead);
      expect(queue.Properties["MessageRetentionPeriod"]).toBe((dead ? 14 : 4) * 86_400);
      if (!redrive) continue;
      const target = queues.get(flat(redrive.deadLetterTargetArn))!;
      expect(target.stack).toBe(queue.stack);
      expect(String(target.Properties["QueueName"])).toMatch(/dead-letters/);
      expect(redrive.maxReceiveCount).toBeGreaterThanOrEqual(10);
    }
  });
  it("are encrypted and refuse what comes without TLS", () => {
    const policies = new Set(ofType(templates, "AWS::SQS::QueuePolicy").flatMap(({ Properties }) => listOf(Properties["Queues"]).map(flat)));
    for (const { id, Properties } of queues.values()) {
      expect(Properties["SqsManagedSseEnabled"]).toBe(true);
      expect(policies).toContain(`<${id}>`);
    }
  });
});

describe("functions", () => {
  it("run on arm64 and the current Node, and write to a log that ends", () => {
    const logs = new Map(ofType(templates, "AWS::Logs::LogGroup").map(({ stack, id, Properties }) => [`${stack} <${id}>`, Properties]));
    for (const { stack, Properties } of ofType(templates, "AWS::Lambda::Function")) {
      expect(Properties).toMatchObject({ Architectures: ["arm64"], Runtime: "nodejs24.x", Handler: "index.handler" });
      expect(logs.get(`${stack} ${flat(at(Properties, "LoggingConfig", "LogGroup"))}`)?.["RetentionInDays"]).toBe(30);
    }
  });
  it("are told where they are and what the numbers are", () => {
    for (const { Properties } of ofType(templates, "AWS::Lambda::Function")) {
      const variables = at(Properties, "Environment", "Variables") as Record<string, unknown>;
      expect(variables).toMatchObject({ FANFOLD_PREFIX: "fanfold", FANFOLD_SITE: "london" });
      expect(flat(variables["FANFOLD_QUEUE_URL_BASE"])).toBe("https://sqs.<AWS::Region>.<AWS::URLSuffix>/<AWS::AccountId>");
      expect(JSON.parse(String(variables["FANFOLD_CONFIG"]))).toEqual({ site: "london", concurrency: 8, jobTimeoutDays: 30, retentionDays: 7 });
    }
  });
  it("have the size that was asked for", () => {
    const discovery = ofType(templates, "AWS::Lambda::Function").find(({ Properties }) => String(Properties["FunctionName"]).endsWith("-discovery"))!;
    expect(discovery.Properties).toMatchObject({ MemorySize: 2_048, Timeout: 30, ReservedConcurrentExecutions: 5 });
  });
  it("are swept every minute", () => {
    expect(ofType(templates, "AWS::Events::Rule").map(({ Properties }) => Properties["ScheduleExpression"])).toContain("rate(1 minute)");
  });
});

describe("api", () => {
  const methods = (from: typeof templates) =>
    ofType(from, "AWS::ApiGateway::Method").map(
      ({ Properties }) => `${String(Properties["HttpMethod"])} ${pathOf(from, Properties["ResourceId"])} ${String(Properties["AuthorizationType"])}`,
    );
  const pathOf = (from: typeof templates, id: unknown): string =>
    flat(ofType(from, "AWS::ApiGateway::Resource").find((resource) => `<${resource.id}>` === flat(id))?.Properties["PathPart"] ?? "");

  it("has no open route but /health", () => expect(methods(templates).toSorted()).toEqual(["ANY {proxy+} AWS_IAM", "GET health NONE"]));
  it(
    "takes tokens of a user pool instead, when configured",
    () => {
      const cognito = synthesise({ ...BASE, api: { auth: "cognito", scopes: ["fanfold/use"] } });
      expect(methods(cognito).toSorted()).toEqual(["ANY {proxy+} COGNITO_USER_POOLS", "GET health NONE"]);
      expect(ofType(cognito, "AWS::Cognito::UserPool")[0]).toMatchObject({
        DeletionPolicy: "Retain",
        Properties: { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } },
      });
      const own = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc";
      const foreign = synthesise({ ...BASE, api: { auth: "cognito", userPoolArn: own } });
      expect(ofType(foreign, "AWS::Cognito::UserPool")).toEqual([]);
      expect(at(ofType(foreign, "AWS::ApiGateway::Authorizer")[0]!.Properties, "ProviderARNs")).toEqual([own]);
    },
    SLOW_MS,
  );
  it("is throttled and logs who called", () => {
    const [stage] = ofType(templates, "AWS::ApiGateway::Stage");
    expect(stage!.Properties["MethodSettings"]).toEqual([
      expect.objectContaining({ ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200, LoggingLevel: "ERROR", DataTraceEnabled: false }),
    ]);
    expect(flat(at(stage!.Properties, "AccessLogSetting", "Format"))).toContain("requestId");
  });
});

describe("supervised jobs", () => {
  const [machine] = ofType(templates, "AWS::StepFunctions::StateMachine");
  const definition = JSON.parse(flat(machine!.Properties["DefinitionString"])) as {
    States: Record<string, { Resource?: string; Parameters?: { Payload: object } }>;
  };

  it("wait for their job with a task token, under the job's id", () => {
    const [submit] = Object.values(definition.States).filter(({ Resource }) => Resource?.endsWith("lambda:invoke.waitForTaskToken"));
    expect(submit?.Parameters?.Payload).toMatchObject({ action: "submit", "token.$": "$$.Task.Token", "jobId.$": "$$.Execution.Name" });
    expect(machine!.Properties["StateMachineType"]).toBe("STANDARD");
  });
  it("are cancelled when their execution is", () => {
    const rule = ofType(templates, "AWS::Events::Rule").find(({ Properties }) => String(Properties["Description"]).includes("cancels its job"))!;
    expect(at(rule.Properties, "EventPattern", "detail", "status")).toEqual(["ABORTED", "TIMED_OUT", "FAILED"]);
    expect(flat(at(rule.Properties, "EventPattern", "detail", "stateMachineArn", 0))).toBe(`<${machine!.id}>`);
  });
});

describe("events", () => {
  const rules = ofType(templates, "AWS::Events::Rule");
  const undelivered = ofType(templates, "AWS::SQS::Queue").find(
    ({ Properties }) => Properties["QueueName"] === resourceNames("fanfold").eventsDeadLetterQueue,
  )!;

  it("that cannot be delivered are kept, whatever their target is", () => {
    const targets = rules.flatMap(({ Properties }) => listOf(Properties["Targets"] as readonly Properties[]));
    expect(targets.length).toBeGreaterThanOrEqual(3);
    for (const target of targets) expect(flat(at(target, "DeadLetterConfig", "Arn"))).toBe(`<${undelivered.id}.Arn>`);
    const policy = JSON.stringify(
      ofType(templates, "AWS::SQS::QueuePolicy").filter(({ Properties }) => flat(listOf(Properties["Queues"])[0]) === `<${undelivered.id}>`),
    );
    for (const { id } of rules) expect(policy).toContain(id);
  });
  it("that the supervisor cannot do anything about are kept as well", () => {
    const [invocations] = ofType(templates, "AWS::Lambda::EventInvokeConfig");
    expect(flat(at(invocations!.Properties, "DestinationConfig", "OnFailure", "Destination"))).toBe(`<${undelivered.id}.Arn>`);
  });
  it("tell the engine's queue of the ends of executions that tasks have started", () => {
    const rule = rules.find(({ Properties }) => String(Properties["Description"]).includes("task's state machine"))!;
    expect(at(rule.Properties, "EventPattern", "detail")).toMatchObject({
      status: ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
      name: [{ prefix: "fanfold-" }],
    });
    const machines = at(rule.Properties, "EventPattern", "detail", "stateMachineArn") as readonly unknown[];
    expect(machines.map((arn) => flat(arn).replace(/^.*:/, ""))).toEqual(["archive", "encode-video"]);
    const [target] = listOf(rule.Properties["Targets"] as readonly Properties[]);
    const { InputPathsMap, InputTemplate } = target!["InputTransformer"] as { InputPathsMap: Record<string, string>; InputTemplate: string };
    const [[name, path] = []] = Object.entries(InputPathsMap);
    expect(path).toBe("$.detail.name");
    // What comes of it is a message that the engine knows.
    const message = JSON.parse(InputTemplate.replace(`<${name}>`, '"fanfold-job-1"').replaceAll('""', '"')) as Json;
    expect(decodeMessage(message)).toEqual({ kind: "executionEnded", execution: "fanfold-job-1" });
  });
});

describe("operations", () => {
  const RESOURCES: Readonly<Record<string, readonly [dimension: string, names: readonly string[], metrics: RegExp]>> = {
    "AWS/SQS": [
      "QueueName",
      property("AWS::SQS::Queue", "QueueName"),
      /^(Approximate(AgeOfOldestMessage|NumberOfMessages(Not)?Visible)|NumberOfMessagesDeleted)$/,
    ],
    "AWS/Lambda": ["FunctionName", property("AWS::Lambda::Function", "FunctionName"), /^(Errors|Throttles|Invocations|Duration|ConcurrentExecutions)$/],
    "AWS/DynamoDB": ["TableName", property("AWS::DynamoDB::GlobalTable", "TableName"), /^(Read|Write)ThrottleEvents$|^Consumed(Read|Write)CapacityUnits$/],
    "AWS/ApiGateway": ["ApiName", property("AWS::ApiGateway::RestApi", "Name"), /^(4XXError|5XXError|Count|Latency)$/],
  };
  /** What is wrong with a metric: nothing that exists publishes it. */
  function problemOf(namespace: string, metric: string, dimensions: Readonly<Record<string, string>>): string[] {
    const shown = `${namespace} ${metric} ${JSON.stringify(dimensions)}`;
    if (namespace === METRIC_NAMESPACE) {
      const [deployment, name] = METRIC_DIMENSIONS;
      const named = (Object.values(METRICS) as string[]).includes(metric) && property("AWS::Lambda::Function", "FunctionName").includes(dimensions[name]!);
      return named && dimensions[deployment] === "fanfold" ? [] : [shown];
    }
    const [dimension, names, metrics] = RESOURCES[namespace] ?? ["", [], /^$/];
    return Object.keys(dimensions).join() === dimension && names.includes(dimensions[dimension]!) && metrics.test(metric) ? [] : [shown];
  }
  const alarms = ofType(templates, "AWS::CloudWatch::Alarm");

  it("alarm about metrics that exist only", () => {
    const measured = alarms.flatMap(({ Properties }) => {
      const stats = listOf(Properties["Metrics"] as readonly Properties[] | undefined).flatMap((each) =>
        each["MetricStat"] === undefined ? [] : [at(each, "MetricStat", "Metric")],
      );
      return stats.length > 0 ? stats : [Properties];
    }) as readonly { Namespace: string; MetricName: string; Dimensions: { Name: string; Value: string }[] }[];
    expect(measured.length).toBeGreaterThanOrEqual(alarms.length);
    const found = measured.flatMap(({ Namespace, MetricName, Dimensions }) =>
      problemOf(Namespace, MetricName, Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value]))),
    );
    expect(found).toEqual([]);
    expect(problemOf("AWS/SQS", "ApproximateAgeOfOldestMessage", { QueueName: "gone" })).toHaveLength(1);
    expect(problemOf(METRIC_NAMESPACE, "GroupsStuk", { Deployment: "fanfold", Function: "fanfold-sweeper" })).toHaveLength(1);
  });
  it("alarm about what may go wrong, each once, and tell the topic", () => {
    const names = alarms.map(({ Properties }) => String(Properties["AlarmName"]));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        "fanfold-groups-stuck",
        "fanfold-sweeper-repairs",
        "fanfold-sweeper-silent",
        ...property("AWS::SQS::Queue", "QueueName").map((name) => (name.includes("dead-letters") ? `${name}-not-empty` : `${name}-oldest-message`)),
        ...property("AWS::Lambda::Function", "FunctionName").flatMap((name) => [`${name}-errors`, `${name}-throttles`]),
        ...property("AWS::DynamoDB::GlobalTable", "TableName").map((name) => `${name}-throttles`),
      ]),
    );
    const [topic] = property("AWS::SNS::Topic", "TopicName");
    for (const { Properties } of alarms)
      expect(listOf(Properties["AlarmActions"]).map(flat)).toEqual([expect.stringMatching(`^arn:<AWS::Partition>:sns:.*:${topic}$`)]);
    expect(property("AWS::SNS::Subscription", "Endpoint")).toEqual(["ops@example.org"]);
  });
  it("draw metrics that exist only, among them the time to drain each queue", () => {
    const bodies = ofType(templates, "AWS::CloudWatch::Dashboard").map(({ Properties }) => flat(Properties["DashboardBody"]));
    const metrics = bodies.flatMap((body) => [
      ...body.matchAll(/\["((?:AWS\/)?[A-Za-z]+)","([A-Za-z0-9]+)","([A-Za-z]+)","([^"]+)"(?:,"([A-Za-z]+)","([^"]+)")?/g),
    ]);
    expect(metrics.length).toBeGreaterThan(20);
    const pairs = ([, , , a = "", b = "", c, d]: RegExpMatchArray): Record<string, string> => ({
      [a]: b,
      ...(c !== undefined && d !== undefined && { [c]: d }),
    });
    expect(metrics.flatMap((match) => problemOf(match[1]!, match[2]!, pairs(match)))).toEqual([]);
    for (const name of property("AWS::SQS::Queue", "QueueName").filter((each) => !each.includes("dead-letters")))
      expect(bodies.join()).toContain(`${name}: seconds to drain`);
  });
  it("tag everything that can be, for the bill", () => {
    for (const { Properties } of ofType(templates, "AWS::Lambda::Function")) {
      expect(Properties["Tags"]).toEqual(
        expect.arrayContaining([
          { Key: "fanfold:deployment", Value: "fanfold" },
          { Key: "team", Value: "storage" },
        ]),
      );
    }
  });
});

describe("sites", () => {
  it(
    "come and go alone: a second one changes no stack but its own",
    () => {
      const both = synthesise({ ...config, sites: [LONDON, { name: "new-york" }] });
      const { "fanfold-site-new-york": added, ...others } = both;
      expect(Object.keys(added!.Resources).length).toBeGreaterThan(5);
      expect(others).toEqual(templates);
    },
    SLOW_MS,
  );
  it(
    "are deployments of their own under another prefix",
    () => {
      const other = synthesise({ ...BASE, prefix: "staging" });
      expect(Object.keys(other).every((name) => name.startsWith("staging-"))).toBe(true);
      expect(JSON.stringify(other)).not.toMatch(/fanfold-(tasks|callbacks|engine|london)/);
      expect(statementsIn(other).length).toBeGreaterThan(10);
    },
    SLOW_MS,
  );
});
