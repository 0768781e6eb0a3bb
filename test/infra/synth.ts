import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import cdkJson from "../../cdk.json" with { type: "json" };
import { FunctionCode } from "../../infra/constructs/code.ts";
import { addDeployment } from "../../infra/stacks/deployment-stacks.ts";
import { defineConfig, type FanfoldConfig, type Settings } from "../../functions/sdk/config.ts";

export interface Resource {
  readonly Type: string;
  readonly Properties: Properties;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}
export type Properties = Readonly<Record<string, unknown>>;
export interface SynthesisedTemplate {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Export?: unknown }>>;
}
/** Templates by stack name. */
export type Templates = Readonly<Record<string, SynthesisedTemplate>>;

export const BASE: FanfoldConfig = {
  site: "london",
  concurrency: 8,
  jobTimeoutDays: 30,
  retentionDays: 7,
  tasks: "test/shipped-tasks.ts",
  sites: [{ name: "london" }],
};

/** Folder of bundles. The same sites have the same code whatever else differs, so it is bundled once. */
const CODE = mkdtempSync(join(tmpdir(), "fanfold-code-"));
process.once("exit", () => rmSync(CODE, { recursive: true, force: true }));
const bundled = new Map<string, FunctionCode>();

/** Returns the code of a deployment's functions, bundled once for the same sites. */
export function codeOf(settings: Settings): FunctionCode {
  const sites = JSON.stringify([settings.site, settings.tasks, settings.sites.map(({ name, tasks }) => [name, tasks])]);
  const code = bundled.get(sites) ?? new FunctionCode(settings, { outDir: join(CODE, String(bundled.size)) });
  bundled.set(sites, code);
  return code;
}

/** Synthesises all stacks as `npm run synth` does, with its checks. A finding without an acknowledgement throws. */
export function synthesise(config: FanfoldConfig): Templates {
  const outdir = mkdtempSync(join(tmpdir(), "fanfold-synth-"));
  try {
    const app = new App({ outdir, context: cdkJson.context, analyticsReporting: false });
    const settings = defineConfig(config);
    addDeployment(app, settings, codeOf(settings));
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const assembly = app.synth();
    return Object.fromEntries(
      assembly.stacks.map(({ stackName, template }) => [stackName, template as SynthesisedTemplate]),
    );
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** Returns every resource of a type, in all stacks. */
export function ofType(
  templates: Templates,
  type: string,
): readonly (Resource & { readonly id: string; readonly stack: string })[] {
  return Object.entries(templates).flatMap(([stack, { Resources }]) =>
    Object.entries(Resources).flatMap(([id, resource]) => (resource.Type === type ? [{ id, stack, ...resource }] : [])),
  );
}

/** Returns a value of a template as text: `arn:<AWS::Partition>:sqs:...`. An attribute of a resource is `<id.Arn>`. */
export function flat(value: unknown): string {
  if (typeof value === "string") return value;
  const node = value as {
    readonly "Fn::Join"?: [string, unknown[]];
    readonly "Fn::GetAtt"?: [string, string];
    readonly Ref?: string;
  };
  if (node["Fn::Join"]) return node["Fn::Join"][1].map(flat).join(node["Fn::Join"][0]);
  if (node["Fn::GetAtt"]) return `<${node["Fn::GetAtt"].join(".")}>`;
  if (node.Ref !== undefined) return `<${node.Ref}>`;
  return JSON.stringify(value);
}

export interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}
export const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];
/** Returns every policy statement in a value, at any depth. */
export function statementsIn(value: unknown): readonly Statement[] {
  if (typeof value !== "object" || value === null) return [];
  const own = "Effect" in value && "Action" in value ? [value as Statement] : [];
  return [...own, ...Object.values(value).flatMap(statementsIn)];
}
