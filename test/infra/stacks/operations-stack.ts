import { describe, expect, it } from "vitest";
import {
  DEPLOYMENT_METRICS,
  METRIC_DIMENSIONS,
  METRIC_NAMESPACE,
  METRICS,
} from "../../../functions/core/names/metric-names.ts";
import { flat, listOf, ofType, type Properties } from "../synth.ts";
import { at, property, templates } from "./london.ts";

describe("the operations stack", () => {
  const RESOURCES: Readonly<Record<string, readonly [dimension: string, names: readonly string[], metrics: RegExp]>> = {
    "AWS/SQS": [
      "QueueName",
      property("AWS::SQS::Queue", "QueueName"),
      /^(Approximate(AgeOfOldestMessage|NumberOfMessages(Not)?Visible)|NumberOfMessagesDeleted)$/,
    ],
    "AWS/Lambda": [
      "FunctionName",
      property("AWS::Lambda::Function", "FunctionName"),
      /^(Errors|Throttles|Invocations|Duration|ConcurrentExecutions)$/,
    ],
    "AWS/DynamoDB": [
      "TableName",
      property("AWS::DynamoDB::GlobalTable", "TableName"),
      /^(Read|Write)ThrottleEvents$|^Consumed(Read|Write)CapacityUnits$/,
    ],
    "AWS/ApiGateway": ["ApiName", property("AWS::ApiGateway::RestApi", "Name"), /^(4XXError|5XXError|Count|Latency)$/],
  };
  /** Returns the metric when no resource of the deployment publishes it. */
  function problemOf(namespace: string, metric: string, dimensions: Readonly<Record<string, string>>): string[] {
    const shown = `${namespace} ${metric} ${JSON.stringify(dimensions)}`;
    if (namespace === METRIC_NAMESPACE) {
      const [deployment, name] = METRIC_DIMENSIONS;
      const named =
        dimensions[name] === undefined
          ? (DEPLOYMENT_METRICS as readonly string[]).includes(metric)
          : (Object.values(METRICS) as string[]).includes(metric) &&
            property("AWS::Lambda::Function", "FunctionName").includes(dimensions[name]);
      return named && dimensions[deployment] === "fanfold" ? [] : [shown];
    }
    const [dimension, names, metrics] = RESOURCES[namespace] ?? ["", [], /^$/];
    return Object.keys(dimensions).join() === dimension &&
      names.includes(dimensions[dimension]!) &&
      metrics.test(metric)
      ? []
      : [shown];
  }
  const alarms = ofType(templates, "AWS::CloudWatch::Alarm");

  it("every alarm is about a metric that exists", () => {
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
    expect(
      problemOf(METRIC_NAMESPACE, "GroupsStuk", { Deployment: "fanfold", Function: "fanfold-sweeper" }),
    ).toHaveLength(1);
  });
  it("each failure has one alarm, which notifies the topic", () => {
    const names = alarms.map(({ Properties }) => String(Properties["AlarmName"]));
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining([
        "fanfold-groups-stuck",
        "fanfold-dead-letters-engine-kept",
        "fanfold-london-dead-letters-kept",
        "fanfold-jobs-failed",
        "fanfold-runs-failed",
        "fanfold-sweeper-repairs",
        "fanfold-sweeper-silent",
        ...property("AWS::SQS::Queue", "QueueName").map((name) =>
          name.includes("dead-letters") ? `${name}-not-empty` : `${name}-oldest-message`,
        ),
        ...property("AWS::Lambda::Function", "FunctionName").flatMap((name) => [`${name}-errors`, `${name}-throttles`]),
        ...property("AWS::DynamoDB::GlobalTable", "TableName").map((name) => `${name}-throttles`),
      ]),
    );
    const [topic] = property("AWS::SNS::Topic", "TopicName");
    for (const { Properties } of alarms)
      expect(listOf(Properties["AlarmActions"]).map(flat)).toEqual([
        expect.stringMatching(`^arn:<AWS::Partition>:sns:.*:${topic}$`),
      ]);
    expect(property("AWS::SNS::Subscription", "Endpoint")).toEqual(["ops@example.org"]);
  });
  it("dashboards draw only metrics that exist, among them the time to drain each queue", () => {
    const bodies = ofType(templates, "AWS::CloudWatch::Dashboard").map(({ Properties }) =>
      flat(Properties["DashboardBody"]),
    );
    const metrics = bodies.flatMap((body) => [
      ...body.matchAll(
        /\["((?:AWS\/)?[A-Za-z]+)","([A-Za-z0-9]+)","([A-Za-z]+)","([^"]+)"(?:,"([A-Za-z]+)","([^"]+)")?/g,
      ),
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
});
