import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { contractPlaces, startEmulator } from "../e2e/setup/emulators.ts";
import { RUN } from "../e2e/setup/paths.ts";
import { endAll, killAll } from "../e2e/setup/processes.ts";
import { Stop } from "../e2e/setup/report.ts";
import { runTests } from "../e2e/setup/vitest.ts";

/**
 * Runs the contract suites and the tests of test/aws for `npm run contract`. They run on DynamoDB Local, which is
 * Amazon's own and the reference, and on MiniStack, which has queues and blobs too. With `-- --localstack` they run on
 * LocalStack alone. Needs python3 (with venv; 3.13 for LocalStack) and java. Everything else is installed into .e2e/.
 * Exits with 1 unless all pass.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({ options: { localstack: { type: "boolean" } } });
  mkdirSync(RUN, { recursive: true });
  const emulator = await startEmulator(values.localstack ? "LocalStack" : "MiniStack");
  let failures = 0;
  for (const { name, args, environment } of await contractPlaces(emulator)) {
    process.stdout.write(`\nOn ${name}:\n`);
    failures += (await runTests(`contracts on ${name}`, args, environment)).failed;
  }
  return failures === 0 ? 0 : 1;
}

process.on("exit", killAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(name, () => void endAll().finally(() => process.exit(1)));
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Stop ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await endAll();
}
