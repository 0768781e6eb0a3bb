import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { REPOSITORY } from "../../cli/repository.ts";
import { readServerFile } from "../../cli/server-file.ts";
import { finish, launch, tail } from "../e2e/setup/processes.ts";
import { Stop } from "../e2e/setup/report.ts";
import type { Installed } from "./install.ts";

const START_MS = 60_000;
/**
 * Seconds that one test may take. The longest waits seven times ten seconds to see that nothing arrives, and does so
 * twice.
 */
const TEST_SECONDS = 280;
const SUITE_SECONDS = 900;
const HERE = import.meta.dirname;

export interface Shard {
  /** The folder of the shard's logs and data. */
  readonly folder: string;
  readonly redisPort: number;
  /** The folder in which shards claim tests. The shard that creates a test's file runs the test. */
  readonly claims: string;
  /** The file that receives a line for every outcome. */
  readonly report: string;
  /** Further arguments for pytest. */
  readonly args: readonly string[];
}

/**
 * Starts a Redis, a dev server with the suite's tasks, and a pytest that runs the tests that no other shard has
 * claimed. Returns the exit code of pytest.
 */
export async function runShard(
  { python, redisServer, suite }: Installed,
  { folder, redisPort, claims, report, args }: Shard,
): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const log = (name: string): string => join(folder, `${name}.log`);
  const redisArgs = ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  launch({ name: "redis", command: redisServer, args: redisArgs, log: log("redis") });
  const data = join(folder, "data");
  const env = { ...process.env, REDIS_HOST: "127.0.0.1", REDIS_PORT: String(redisPort) };
  const dev = ["--import", "tsx", join(REPOSITORY, "cli/main.ts"), "dev", "--port", "0", "--no-auth", "--workers", "1"];
  const tasks = ["--tasks", join(HERE, "tasks.ts"), "--data", data];
  launch({
    name: "the dev server",
    command: process.execPath,
    args: [...dev, ...tasks],
    cwd: REPOSITORY,
    env,
    log: log("server"),
  });
  const [url] = await Promise.all([
    until("the dev server", log("server"), async () => readServerFile(data)?.url),
    until("redis", log("redis"), async () => (await listens(redisPort)) || undefined),
  ]);
  const plugins = ["-p", "no:cacheprovider", "-p", "celery.contrib.pytest", "-p", "fanfold_plugin"];
  // Marks that expect a failure are ignored, because only differences.json may excuse a failure.
  const settings = [
    "-c",
    "/dev/null",
    "--rootdir",
    suite,
    "-o",
    "python_classes=test_*",
    "-W",
    "ignore",
    "--runxfail",
    "--timeout",
    String(TEST_SECONDS),
  ];
  const pytest = launch({
    name: "pytest",
    command: python,
    args: ["-m", "pytest", "-q", "--tb=short", ...plugins, ...settings, "t/integration/test_canvas.py", ...args],
    cwd: suite,
    env: {
      ...env,
      PYTHONPATH: join(HERE, "plugin"),
      PYTHONDONTWRITEBYTECODE: "1",
      TEST_BROKER: "memory://",
      TEST_BACKEND: `redis://127.0.0.1:${redisPort}`,
      FANFOLD_URL: url,
      FANFOLD_CLAIMS: claims,
      FANFOLD_REPORT: report,
    },
    log: log("pytest"),
  });
  return finish(pytest, SUITE_SECONDS);
}

async function until<T>(what: string, log: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = performance.now() + START_MS; performance.now() < end; await pause(100)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Stop(`${what} does not answer after ${START_MS / 1_000} s\n${tail(log)}`);
}
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
