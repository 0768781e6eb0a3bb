import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findChromium } from "./browser-path.ts";

/** Runs the tests in a browser. The last line is `N passed, N failed`. Chromium is installed where it is missing. */
const ROOT = resolve(import.meta.dirname, "../..");

function install(): void {
  const isRoot = process.getuid?.() === 0;
  const apt = (...args: string[]): void => {
    const [command, ...rest] = isRoot ? ["apt-get", ...args] : ["sudo", "-n", "apt-get", ...args];
    spawnSync(command as string, rest, { stdio: "ignore" });
  };
  process.stdout.write("installing Chromium\n");
  apt("update");
  apt("install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core");
}
if (findChromium() === undefined) install();
if (findChromium() === undefined) {
  process.stdout.write("no Chromium, and it could not be installed: install it, or name one in CHROMIUM\n");
  process.stdout.write("0 passed, 1 failed\n");
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), "fanfold-web-report-"));
const report = join(folder, "report.json");
const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
const config = join(ROOT, "test/web/vitest.config.ts");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--config", config, ...reporters, ...process.argv.slice(2)],
  { cwd: ROOT, stdio: "inherit" },
);
const counts = readCounts();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = status ?? 1;

function readCounts(): { passed: number; failed: number } {
  try {
    const read = JSON.parse(readFileSync(report, "utf8")) as { numPassedTests: number; numFailedTests: number };
    return { passed: read.numPassedTests, failed: Math.max(read.numFailedTests, status === 0 ? 0 : 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
