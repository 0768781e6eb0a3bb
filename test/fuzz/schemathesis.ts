import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../../cli/repository.ts";
import { installPython } from "../e2e/setup/packages.ts";
import { RUN } from "../e2e/setup/paths.ts";

const FOLDER = join(import.meta.dirname, "schemathesis");
/** The folder of the installed programs. It is kept between runs and ignored by git. */
const CACHE = join(REPOSITORY, ".schemathesis");

/** Runs Schemathesis with its checks against the document of a server. Returns its exit code. */
export async function runSchemathesis(
  { url, token }: { readonly url: string; readonly token: string },
  further: readonly string[],
): Promise<number> {
  mkdirSync(RUN, { recursive: true }); // The installation logs there.
  const requirements = join(FOLDER, "requirements.txt");
  const bin = await installPython("Schemathesis", CACHE, { python: "python3", requirements });
  const config = ["--config-file", join(FOLDER, "schemathesis.toml")];
  const checks = ["--checks", "all", "--seed", "1", "--continue-on-failure", "-n", "25"];
  const args = [...config, "run", `${url}/openapi.json`, "-H", `Authorization: Bearer ${token}`, ...checks, ...further];
  const env = { ...process.env, PYTHONPATH: FOLDER };
  const child = spawn(join(bin, "st"), args, { cwd: FOLDER, env, stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
