import { spawn } from "node:child_process";
import { constants, tmpdir } from "node:os";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { wantedResources } from "./templates.ts";

/**
 * `npm run local:deploy` deploys the whole app to the AWS emulator in AWS_ENDPOINT_URL. Emulators silently ignore some
 * properties of templates. MiniStack 1.5.33 and LocalStack 4.14.0 ignore point-in-time recovery, deletion protection and
 * lifecycle rules; the one ignores time to live as well, the other how long logs are kept. This script sets them
 * afterwards, so the deployment matches the templates.
 */
const ROOT = resolve(import.meta.dirname, "../..");
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const ACCOUNT = "000000000000";
const HELP = `npm run local:deploy [-- --app COMMAND] [-- --output FOLDER]

Deploys onto the AWS emulator that AWS_ENDPOINT_URL names, for instance

    AWS_ENDPOINT_URL=http://127.0.0.1:4566 npm run local:deploy

  --app COMMAND     another CDK app than this checkout's
  --output FOLDER   where the templates go (default: cdk.out)
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { app: { type: "string" }, output: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const endpoint = process.env["AWS_ENDPOINT_URL"];
  if (endpoint === undefined || /amazonaws\.com/.test(endpoint)) {
    process.stderr.write(
      `AWS_ENDPOINT_URL names no emulator. Start one (docker compose up -d ministack), then:\n\n${HELP}`,
    );
    return 2;
  }
  const emulator = { endpoint: numeric(endpoint), region: process.env["AWS_REGION"] ?? "us-east-1" };
  if (!(await answers(emulator.endpoint))) {
    process.stderr.write(`nothing answers at ${endpoint}: is the emulator running?\n`);
    return 2;
  }
  Object.assign(process.env, environment(emulator));
  const output = values.output ?? join(ROOT, "cdk.out");
  const app = values.app === undefined ? [] : ["--app", values.app];
  // Bootstrapping runs in another folder, so it does not synthesise the app, which it does not need.
  await cdk(tmpdir(), "bootstrap", `aws://${ACCOUNT}/${emulator.region}`);
  await cdk(ROOT, "deploy", "--all", "--require-approval", "never", ...app, "--output", output);
  await setWhatWasDropped(output, emulator.region);
  await report(emulator);
  return 0;
}

/**
 * Returns an address with a numeric host, because a bucket name before `localhost` is a host name that does not
 * resolve.
 */
function numeric(endpoint: string): string {
  return endpoint.replace("//localhost", "//127.0.0.1").replace(/\/$/, "");
}
async function answers(endpoint: string): Promise<boolean> {
  return fetch(endpoint).then(
    () => true,
    () => false,
  );
}
function environment({ endpoint, region }: { readonly endpoint: string; readonly region: string }): NodeJS.ProcessEnv {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: process.env["AWS_ACCESS_KEY_ID"] ?? "test",
    AWS_SECRET_ACCESS_KEY: process.env["AWS_SECRET_ACCESS_KEY"] ?? "test",
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    CDK_DEFAULT_ACCOUNT: ACCOUNT,
    CDK_DEFAULT_REGION: region,
    CDK_DISABLE_VERSION_CHECK: "1",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  };
}
/** Runs cdk in a process group of its own, which ends with this process whoever is signalled. */
async function cdk(cwd: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(join(ROOT, "node_modules/.bin/cdk"), args, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  const end = (signal: NodeJS.Signals): void => {
    process.kill(-(child.pid as number), "SIGKILL");
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ENDING) process.on(signal, end);
  const [status] = (await once(child, "exit")) as [number | null];
  for (const signal of ENDING) process.off(signal, end);
  if (status !== 0)
    throw new Error(
      `cdk ${args[0]} failed; what the emulator has to say is in its own log. After a failed first deploy, restart it`,
    );
}

async function setWhatWasDropped(output: string, region: string): Promise<void> {
  // The clients of differences.ts read the environment when they are made.
  const { compareAll, differs } = await import("./differences.ts");
  const dropped = (await compareAll(await wantedResources(output, { account: ACCOUNT, region }))).filter(differs);
  for (const { resource, property, set } of dropped) {
    await set?.();
    process.stdout.write(
      `${set === undefined ? "the emulator has another" : "set, since the emulator ignores it in templates:"} ${property} of ${resource}\n`,
    );
  }
}

async function report({ endpoint, region }: { readonly endpoint: string; readonly region: string }): Promise<void> {
  const { Stacks = [] } = await new CloudFormationClient({}).send(new DescribeStacksCommand({}));
  const address =
    Stacks.flatMap(({ Outputs = [] }) => Outputs).find(({ OutputValue = "" }) => OutputValue.includes(".execute-api."))
      ?.OutputValue ?? "";
  const [, id = "", stage = ""] = /^https:\/\/([a-z0-9]+)\.execute-api\.[^/]+\/([^/]+)/.exec(address) ?? [];
  const url = `${endpoint}/restapis/${id}/${stage}/_user_request_`;
  process.stdout.write(`
The API is at ${url}
Try:

    curl --aws-sigv4 aws:amz:${region}:execute-api --user test:test --json '{"fields":{"n":10}}' \\
      ${url}/workflows/example.sum-of-sums/jobs
`);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
