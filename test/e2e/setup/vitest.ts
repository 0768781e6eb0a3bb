import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, RUN } from "./paths.ts";
import { finish, launch } from "./processes.ts";

const SUITE_SECONDS = 780;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Runs vitest and returns its counts. A crash, or a file that cannot be loaded, counts as one failure. */
export async function runTests(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Counts> {
  const report = join(RUN, `${name.replaceAll(" ", "-")}.json`);
  const reporters = ["--reporter=verbose", "--reporter=json", `--outputFile.json=${report}`];
  const command = join(REPOSITORY, "node_modules", ".bin", "vitest");
  const child = launch({
    name: `the tests ${name}`,
    command,
    args: ["run", ...reporters, ...args],
    cwd: REPOSITORY,
    env,
  });
  const code = await finish(child, SUITE_SECONDS).catch((error: unknown) => {
    process.stdout.write(`${String(error)}\n`);
    return 1;
  });
  const { passed, failed } = countsIn(report);
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}
function countsIn(path: string): Counts {
  if (!existsSync(path)) return { passed: 0, failed: 0 };
  const report = JSON.parse(readFileSync(path, "utf8")) as Report;
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length };
}
