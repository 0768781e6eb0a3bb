import { Fn } from "aws-cdk-lib";
import { describe, expect, it } from "vitest";
import { BASE, flat, listOf, ofType, type Properties, statementsIn, synthesise, type Templates } from "./synth.ts";
import { SLOW_MS } from "./stacks/london.ts";

const LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:ffmpeg:3";
const KEY = "arn:aws:kms:eu-central-1:123456789012:key/1";
const COMPLETE = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf";
const templates: Templates = synthesise({
  ...BASE,
  sites: [
    {
      name: "london",
      environment: { SHOP: "https://shop.example", TABLE: Fn.importValue("orders-table") },
      secrets: {
        STRIPE: { secret: "shop/stripe", field: "key" },
        SALT: { parameter: "/shop/salt", key: KEY, ttlSeconds: 60 },
      },
      layers: [LAYER],
      queues: [{ name: "media", function: "custom" }],
      functions: {
        custom: {
          environment: { SHOP: "https://other.example" },
          secrets: { DB: { secret: COMPLETE }, OTHER: { secret: Fn.importValue("secret-arn") } },
          vpc: { subnetIds: ["subnet-00000001", "subnet-00000002"], securityGroupIds: ["sg-00000001"] },
          permissions: [{ actions: ["s3:GetObject"], resources: [`${Fn.importValue("bucket-arn")}/*`] }],
        },
      },
    },
  ],
});
const functionOf = (suffix: string): Properties =>
  ofType(templates, "AWS::Lambda::Function").find(({ Properties }) =>
    String(Properties["FunctionName"]).endsWith(suffix),
  )!.Properties;
const variablesOf = (suffix: string): Readonly<Record<string, unknown>> =>
  (functionOf(suffix)["Environment"] as { readonly Variables: Readonly<Record<string, unknown>> }).Variables;
const roleOf = (suffix: string): Properties => {
  const { Properties } = ofType(templates, "AWS::IAM::Role").find(({ Properties: { Description } }) =>
    new RegExp(`^fanfold-london-.*${suffix}:`).test(String(Description)),
  )!;
  return Properties;
};
/** Returns resources by action, of those actions that begin so. */
const granted = (suffix: string, actions: RegExp): Record<string, string[]> =>
  Object.fromEntries(
    statementsIn(roleOf(suffix)).flatMap(({ Action, Resource }) =>
      listOf(Action).flatMap((action) => (actions.test(action) ? [[action, listOf(Resource).map(flat)]] : [])),
    ),
  );
const READS = /^(secretsmanager|ssm|kms):/;

describe("what tasks need on AWS", () => {
  it("functions have the variables of their site and their own, tokens included", () => {
    expect(variablesOf("-worker")).toMatchObject({ SHOP: "https://shop.example" });
    expect(variablesOf("-worker")["TABLE"]).toEqual({ "Fn::ImportValue": "orders-table" });
    expect(variablesOf("-custom")).toMatchObject({ SHOP: "https://other.example" });
    expect(JSON.parse(variablesOf("-worker")["FANFOLD_SECRETS"] as string)).toEqual({
      STRIPE: { secret: "shop/stripe", field: "key", ttlSeconds: 300 },
      SALT: { parameter: "/shop/salt", ttlSeconds: 60 },
    });
    for (const suffix of ["-api", "-control", "-dead-letter"]) expect(variablesOf(suffix)["SHOP"]).toBeUndefined();
  });
  it("a function may read the secrets that it names, and no others", () => {
    const own = "<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:shop/stripe-??????";
    const site = {
      "ssm:GetParameter": ["arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/shop/salt"],
      "kms:Decrypt": [KEY],
    };
    expect(granted("worker", READS)).toEqual({ ...site, "secretsmanager:GetSecretValue": [`arn:${own}`] });
    expect(granted("custom", READS)).toEqual({
      ...site,
      "secretsmanager:GetSecretValue": [COMPLETE, JSON.stringify({ "Fn::ImportValue": "secret-arn" }), `arn:${own}`],
    });
    expect(granted("dead-letter", READS)).toEqual({});
    expect(JSON.stringify(granted("custom", /^s3:GetObject$/))).toContain("bucket-arn");
  });
  it("a function of a network is in its subnets, and only Lambda may attach it", () => {
    expect(functionOf("-custom")["VpcConfig"]).toEqual({
      SubnetIds: ["subnet-00000001", "subnet-00000002"],
      SecurityGroupIds: ["sg-00000001"],
    });
    expect(functionOf("-worker")["VpcConfig"]).toBeUndefined();
    const network = statementsIn(roleOf("custom")).filter(({ Action }) => listOf(Action)[0]?.startsWith("ec2:"));
    expect(network.map(({ Effect }) => Effect)).toEqual(["Allow", "Deny"]);
    expect(JSON.stringify(network[1]?.Condition)).toContain("lambda:SourceFunctionArn");
    expect(granted("worker", /^ec2:/)).toEqual({});
  });
  it("functions have the layers of their site", () => {
    expect([functionOf("-worker")["Layers"], functionOf("-custom")["Layers"]]).toEqual([[LAYER], [LAYER]]);
    expect(functionOf("-dead-letter")["Layers"]).toBeUndefined();
  });
  it(
    "without needs the templates are as before",
    () => expect(JSON.stringify(synthesise(BASE))).not.toMatch(/FANFOLD_SECRETS|VpcConfig|"Layers"/),
    SLOW_MS,
  );
});
