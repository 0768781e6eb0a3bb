import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Annotations, CfnDeletionPolicy, CfnResource, Stage } from "aws-cdk-lib";
import type { IConstruct } from "constructs";
import { PRICES } from "../functions/core/cost/price-table.ts";
import { parseQueueName } from "../functions/core/names/queue-name.ts";
import type { Settings } from "../functions/sdk/config.ts";
import type { FunctionCode } from "./constructs/code.ts";
import { Deployment } from "./deployment.ts";

/** What the page shows of one kind of resource. Other kinds are counted together. */
const SHOWN: readonly (readonly [type: string, name: string])[] = [
  ["AWS::Lambda::Function", "functions"],
  ["AWS::SQS::Queue", "queues"],
  ["AWS::DynamoDB::GlobalTable", "tables"],
  ["AWS::S3::Bucket", "buckets"],
  ["AWS::ApiGateway::RestApi", "HTTP APIs"],
  ["AWS::StepFunctions::StateMachine", "state machines"],
  ["AWS::Cognito::UserPool", "user pools"],
  ["AWS::CloudWatch::Alarm", "alarms"],
  ["AWS::CloudWatch::Dashboard", "dashboards"],
];
/** Requests of Lambda to a queue without messages: 5 pollers every 20 seconds. */
const POLLS_PER_MONTH = 5 * 3 * 43_800;
const SWEEPS_PER_MONTH = 43_800;
const SWEEP_GB_SECONDS = 0.2 * 0.5;
/** Metrics that the sweeper alone publishes. */
const IDLE_METRICS = 8;

/**
 * Returns what a deployment makes, keeps and costs while nothing runs, and where each task runs. `roots` are the stacks
 * or constructs that hold it.
 */
function deploymentPage(settings: Settings, code: FunctionCode, roots: readonly IConstruct[]): string {
  const resources = roots.flatMap((root) => root.node.findAll()).filter((each) => CfnResource.isCfnResource(each));
  const counted = (type: string): number => resources.filter(({ cfnResourceType }) => cfnResourceType === type).length;
  const kept = resources.filter(({ cfnOptions }) => cfnOptions.deletionPolicy === CfnDeletionPolicy.RETAIN);
  const made = SHOWN.flatMap(([type, name]) => (counted(type) === 0 ? [] : [`${counted(type)} ${name}`]));
  const others = resources.length - SHOWN.reduce((sum, [type]) => sum + counted(type), 0);
  const rows = costs({
    queues: counted("AWS::SQS::Queue"),
    alarms: counted("AWS::CloudWatch::Alarm"),
    dashboards: counted("AWS::CloudWatch::Dashboard"),
  });
  const total = rows.reduce((sum, [, price]) => sum + price, 0);
  return `# The deployment ${settings.prefix}

## What is made

${made.join(", ")}, and ${others} resources beside them, such as roles, logs and routes.

## What stays when its stacks are destroyed

${kept.length === 0 ? "Nothing." : kept.map((each) => `- ${nameOf(each)}`).join("\n")}

## What it costs a month while nothing runs

List prices of ${PRICES.region}, ${PRICES.date}. Storage, and reserved pollers, come on top.

${table(["what", "$"], [...rows.map(([what, price]) => [what, price.toFixed(2)]), ["together", total.toFixed(2)]])}

## Where tasks run

${table(["task", "queue", "function", "MB", "seconds"], placesOf(settings, code, roots[0] as IConstruct))}
`;
}
function costs({ queues, alarms, dashboards }: { queues: number; alarms: number; dashboards: number }) {
  const sweeps = SWEEPS_PER_MONTH * (SWEEP_GB_SECONDS * PRICES.gigabyteSecond + PRICES.invocation);
  // A poll of an empty queue has no message group, so it has no surcharge.
  const polls = POLLS_PER_MONTH * POLL_PRICE;
  return [
    [`${queues} queues that Lambda asks`, queues * polls],
    ["the sweeper, once a minute", sweeps],
    [`${alarms} alarms`, alarms * PRICES.alarmMonth],
    [`${dashboards} dashboards`, dashboards * PRICES.dashboardMonth],
    [`${IDLE_METRICS} metrics`, IDLE_METRICS * PRICES.metricMonth],
  ] as const;
}
const POLL_PRICE = 0.4e-6;
function placesOf(settings: Settings, code: FunctionCode, scope: IConstruct): readonly (readonly string[])[] {
  const deployment = new Deployment(scope, settings.prefix);
  return code.tasks().map(({ name, queue, stateMachine }) => {
    const { site, function: kind } = parseQueueName(queue, { site: settings.site });
    const size = settings.sites.find((each) => each.name === site)?.functions.find((each) => each.kind === kind);
    const place = deployment.siteFunctionName(site, { role: "worker", function: kind });
    return [
      name,
      queue,
      stateMachine === undefined ? place : `${place}, then ${stateMachine.name}`,
      String(size?.memoryMb ?? ""),
      String(size?.timeoutSeconds ?? ""),
    ];
  });
}
function nameOf(resource: CfnResource): string {
  const named = resource as unknown as { readonly tableName?: string; readonly bucketName?: string };
  const physical = named.tableName ?? (named.bucketName === undefined ? undefined : "the bucket of large values");
  return `${physical ?? resource.node.path} (${resource.cfnResourceType})`;
}
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Writes the page beside the templates, and shows it. */
export function writePage(settings: Settings, code: FunctionCode, roots: readonly IConstruct[]): void {
  const page = deploymentPage(settings, code, roots);
  const file = join(Stage.of(roots[0] as IConstruct)?.outdir ?? "cdk.out", `${settings.prefix}.md`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, page);
  // The command of CDK prints it when the synthesis has ended.
  Annotations.of(roots[0] as IConstruct).addInfo(page);
}
