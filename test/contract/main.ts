import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startEmulators } from "../e2e/setup/emulators.ts";
import { installEmulators } from "../e2e/setup/install.ts";
import { REPOSITORY, RUN } from "../e2e/setup/paths.ts";
import { endAll, finish, killAll, launch } from "../e2e/setup/processes.ts";
import { Stop } from "../e2e/setup/report.ts";

/**
 * Runs the contract suites and the tests of test/aws for `npm run contract`. They run on DynamoDB Local, which is
 * Amazon's own and the reference, and on MiniStack, which has queues and blobs too. Needs python3 (with venv) and java.
 * Everything else is installed into .e2e/. Exits with 1 unless all pass.
 */
const SUITE_SECONDS = 600;
const FILES = ["test/contract/aws.test.ts", "test/aws"];

async function main(): Promise<number> {
  mkdirSync(RUN, { recursive: true });
  const { dynamoDbLocal, ministack } = await startEmulators(await installEmulators());
  const local = await suite("DynamoDB Local", { AWS_ENDPOINT_URL_DYNAMODB: dynamoDbLocal });
  const emulated = await suite("MiniStack", { AWS_ENDPOINT_URL: ministack });
  return local === 0 && emulated === 0 ? 0 : 1;
}

async function suite(name: string, endpoints: NodeJS.ProcessEnv): Promise<number> {
  process.stdout.write(`\nOn ${name}:\n`);
  const others = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith("AWS_")));
  const env = { ...others, ...endpoints, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
  const command = join(REPOSITORY, "node_modules", ".bin", "vitest");
  return finish(launch({ name: `the suites on ${name}`, command, args: ["run", ...FILES], cwd: REPOSITORY, env }), SUITE_SECONDS);
}

process.on("exit", killAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => void endAll().finally(() => process.exit(1)));
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Stop ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await endAll();
}
