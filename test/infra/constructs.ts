import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { afterAll, describe, expect, it } from "vitest";
import { defineConfig, FanfoldApi, FanfoldEngine, FanfoldOperations, FanfoldSite } from "../../infra/index.ts";
import { BASE, codeOf, ofType, type SynthesisedTemplate, statementsIn } from "./synth.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfold-constructs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the constructs in somebody's own stack", () => {
  const app = new App({ outdir: join(folder, "cdk.out"), analyticsReporting: false });
  const stack = new Stack(app, "mine");
  const settings = defineConfig(BASE);
  const props = { settings, code: codeOf(settings) };
  new FanfoldEngine(stack, "Fanfold", props);
  for (const site of settings.sites) new FanfoldSite(stack, `Site-${site.name}`, { ...props, site });
  const api = new FanfoldApi(stack, "Api", props);
  new FanfoldOperations(stack, "Operations", props);
  const caller = new Role(stack, "Caller", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") });
  api.grantInvoke(caller);
  const templates = { mine: app.synth().getStackByName("mine").template as SynthesisedTemplate };

  it("the constructs make a whole deployment in one stack of a user's app", () => {
    expect(ofType(templates, "AWS::Lambda::Function")).toHaveLength(7);
    expect(ofType(templates, "AWS::DynamoDB::GlobalTable")).toHaveLength(2);
    expect(ofType(templates, "AWS::ApiGateway::RestApi")).toHaveLength(1);
  });
  it("grantInvoke permits a role to call the API and nothing else", () => {
    const granted = statementsIn(ofType(templates, "AWS::IAM::Policy").filter(({ id }) => id.startsWith("Caller"))).map(
      ({ Action }) => Action,
    );
    expect(granted).toEqual(["execute-api:Invoke"]);
  });
});
