import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { emulatorEnvironment, startEmulators, type Endpoints } from "./setup/emulators.ts";
import { installEmulators } from "./setup/install.ts";
import { logFile, REPOSITORY, RUN } from "./setup/paths.ts";
import { endAll, finish, killAll, launch, run } from "./setup/processes.ts";
import { say, Stop } from "./setup/report.ts";

const DEFAULT_CASES = "20";

/**
 * `npm run e2e`: an AWS emulator without Docker, a real `cdk deploy` of everything onto it, the suite against the deployment, `cdk destroy`, and what must be
 * left then. The last line is `N passed, N failed`; the exit code 1 unless all passed. Whatever it starts ends with it.
 */
const HELP = `npm run e2e [-- --keep] [-- --cases N] [-- FILTER...]

Deploys onto an AWS emulator on this machine, and tests the deployment. Needs python3 (with venv) and java; installs the rest into .e2e/.

  --keep      leaves the emulators running when the suite is through, until Ctrl-C, and says how to reach them
  --cases N   runs so many of the canvas cases through the API; default ${DEFAULT_CASES}
  FILTER      runs the test files whose path contains it
`;
/** Deploys take seconds; an emulator that hangs over one resource would never end. */
const DEPLOY_SECONDS = 420;
const SUITE_SECONDS = 780;
const CONFIG = join(import.meta.dirname, "vitest.config.ts");
const BIN = join(REPOSITORY, "node_modules", ".bin");

const total = { passed: 0, failed: 0 };
/** Only the emulators are still running, for somebody to look at. */
let through = false;
let ending = false;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { keep: { type: "boolean" }, cases: { type: "string", default: DEFAULT_CASES }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!/^[1-9]\d{0,3}$/.test(values.cases)) throw new Stop(`--cases wants a number of cases, not ${JSON.stringify(values.cases)}`);
  // Functions that the run before left unpacked.
  rmSync(RUN, { recursive: true, force: true });
  mkdirSync(RUN, { recursive: true });
  const endpoints = await startEmulators(await installEmulators());
  const environment = { ...emulatorEnvironment(endpoints.ministack), FANFOLD_E2E_RUN: RUN, FANFOLD_E2E_CASES: values.cases };
  if (positionals.length === 0) await contracts(environment, endpoints);
  await deploy("the app", "app", environment);
  await deploy("an app of a user", "user-app", environment);
  say("running the suite");
  await tests("suite", ["--config", CONFIG, ...(positionals.length > 0 ? positionals : ["suite/"])], environment);
  if (values.keep) {
    through = true;
    await hold(endpoints);
  }
  if (positionals.length > 0) return;
  say("destroying the deployment, and looking at what is left");
  await tests("destroyed", ["--config", CONFIG, "destroyed/"], environment);
}

/** The contract suites of the ports, and what else is tested against a real service. The first has tables only. */
async function contracts(environment: NodeJS.ProcessEnv, { dynamoDbLocal }: Endpoints): Promise<void> {
  const files = ["test/contract/aws.test.ts", "test/aws"];
  const { AWS_ENDPOINT_URL: _all, AWS_ENDPOINT_URL_S3: _s3, ...rest } = environment;
  say("the contracts on DynamoDB Local");
  await tests("contracts-dynamodb-local", files, { ...rest, AWS_ENDPOINT_URL_DYNAMODB: dynamoDbLocal });
  say("the contracts on MiniStack");
  await tests("contracts-ministack", files, environment);
}

/** `file`: the CDK app in this folder; its templates go to a folder of that name. */
async function deploy(what: string, file: string, env: NodeJS.ProcessEnv): Promise<void> {
  say(`deploying ${what}`);
  const args = [join(REPOSITORY, "infra", "local", "deploy.ts"), "--app", `tsx test/e2e/${file}.ts`, "--output", join(RUN, file)];
  try {
    await run({ name: `the deploy of ${what}`, command: join(BIN, "tsx"), args, cwd: REPOSITORY, env, log: logFile(`deploy-${file}`) }, DEPLOY_SECONDS);
    total.passed++;
  } catch (error) {
    total.failed++;
    throw error;
  }
}

/** Runs vitest and adds up what it says. A crash, or a file that cannot be loaded, is one failure. */
async function tests(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const report = join(RUN, `${name}.json`);
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`];
  const child = launch({ name: `the tests ${name}`, command: join(BIN, "vitest"), args: ["run", ...reporters, ...args], cwd: REPOSITORY, env });
  const code = await finish(child, SUITE_SECONDS).catch((error: unknown) => {
    process.stdout.write(`${String(error)}\n`);
    return 1;
  });
  const { passed, failed } = countsIn(report);
  total.passed += passed;
  total.failed += code !== 0 && failed === 0 ? 1 : failed;
  if (code !== 0)
    say(`some failed. What the functions printed is in ${logFile("ministack")}; \`npm run e2e -- --keep suite/FILE\` runs one file and keeps the emulators`);
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly { readonly status: string }[] }[];
}
function countsIn(path: string): { readonly passed: number; readonly failed: number } {
  if (!existsSync(path)) return { passed: 0, failed: 0 };
  const report = JSON.parse(readFileSync(path, "utf8")) as Report;
  const broken = report.testResults.filter(({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"));
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length };
}

async function hold({ ministack }: Endpoints): Promise<void> {
  say(`the emulators go on until Ctrl-C. Against this deployment:

    export AWS_ENDPOINT_URL=${ministack} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    export FANFOLD_E2E_RUN=${RUN} FANFOLD_E2E_CASES=${DEFAULT_CASES}
    npx vitest run --config test/e2e/vitest.config.ts suite/
`);
  // Held by the emulators, which are children of this process.
  await new Promise(() => {});
}

/** Whatever runs is ended, then the counts are the last line. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await endAll();
  rmSync(join(RUN, "tmp"), { recursive: true, force: true });
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  process.exit(code);
}

process.on("exit", killAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(name, () => {
    if (ending) return;
    say(`${name}: ending what was started`);
    if (!through) total.failed = Math.max(total.failed, 1);
    void end(total.failed === 0 ? 0 : 1);
  });

try {
  await main();
  await end(total.failed === 0 ? 0 : 1);
} catch (error) {
  process.stdout.write(`\n${error instanceof Stop ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  if (total.failed === 0) total.failed = 1;
  await end(1);
}
