import { describe, expect, it } from "vitest";
import { tableDefinitions } from "../../../functions/core/items/table-definitions.ts";
import { BASE, ofType, type Properties, synthesise } from "../synth.ts";
import { at, config, SLOW_MS, templates } from "./london.ts";

describe("the state stack", () => {
  const tables = ofType(templates, "AWS::DynamoDB::GlobalTable");
  const [bucket] = ofType(templates, "AWS::S3::Bucket");

  it("the state stack has the tables that the engine expects", () => {
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
      expect(Properties["AttributeDefinitions"]).toEqual(
        expect.arrayContaining(indexes.map(({ sort }) => ({ AttributeName: sort, AttributeType: "N" }))),
      );
    }
    expect(tables).toHaveLength(2);
  });
  it("tables and bucket are retained, encrypted, protected and can be restored", () => {
    for (const { Properties, DeletionPolicy, UpdateReplacePolicy } of tables) {
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(["Retain", "Retain"]);
      expect(at(Properties, "SSESpecification", "SSEEnabled")).toBe(true);
      expect(at(Properties, "Replicas", 0)).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
    expect([bucket!.DeletionPolicy, bucket!.UpdateReplacePolicy]).toEqual(["Retain", "Retain"]);
    expect(
      at(
        bucket!.Properties,
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        0,
        "ServerSideEncryptionByDefault",
        "SSEAlgorithm",
      ),
    ).toBe("AES256");
    expect(bucket!.Properties["PublicAccessBlockConfiguration"]).toEqual({
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    });
  });
  it("the bucket expires no value before its job is deleted", () => {
    const rules = at(bucket!.Properties, "LifecycleConfiguration", "Rules") as readonly Properties[];
    expect(rules.map((rule) => [rule["Prefix"], rule["ExpirationInDays"]])).toEqual([
      [undefined, 365 + config.retentionDays + 1],
      ["drafts/", 1],
    ]);
  });
  it(
    "a trial goes away whole, data and users included",
    () => {
      const trial = synthesise({ ...BASE, removal: "destroy", api: { auth: "cognito", accountLogRole: "create" } });
      const kept = Object.values(trial).flatMap(({ Resources }) =>
        Object.entries(Resources).filter(([, { DeletionPolicy }]) => DeletionPolicy?.startsWith("Retain")),
      );
      expect(kept.map(([id]) => id)).toEqual([]);
      for (const { Properties } of ofType(trial, "AWS::DynamoDB::GlobalTable"))
        expect(at(Properties, "Replicas", 0, "DeletionProtectionEnabled")).toBe(false);
      expect(ofType(trial, "AWS::Cognito::UserPool")[0]!.Properties["DeletionProtection"]).toBe("INACTIVE");
      expect(ofType(trial, "Custom::S3AutoDeleteObjects")).toHaveLength(1);
    },
    SLOW_MS,
  );
  it(
    "tables are warm from the start when the configuration says so",
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
