import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withoutAws } from "../environment.ts";
import { checkJava, checkPython, installNodePackages, installPython, type NodePackages } from "../packages.ts";
import { INSTALLED, logFile, RUN, TEMPORARY } from "../paths.ts";
import { launch } from "../processes.ts";
import { answers } from "../reachable.ts";

const LOG = "ministack";
const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** What MiniStack runs on. */
export interface MiniStack extends NodePackages {
  readonly program: string;
}

/** Throws with what is missing on the machine. */
export async function installMiniStack(): Promise<MiniStack> {
  checkPython();
  checkJava();
  const python = installPython("MiniStack", INSTALLED.ministack, { python: "python3", requirements: REQUIREMENTS });
  const [packages, programs] = await Promise.all([installNodePackages(), python]);
  return { ...packages, program: join(programs, "ministack") };
}

/** Starts it on the loopback interface, and waits until it answers; gives its address. */
export async function startMiniStack({ program, node }: MiniStack, port: number): Promise<string> {
  mkdirSync(TEMPORARY, { recursive: true });
  // It unpacks functions here, with a script of its own that is no ES module, as it would be by this checkout's package.json.
  writeFileSync(join(TEMPORARY, "package.json"), "{}");
  const child = launch({
    name: "MiniStack",
    command: program,
    args: [],
    cwd: RUN,
    log: logFile(LOG),
    env: {
      ...withoutAws(),
      PATH: `${node}:${process.env.PATH ?? ""}`,
      TMPDIR: TEMPORARY,
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      MINISTACK_HOST: "127.0.0.1",
      LAMBDA_EXECUTOR: "local",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
    },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answers("MiniStack", child, `${endpoint}/_ministack/health`, LOG);
  return endpoint;
}
