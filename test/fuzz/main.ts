import { readFileSync, rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import * as examples from "../../functions/tasks/examples.ts";
import { TestDeployment } from "../handlers/deployment.ts";
import { type Finding, runCampaign } from "./campaign.ts";
import { runSchemathesis } from "./schemathesis.ts";
import { lambdaTarget, serverTarget } from "./targets.ts";

const USAGE = `npm run fuzz -- [--requests N] [--seed S] [--from K]
npm run fuzz -- --schemathesis [ARGUMENTS OF ST RUN...]     needs python3 with venv; installs the rest

Sends generated requests, by the OpenAPI document and by a grammar of hostile ones, to a dev server and to the API's Lambda handler. Exits 1 with a finding: an answer of 500, a stack, a hung connection, an answer that the document does not have, memory that grows.`;
/** Growth of the server's own memory, after the first tenth of the requests, that counts as a leak. */
const MOST_GROWTH_MB = 200;

interface DevServer {
  readonly port: number;
  readonly token: string;
  readonly url: string;
  /** Megabytes of memory that no file backs. */
  memory(): number;
  stop(): Promise<void>;
}
async function startServer(): Promise<DevServer> {
  const data = await mkdtemp(join(tmpdir(), "fanfold-fuzz-"));
  const root = resolve(import.meta.dirname, "../..");
  const args = ["--import", "tsx", "cli/main.ts", "dev", "--port", "0", "--workers", "1", "--data", data, "--json"];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolveEnd) => child.once("exit", () => resolveEnd()));
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith("{")) continue;
    const { port, url } = JSON.parse(line) as { port: number; url: string };
    const { token } = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as { token: string };
    const status = (): string => readFileSync(`/proc/${child.pid}/status`, "utf8");
    return {
      port,
      url,
      token,
      memory: () => Number(/RssAnon:\s+(\d+)/.exec(status())?.[1]) / 1_024,
      async stop() {
        child.kill("SIGTERM");
        await ended;
        rmSync(data, { recursive: true, force: true });
      },
    };
  }
  throw new Error("the dev server ended before it was ready");
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      requests: { type: "string", default: "50000" },
      seed: { type: "string", default: "1" },
      from: { type: "string", default: "0" },
      schemathesis: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [seed, from, requests] = [whole(values.seed), whole(values.from), whole(values.requests)];
  const server = await startServer();
  try {
    if (values.schemathesis) return await runSchemathesis(server, positionals);
    return await fuzz(server, seed, from, requests);
  } finally {
    await server.stop();
  }
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`a whole number is wanted, not ${text}`);
  return Number(text);
}

async function fuzz(server: DevServer, seed: number, from: number, requests: number): Promise<number> {
  const targets = [serverTarget(server.port, server.token), lambdaTarget(new TestDeployment(examples))];
  const memory: number[] = [];
  let told = 0;
  const findings = await runCampaign({
    seed,
    from,
    requests,
    targets,
    progress: async (done, found) => {
      memory.push(server.memory());
      for (; told < found.length; told++) tell(seed, found[told] as Finding);
      console.log(`${done} of ${requests} requests, ${found.length} findings, ${memory.at(-1)?.toFixed(0)} MB`);
    },
  });
  const grown = Math.max(...memory) - (memory[Math.floor(memory.length / 10)] ?? 0);
  const leak = memory.length >= 20 && grown > MOST_GROWTH_MB;
  if (leak) console.log(`the server's memory grew by ${grown.toFixed(0)} MB`);
  for (const target of targets) target.close();
  console.log(`${requests} requests, seed ${seed}: ${findings.length + (leak ? 1 : 0)} findings`);
  return findings.length > 0 || leak ? 1 : 0;
}
function tell(seed: number, { index, target, request, fault }: Finding): void {
  console.log(`\n${target}: ${fault}\n  ${request}\n  npm run fuzz -- --seed ${seed} --from ${index} --requests 1`);
}

process.exitCode = await main();
