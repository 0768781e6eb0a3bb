import { join } from "node:path";
import { APIGatewayClient, paginateGetResources, paginateGetRestApis } from "@aws-sdk/client-api-gateway";
import { beforeAll, describe, expect, it } from "vitest";
import { compareAll, differs, type Comparison } from "../../../infra/local/differences.ts";
import { logGroups } from "../../../infra/local/logs.ts";
import { wantedResources, type WantedResource } from "../../../infra/local/templates.ts";
import { PREFIX } from "../names.ts";

describe("what was deployed", () => {
  let resources: readonly WantedResource[];
  let comparisons: readonly Comparison[];
  beforeAll(async () => {
    resources = await wantedResources(join(process.env["FANFOLD_E2E_RUN"] ?? "", "app"));
    comparisons = await compareAll(resources);
  });

  it("is what the templates say: queues, tables, bucket, functions, event sources, logs, state machine", () => {
    expect(comparisons.filter(differs)).toEqual([]);
    const checked = new Set(comparisons.map(({ resource }) => resource.split(" ")[0]));
    expect([...checked]).toEqual(
      expect.arrayContaining([
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::StepFunctions::StateMachine",
      ]),
    );
    expect(comparisons.filter(({ property }) => property === "TimeToLiveSpecification").length).toBe(2);
  });

  it("every queue that is worked off gives up into a queue that exists", () => {
    const redriven = comparisons.filter(({ property }) => property === "RedrivePolicy");
    const targets = new Set(
      redriven.map(({ deployed }) =>
        (deployed as { deadLetterTargetArn: string }).deadLetterTargetArn.split(":").at(-1),
      ),
    );
    const queues = resources
      .filter(({ type }) => type === "AWS::SQS::Queue")
      .map(({ physicalId }) => physicalId.split("/").at(-1));
    expect(redriven.length).toBeGreaterThanOrEqual(4);
    expect(queues).toEqual(expect.arrayContaining([...targets]));
  });

  it("every route but /health wants a signature", async () => {
    const client = new APIGatewayClient({});
    const open: string[] = [];
    let signed = 0;
    for await (const { items: apis = [] } of paginateGetRestApis({ client }, {}))
      for (const { id: restApiId } of apis.filter(({ name = "" }) => name.includes(PREFIX)))
        for await (const { items = [] } of paginateGetResources({ client }, { restApiId, embed: ["methods"] }))
          for (const { path, resourceMethods = {} } of items)
            for (const [name, { authorizationType }] of Object.entries(resourceMethods))
              if (authorizationType === "AWS_IAM") signed++;
              else open.push(`${name} ${path}`);
    expect(open).toEqual(["GET /health"]);
    expect(signed).toBeGreaterThan(0);
  });

  it("logs are kept for a while, not for ever", async () => {
    const groups = [...(await logGroups())].filter(([name]) => name.includes(PREFIX));
    expect(groups.length).toBeGreaterThan(0);
    expect(groups.filter(([, days]) => days === undefined)).toEqual([]);
  });
});
