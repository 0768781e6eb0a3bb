import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withoutAws } from "../environment.ts";
import { checkJava, checkPython, installNodePackages, installPython, type NodePackages } from "../packages.ts";
import { INSTALLED, logFile, RUN, TEMPORARY } from "../paths.ts";
import { launch } from "../processes.ts";
import { answers } from "../reachable.ts";

const LOG = "ministack";
const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** The programs that MiniStack runs on. */
export interface MiniStack extends NodePackages {
  readonly program: string;
}

/** Installs MiniStack. Throws with what the machine lacks. */
export async function installMiniStack(): Promise<MiniStack> {
  checkPython();
  checkJava();
  const python = installPython("MiniStack", INSTALLED.ministack, { python: "python3", requirements: REQUIREMENTS });
  const [packages, programs] = await Promise.all([installNodePackages(), python]);
  return { ...packages, program: join(programs, "ministack") };
}

/** Starts MiniStack on the loopback interface, waits until it answers, and returns its address. */
export async function startMiniStack({ program, node }: MiniStack, port: number): Promise<string> {
  mkdirSync(TEMPORARY, { recursive: true });
  // MiniStack unpacks functions here, next to its own CommonJS script. This checkout's package.json would turn that
  // script into an ES module.
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
