import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { defineConfig } from "../../functions/sdk/config.ts";
import { addDeployment } from "../../infra/stacks/deployment-stacks.ts";
import { BASE, codeOf } from "./synth.ts";
import cdkJson from "../../cdk.json" with { type: "json" };

describe("cdk.json", () => {
  it("cdk.json sets every recommended flag and refuses weak references between stacks", () => {
    const url = new URL("../../node_modules/aws-cdk-lib/recommended-feature-flags.json", import.meta.url);
    const recommended = JSON.parse(readFileSync(url, "utf8")) as object;
    expect(cdkJson.context).toEqual({ ...recommended, "@aws-cdk/core:defaultCrossStackReferences": "strong" });
  });
});

describe("the checks", () => {
  it("a synthesis fails when a finding has no acknowledgement", () => {
    const app = new App({ analyticsReporting: false });
    new Queue(new Stack(app, "open"), "Queue");
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).toThrow(/SQS/);
  });
  it("a deployment in an app of others judges no stack of theirs", () => {
    const outdir = mkdtempSync(join(tmpdir(), "fanfold-others-"));
    try {
      const app = new App({ outdir, context: cdkJson.context, analyticsReporting: false });
      new Queue(new Stack(app, "theirs"), "Queue");
      addDeployment(app, defineConfig(BASE), codeOf(defineConfig(BASE)));
      expect(() => app.synth()).not.toThrow();
    } finally {
      rmSync(outdir, { recursive: true, force: true });
    }
  });
});
