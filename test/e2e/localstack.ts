import { mkdirSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";

/**
 * `npm run localstack` runs LocalStack without Docker until Ctrl-C, set up as in `npm run e2e -- --localstack`.
 * Whatever was deployed onto it is lost then.
 */
const HELP = `npm run localstack [-- --port N]

Starts LocalStack on this machine, without Docker, until Ctrl-C. Needs Python 3.13 and java; installs the rest into .e2e/. Nothing is kept.

  --port N   where it listens; default 4566
`;

// The modules read this variable when they are loaded. A folder of its own lets `npm run e2e` run at the same time.
process.env["FANFOLD_E2E_FOLDER"] = "localstack-run";
const { startEmulator } = await import("./setup/emulators.ts");
const { RUN, TEMPORARY } = await import("./setup/paths.ts");
const { endAll, killAll } = await import("./setup/processes.ts");
const { checkFree } = await import("./setup/reachable.ts");
const { say, Stop } = await import("./setup/report.ts");

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "4566" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (!/^[1-9]\d{0,4}$/.test(values.port)) throw new Stop(`--port wants a number, not ${JSON.stringify(values.port)}`);
  await checkFree(Number(values.port));
  rmSync(RUN, { recursive: true, force: true });
  mkdirSync(RUN, { recursive: true });
  const { endpoint } = await startEmulator("LocalStack", Number(values.port));
  say(`it goes on until Ctrl-C. In another terminal:

    AWS_ENDPOINT_URL=${endpoint} npm run local:deploy
`);
  // The emulator is a child of this process, so the process must stay alive.
  await new Promise(() => {});
}

async function end(code: number): Promise<void> {
  await endAll();
  rmSync(TEMPORARY, { recursive: true, force: true });
  process.exit(code);
}
process.on("exit", killAll);
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => void end(0));
try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Stop ? error.message : String(error)}\n`);
  await end(1);
}
