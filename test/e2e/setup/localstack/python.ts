import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { versionOf } from "../packages.ts";
import { Stop } from "../report.ts";
import { REQUIRED } from "../versions.ts";

const RELEASE = REQUIRED.localstackPython;

/**
 * Returns a Python of the release that LocalStack runs on, from PATH or else from pyenv. A pyenv release that is not
 * the chosen one has a program on PATH that only reports this, so its folder is read. Throws with what to install.
 */
export function findPython(env: NodeJS.ProcessEnv = process.env): string {
  const found = candidates(env).find((program) => versionOf(program, "--version").startsWith(`Python ${RELEASE}.`));
  if (found !== undefined) return found;
  throw new Stop(
    `Python ${RELEASE} is needed (for LocalStack): \`pyenv install ${RELEASE}\`, or a \`python${RELEASE}\` with venv on PATH; then run again`,
  );
}

function candidates(env: NodeJS.ProcessEnv): readonly string[] {
  const name = `python${RELEASE}`;
  const onPath = (env["PATH"] ?? "").split(":").map((folder) => join(folder, name));
  const versions = join(env["PYENV_ROOT"] ?? join(env["HOME"] ?? homedir(), ".pyenv"), "versions");
  const ofPyenv = existsSync(versions)
    ? readdirSync(versions).filter((version) => version.startsWith(`${RELEASE}.`))
    : [];
  return [...onPath, ...ofPyenv.map((version) => join(versions, version, "bin", name))].filter((program) =>
    existsSync(program),
  );
}
