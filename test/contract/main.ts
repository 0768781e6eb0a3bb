import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { contractPlaces, startEmulator } from "../e2e/setup/emulators.ts";
import { RUN } from "../e2e/setup/paths.ts";
import { endAll, killAll } from "../e2e/setup/processes.ts";
import { Stop } from "../e2e/setup/report.ts";
import { runTests } from "../e2e/setup/vitest.ts";

/**
 * `npm run contract`: the contract suites, and what else is tested against a real service, on DynamoDB Local, which is Amazon's own and the reference, and on
 * MiniStack, which has queues and blobs too; with `-- --localstack` on LocalStack alone. Needs python3 (with venv; for LocalStack of Python 3.13) and java; the
 * rest is installed into .e2e/. Exits with 1 unless all pass.
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
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => void endAll().finally(() => process.exit(1)));
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Stop ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await endAll();
}
