import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { contractPlaces, startEmulator, type Emulator } from "./setup/emulators.ts";
import { emulatorEnvironment } from "./setup/environment.ts";
import { logFile, REPOSITORY, RUN, TEMPORARY } from "./setup/paths.ts";
import { endAll, killAll, run } from "./setup/processes.ts";
import { say, Stop } from "./setup/report.ts";
import { runTests } from "./setup/vitest.ts";
import { SKIPPED } from "./skipped.ts";
import { smokeArguments } from "./smoke.ts";

const DEFAULT_CASES = "20";

/**
 * `npm run e2e` starts an AWS emulator without Docker and runs a real `cdk deploy` of everything onto it. Then it runs
 * the suite against the deployment, runs `cdk destroy`, and checks what remains. The last line is `N passed, N
 * failed`, and the exit code is 1 unless all passed. Every process that it starts ends with it.
 */
const HELP = `npm run e2e [-- --localstack] [-- --smoke] [-- --keep] [-- --cases N] [-- FILTER...]

Deploys onto an AWS emulator on this machine, and tests the deployment. Needs python3 (with venv) and java; installs the rest into .e2e/.

  --localstack  takes LocalStack in place of MiniStack, without the tests that it cannot pass (test/e2e/skipped.ts); needs Python 3.13
  --smoke       deploys, and runs a chord, failures and supervised jobs only (test/e2e/smoke.ts)
  --keep        leaves the emulators running when the suite is through, until Ctrl-C, and says how to reach them
  --cases N     runs so many of the canvas cases through the API; default ${DEFAULT_CASES}
  FILTER        runs the test files whose path contains it
`;
/** Limit for one deploy, which takes seconds. An emulator that hangs over one resource would never end. */
const DEPLOY_SECONDS = 420;
const CONFIG = join(import.meta.dirname, "vitest.config.ts");

const total = { passed: 0, failed: 0 };
/** True once only the emulators are left running, for the user to inspect. */
let through = false;
let ending = false;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      localstack: { type: "boolean" },
      smoke: { type: "boolean" },
      keep: { type: "boolean" },
      cases: { type: "string", default: DEFAULT_CASES },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!/^[1-9]\d{0,3}$/.test(values.cases))
    throw new Stop(`--cases wants a number of cases, not ${JSON.stringify(values.cases)}`);
  if (values.smoke && positionals.length > 0) throw new Stop("--smoke says what is run: it takes no FILTER");
  const whole = !values.smoke && positionals.length === 0;
  // The previous run may have left unpacked functions here.
  rmSync(RUN, { recursive: true, force: true });
  mkdirSync(RUN, { recursive: true });
  const emulator = await startEmulator(values.localstack ? "LocalStack" : "MiniStack");
  const endpoints = { AWS_ENDPOINT_URL: emulator.endpoint, AWS_ENDPOINT_URL_S3: emulator.endpoint };
  const variables = { FANFOLD_E2E_RUN: RUN, FANFOLD_E2E_CASES: values.cases, FANFOLD_E2E_EMULATOR: emulator.name };
  const environment = { ...emulatorEnvironment(endpoints), ...variables };

  if (whole) await contracts(emulator);
  await deploy("the app", "app", environment);
  if (!values.smoke) await deploy("an app of a user", "user-app", environment);
  say(`running ${whole ? "the suite" : "a part of the suite"}`);
  const wanted = values.smoke ? smokeArguments() : whole ? ["suite/"] : positionals;
  await tests("suite", ["--config", CONFIG, ...wanted], { environment, emulator });
  if (values.keep) await hold(emulator, variables);
  if (!whole) return;
  say("destroying the deployment, and looking at what is left");
  await tests("destroyed", ["--config", CONFIG, "destroyed/"], { environment, emulator });
  const left = SKIPPED[emulator.name].flatMap((skip) => skip.tests).length;
  if (left > 0) say(`left out ${left} tests that ${emulator.name} cannot pass: test/e2e/skipped.ts says which and why`);
}

async function contracts(emulator: Emulator): Promise<void> {
  for (const { name, args, environment } of await contractPlaces(emulator)) {
    say(`the contracts on ${name}`);
    await tests(`contracts on ${name}`, args, { environment, emulator });
  }
}

/** Deploys the CDK app `file` of this folder. Its templates go to a folder of that name. */
async function deploy(what: string, file: string, env: NodeJS.ProcessEnv): Promise<void> {
  say(`deploying ${what}`);
  const args = [
    join(REPOSITORY, "infra", "local", "deploy.ts"),
    "--app",
    `tsx test/e2e/${file}.ts`,
    "--output",
    join(RUN, file),
  ];
  const command = join(REPOSITORY, "node_modules", ".bin", "tsx");
  try {
    await run(
      { name: `the deploy of ${what}`, command, args, cwd: REPOSITORY, env, log: logFile(`deploy-${file}`) },
      DEPLOY_SECONDS,
    );
    total.passed++;
  } catch (error) {
    total.failed++;
    throw error;
  }
}

interface Under {
  readonly environment: NodeJS.ProcessEnv;
  readonly emulator: Emulator;
}
/** Runs vitest and adds its counts to the total. */
async function tests(name: string, args: readonly string[], { environment, emulator }: Under): Promise<void> {
  const { passed, failed } = await runTests(name, args, environment);
  total.passed += passed;
  total.failed += failed;
  if (failed > 0)
    say(
      `some failed. What the functions printed is in ${emulator.log}; \`npm run e2e -- --keep suite/FILE\` runs one file and keeps the emulators`,
    );
}

async function hold({ endpoint }: Emulator, variables: Readonly<Record<string, string>>): Promise<void> {
  through = true;
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  say(`the emulators go on until Ctrl-C. Against this deployment:

    export AWS_ENDPOINT_URL=${endpoint} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    export ${settings.join(" ")}
    npx vitest run --config test/e2e/vitest.config.ts suite/
`);
  // The emulators are children of this process, so the process must stay alive.
  await new Promise(() => {});
}

/** Ends every running process, then prints the counts as the last line. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await endAll();
  rmSync(TEMPORARY, { recursive: true, force: true });
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
  process.stdout.write(
    `\n${error instanceof Stop ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  if (total.failed === 0) total.failed = 1;
  await end(1);
}
