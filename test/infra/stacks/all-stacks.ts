import { describe, expect, it } from "vitest";
import {
  deadLetterQueueName,
  functionResourceName,
  bandResourceName,
  queueResourceName,
  resourceNames,
  siteFunctionName,
} from "../../../functions/core/names/aws-resource-names.ts";
import { flat, listOf, ofType } from "../synth.ts";
import { at, property, templates } from "./london.ts";

describe("names", () => {
  it("resources have the names that the functions derive", () => {
    const {
      tasksTable,
      callbacksTable,
      engineQueue,
      engineDeadLetterQueue,
      eventsDeadLetterQueue,
      supervisorStateMachine,
    } = resourceNames("fanfold");
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
        ...([0, 2] as const).map((band) => bandResourceName("fanfold", "london.urgent#worker", band)),
      ].toSorted(),
    );
    expect(property("AWS::Lambda::Function", "FunctionName")).toEqual(
      [
        ...(["control", "api", "sweeper", "supervisor", "engine-dead-letter"] as const).map((role) =>
          functionResourceName("fanfold", role),
        ),
        ...(["worker", "discovery"] as const).map((kind) =>
          siteFunctionName("fanfold", "london", { role: "worker", function: kind }),
        ),
        siteFunctionName("fanfold", "london", { role: "dead-letter" }),
      ].toSorted(),
    );
    expect(flat(ofType(templates, "AWS::S3::Bucket")[0]!.Properties["BucketName"])).toBe(
      "fanfold-<AWS::AccountId>-<AWS::Region>",
    );
  });
  it("nothing but names passes between stacks", () => {
    expect(
      Object.values(templates).flatMap(({ Outputs = {} }) =>
        Object.values(Outputs).filter((output) => output.Export !== undefined),
      ),
    ).toEqual([]);
    expect(JSON.stringify(templates)).not.toContain("Fn::ImportValue");
    expect(JSON.stringify(templates)).not.toContain("Fn::GetStackOutput");
  });
  // The one exception is the state machine that a task names by its ARN.
  it("templates name no account and no region", () =>
    expect(JSON.stringify(templates).replaceAll(/arn:aws:states:[a-z0-9-]+:\d+:\w+:archive/g, "")).not.toMatch(
      /\b\d{12}\b|\b(us|eu|ap)-[a-z]+-\d\b/,
    ));
});

describe("queues", () => {
  const queues = new Map(ofType(templates, "AWS::SQS::Queue").map((queue) => [`<${queue.id}.Arn>`, queue]));
  const functions = new Map(ofType(templates, "AWS::Lambda::Function").map((each) => [`<${each.id}>`, each]));
  const feeds = ofType(templates, "AWS::Lambda::EventSourceMapping").map(({ Properties }) => ({
    feed: Properties,
    queue: queues.get(flat(Properties["EventSourceArn"]))!,
    target: functions.get(flat(Properties["FunctionName"]))!,
  }));

  it("every queue is read by a function, except that of undelivered events, which people read", () => {
    const read = new Set(feeds.map(({ queue }) => queue.id));
    const unread = [...queues.values()]
      .filter(({ id }) => !read.has(id))
      .map(({ Properties }) => Properties["QueueName"]);
    expect(unread).toEqual([resourceNames("fanfold").eventsDeadLetterQueue]);
  });
  it("a queue hides a message for six times the timeout of its function", () => {
    for (const { feed, queue, target } of feeds) {
      const least = 6 * Number(target.Properties["Timeout"]) + Number(feed["MaximumBatchingWindowInSeconds"] ?? 0);
      expect(queue.Properties["VisibilityTimeout"]).toBeGreaterThanOrEqual(least);
      expect(queue.Properties["VisibilityTimeout"]).toBeLessThanOrEqual(43_200);
    }
  });
  it("a feed returns parts of a batch, and is bounded by at least two invocations or by pollers", () => {
    for (const { feed } of feeds) {
      expect(feed["FunctionResponseTypes"]).toEqual(["ReportBatchItemFailures"]);
      const bound = Number(at(feed, "ScalingConfig", "MaximumConcurrency") ?? 0);
      expect(bound >= 2).toBe(feed["ProvisionedPollerConfig"] === undefined);
    }
  });
  it("a queue moves messages that keep failing to the dead letters of its stack, which are kept longer", () => {
    for (const { queue } of feeds) {
      const dead = /dead-letters/.test(String(queue.Properties["QueueName"]));
      const redrive = queue.Properties["RedrivePolicy"] as
        | { readonly deadLetterTargetArn: unknown; readonly maxReceiveCount: number }
        | undefined;
      expect(redrive === undefined).toBe(dead);
      expect(queue.Properties["MessageRetentionPeriod"]).toBe((dead ? 14 : 4) * 86_400);
      if (!redrive) continue;
      const target = queues.get(flat(redrive.deadLetterTargetArn))!;
      expect(target.stack).toBe(queue.stack);
      expect(String(target.Properties["QueueName"])).toMatch(/dead-letters/);
      expect(redrive.maxReceiveCount).toBeGreaterThanOrEqual(10);
    }
  });
  it("every queue is encrypted and refuses calls without TLS", () => {
    const policies = new Set(
      ofType(templates, "AWS::SQS::QueuePolicy").flatMap(({ Properties }) => listOf(Properties["Queues"]).map(flat)),
    );
    for (const { id, Properties } of queues.values()) {
      expect(Properties["SqsManagedSseEnabled"]).toBe(true);
      expect(policies).toContain(`<${id}>`);
    }
  });
});

describe("functions", () => {
  it("every function runs on arm64 and the current Node, and its log expires", () => {
    const logs = new Map(
      ofType(templates, "AWS::Logs::LogGroup").map(({ stack, id, Properties }) => [`${stack} <${id}>`, Properties]),
    );
    for (const { stack, Properties } of ofType(templates, "AWS::Lambda::Function")) {
      expect(Properties).toMatchObject({ Architectures: ["arm64"], Runtime: "nodejs24.x", Handler: "index.handler" });
      expect(logs.get(`${stack} ${flat(at(Properties, "LoggingConfig", "LogGroup"))}`)?.["RetentionInDays"]).toBe(30);
    }
  });
  it("every function knows its deployment and the numbers of the configuration", () => {
    for (const { Properties } of ofType(templates, "AWS::Lambda::Function")) {
      const variables = at(Properties, "Environment", "Variables") as Record<string, unknown>;
      expect(variables).toMatchObject({ FANFOLD_PREFIX: "fanfold", FANFOLD_SITE: "london" });
      expect(flat(variables["FANFOLD_QUEUE_URL_BASE"])).toBe(
        "https://sqs.<AWS::Region>.<AWS::URLSuffix>/<AWS::AccountId>",
      );
      expect(JSON.parse(String(variables["FANFOLD_CONFIG"]))).toEqual({
        site: "london",
        queues: ["london.default#worker", "london.urgent#worker", "london.default#discovery"],
        caps: { "london.urgent#worker": 500 },
        concurrency: 8,
        jobTimeoutDays: 30,
        retentionDays: 7,
      });
    }
  });
  it("every function is tagged for the bill", () => {
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
