import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Annotations, Match } from "aws-cdk-lib/assertions";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { afterAll, describe, expect, it } from "vitest";
import { defineConfig, Fanfold, FanfoldApi, FanfoldEngine, FanfoldOperations, FanfoldSite } from "../../infra/index.ts";
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

describe("the construct Fanfold", () => {
  const app = new App({ outdir: join(folder, "one"), analyticsReporting: false });
  const stack = new Stack(app, "mine");
  const table = new Queue(stack, "Mine");
  const config = defineConfig({
    ...BASE,
    sites: [
      {
        name: "london",
        environment: { QUEUE: table.queueUrl },
        functions: {
          worker: { permissions: [{ actions: ["sqs:SendMessage"], resources: [table.queueArn] }] },
        },
      },
    ],
  });
  const fanfold = new Fanfold(stack, "Fanfold", { config, code: codeOf(config) });
  fanfold.grantInvoke(new Role(stack, "Caller", { assumedBy: new ServicePrincipal("ec2.amazonaws.com") }));
  const templates = { mine: app.synth().getStackByName("mine").template as SynthesisedTemplate };
  const page = readFileSync(join(folder, "one", "fanfold.md"), "utf8");

  it("makes a whole deployment in one stack, whose tasks reach what else is in it", () => {
    expect(ofType(templates, "AWS::Lambda::Function")).toHaveLength(7);
    expect([...fanfold.sites.keys()]).toEqual(["london"]);
    const worker = JSON.stringify(
      ofType(templates, "AWS::Lambda::Function").find(({ Properties }) =>
        String(Properties["FunctionName"]).endsWith("worker-worker"),
      ),
    );
    expect(worker).toMatch(/"QUEUE":\{"Ref":"Mine/);
  });
  it("its page says what is made, kept and paid, and where each task runs", () => {
    expect(page).toMatch(/7 functions, \d+ queues, 2 tables, 1 buckets, 1 HTTP APIs, 1 state machines, \d+ alarms/);
    const kept = page.slice(page.indexOf("## What stays"), page.indexOf("## What it costs"));
    expect(kept.match(/^- /gm)).toHaveLength(3);
    for (const name of ["fanfold-tasks", "fanfold-callbacks", "the bucket of large values"])
      expect(kept).toContain(name);
    expect(page).toMatch(/\| math\.add \| london\.default#worker \| fanfold-london-worker-worker \| 1024 \| 300 \|/);
    const prices = [...page.matchAll(/^\| .* \| (\d+\.\d\d) \|$/gm)].map(([, price]) => Number(price));
    const total = prices.pop() as number;
    expect(Math.abs(total - prices.reduce((sum, price) => sum + price, 0))).toBeLessThan(0.03);
    expect(total).toBeGreaterThan(5);
  });
  it("its page is shown when the synthesis has ended", () => {
    expect(Annotations.fromStack(stack).findInfo("*", Match.stringLikeRegexp("What it costs a month"))).toHaveLength(1);
  });
  it("says that nothing is kept by a trial", () => {
    const trial = new App({ outdir: join(folder, "trial"), analyticsReporting: false });
    const settings = { ...config, removal: "destroy" as const, sites: defineConfig(BASE).sites };
    new Fanfold(new Stack(trial, "trial"), "Fanfold", { config: settings, code: codeOf(settings) });
    expect(readFileSync(join(folder, "trial", "fanfold.md"), "utf8")).toContain("destroyed\n\nNothing.");
  });
});
