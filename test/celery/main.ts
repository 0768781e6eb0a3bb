import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePorts } from "../e2e/setup/reachable.ts";
import { endAll, killAll, tail } from "../e2e/setup/processes.ts";
import { Stop } from "../e2e/setup/report.ts";
import { CACHE, installSuite } from "./install.ts";
import { MOST_ON_PURPOSE, readDifferences, readOutcomes, type Outcome } from "./outcomes.ts";
import { runShard } from "./shard.ts";

/**
 * `npm run celery-suite` runs Celery's own canvas tests, unchanged, against a dev server. The last line is `N passed, N
 * failed`. Tests that are listed in differences.json count as neither. Every process that it starts ends with it.
 */
const HELP = `npm run celery-suite [-- --shards N] [-- PYTEST ARGUMENTS...]

Runs t/integration/test_canvas.py of Celery's source package against Fanfold. Needs python3 (with venv); installs the rest, a Redis too, into .celery-suite/.

  --shards N      so many dev servers, each with a pytest; default 4
  -- -k NAME      of a second --, the rest is for pytest: only some tests
`;
const RUN = join(CACHE, "run");
const CLAIMS = join(RUN, "claims");
const REPORT = join(RUN, "outcomes.ndjson");
/** The number of tests in the suite. Fewer outcomes are an error, unless the caller selected some of the tests. */
const TESTS = 165;

let ending = false;
const total = { passed: 0, failed: 0 };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { shards: { type: "string", default: "4" }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!/^[1-9]$/.test(values.shards))
    throw new Stop(`--shards wants a number from 1 to 9, not ${JSON.stringify(values.shards)}`);
  const installed = await installSuite();
  rmSync(RUN, { recursive: true, force: true });
  mkdirSync(CLAIMS, { recursive: true });
  const ports = await freePorts(Number(values.shards));
  const folder = (shard: number): string => join(RUN, String(shard));
  const shared = { claims: CLAIMS, report: REPORT, args: positionals };
  const codes = await Promise.all(
    ports.map((redisPort, shard) => runShard(installed, { folder: folder(shard), redisPort, ...shared })),
  );
  // Exit code 0 means that all passed, 1 that some failed, and 5 that the other shards had claimed all tests.
  codes.forEach((code, shard) => {
    if (![0, 1, 5].includes(code))
      throw new Stop(`pytest ended with ${code}:\n${tail(join(folder(shard), "pytest.log"))}`);
  });
  tell(existsSync(REPORT) ? readOutcomes(REPORT) : [], positionals.length === 0);
}

function tell(outcomes: readonly Outcome[], all: boolean): void {
  const differences = readDifferences();
  const onPurpose = differences.filter(({ kind }) => kind === "purpose").length;
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  let different = 0;
  for (const { test, outcome, problems } of outcomes) {
    const difference = differences.find((each) => each.test === test);
    if (outcome === "passed") {
      total.passed++;
      if (difference) print(`passes now, and can leave differences.json: ${test}`);
    } else if (difference) {
      different++;
      print(`differs: ${test}: ${difference.reason}`);
    } else {
      total.failed++;
      print(`\n${problems.join("\n")}\n`);
    }
  }
  if (onPurpose > MOST_ON_PURPOSE)
    throw new Stop(`${onPurpose} tests differ on purpose; at most ${MOST_ON_PURPOSE} may`);
  const unknown = all && differences.find(({ test }) => !outcomes.some((outcome) => outcome.test === test));
  if (unknown) throw new Stop(`differences.json names ${unknown.test}, which was not run`);
  if (all && outcomes.length !== TESTS)
    throw new Stop(`${outcomes.length} tests were run, not ${TESTS}; the logs are in ${RUN}`);
  print(
    `of ${outcomes.length} tests ${total.passed} passed, ${different} differ and are in the table of docs/from-celery.md, ${total.failed} failed`,
  );
}

/** Ends every running process, then prints the counts as the last line. */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  await endAll();
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  process.exit(code);
}

process.on("exit", killAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    total.failed = Math.max(total.failed, 1);
    void end(1);
  });
}
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
