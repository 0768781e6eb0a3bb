import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { queueResourceName } from "../../../functions/core/names/aws-resource-names.ts";
import { BASE, flat, ofType, statementsIn, synthesise } from "../synth.ts";
import { config, LONDON, SLOW_MS, templates } from "./london.ts";

describe("a site stack", () => {
  it("a worker has the size that its site asks for", () => {
    const discovery = ofType(templates, "AWS::Lambda::Function").find(({ Properties }) =>
      String(Properties["FunctionName"]).endsWith("-discovery"),
    )!;
    expect(discovery.Properties).toMatchObject({ MemorySize: 2_048, Timeout: 30, ReservedConcurrentExecutions: 5 });
  });
  it("a queue of a site is fed as the site asks for", () => {
    const queues = new Map(ofType(templates, "AWS::SQS::Queue").map((queue) => [`<${queue.id}.Arn>`, queue]));
    const feeds = ofType(templates, "AWS::Lambda::EventSourceMapping").map(({ Properties }) => ({
      feed: Properties,
      queue: queues.get(flat(Properties["EventSourceArn"]))!,
    }));
    const by = (text: string) =>
      feeds.find(({ queue }) => queue.Properties["QueueName"] === queueResourceName("fanfold", text))!.feed;
    expect(by("london.default#worker")).toMatchObject({
      BatchSize: 100,
      MaximumBatchingWindowInSeconds: 5,
      ScalingConfig: { MaximumConcurrency: 7 },
    });
    expect(by("london.urgent#worker")).toMatchObject({
      ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 20 },
    });
  });
  it("D054 a queue with bands has a queue for each, fed alike and with the same dead letters", () => {
    const named = (suffix: string) =>
      ofType(templates, "AWS::SQS::Queue").find(
        ({ Properties }) => Properties["QueueName"] === `fanfold-london-urgent-worker${suffix}`,
      )!;
    const feedOf = (id: string) =>
      ofType(templates, "AWS::Lambda::EventSourceMapping").find(
        ({ Properties }) => flat(Properties["EventSourceArn"]) === `<${id}.Arn>`,
      )!;
    const middle = named("");
    for (const suffix of ["-high", "-low"]) {
      const { QueueName: _name, ...like } = middle.Properties;
      expect(named(suffix).Properties).toMatchObject(like);
      const { EventSourceArn: _arn, ...feed } = feedOf(middle.id).Properties;
      expect(feedOf(named(suffix).id).Properties).toMatchObject(feed);
    }
    const variables = ofType(templates, "AWS::Lambda::Function").map(({ Properties }) =>
      flat((Properties["Environment"] as { Variables: { FANFOLD_BANDED: string; FANFOLD_CONFIG: string } }).Variables),
    );
    for (const each of variables) {
      expect(each).toContain("london.urgent#worker");
      expect(each).toContain("500");
    }
  });
});

describe("sites", () => {
  it(
    "a second site changes no stack but its own, apart from the queues that functions know",
    () => {
      const both = synthesise({ ...config, sites: [LONDON, { name: "new-york" }] });
      const { "fanfold-site-new-york": added, ...others } = both;
      expect(Object.keys(added!.Resources).length).toBeGreaterThan(5);
      const known = (from: object, queues: string): unknown =>
        JSON.parse(JSON.stringify(from).replaceAll(queues, "QUEUES"));
      const queues = ["london.default#worker", "london.urgent#worker", "london.default#discovery"];
      const listed = (list: readonly string[]): string => JSON.stringify(JSON.stringify(list)).slice(1, -1);
      expect(known(others, listed([...queues, "new-york.default#worker"]))).toEqual(known(templates, listed(queues)));
    },
    SLOW_MS,
  );
  it(
    "another prefix is a deployment of its own",
    () => {
      const other = synthesise({ ...BASE, prefix: "staging" });
      expect(Object.keys(other).every((name) => name.startsWith("staging-"))).toBe(true);
      expect(JSON.stringify(other)).not.toMatch(/fanfold-(tasks|callbacks|engine|london)/);
      expect(statementsIn(other).length).toBeGreaterThan(10);
      const counted = (type: string): number => ofType(other, type).length;
      const guide = readFileSync(new URL("../../../docs/guide-aws.md", import.meta.url), "utf8");
      expect(guide).toContain(
        `${counted("AWS::CloudWatch::Alarm")} alarms x $0.10 + ${counted("AWS::CloudWatch::Dashboard")} dashboards`,
      );
    },
    SLOW_MS,
  );
});
