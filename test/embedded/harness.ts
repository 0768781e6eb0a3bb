import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import type { JsonObject } from "../../functions/core/json.ts";
import { workerArguments } from "../../functions/embedded/machine/node-arguments.ts";
import { type Runtime, type RuntimeOptions, startRuntime } from "../../functions/embedded/runtime.ts";
import type { JobView } from "../../functions/engine/contract.ts";
import type { CanvasBuilder } from "../../functions/sdk/index.ts";
import { until } from "./until.ts";

/** Makes folders, runtimes and processes for the runtime's tests. None outlives its test. */
const tasksModule = fileURLToPath(new URL("./fixtures/tasks.ts", import.meta.url));
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: JsonObject;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});
export function atEnd(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-runtime-"));
  cleanups.push(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
export async function startTestRuntime(
  options: Partial<RuntimeOptions> = {},
): Promise<{ runtime: Runtime; log: LogLine[] }> {
  const log: LogLine[] = [];
  const runtime = await startRuntime({
    dataFolder: newFolder(),
    tasksModule,
    workers: 2,
    log: (level, message, fields = {}) => log.push({ level, message, fields }),
    ...options,
  });
  cleanups.push(() => runtime.stop({ graceSeconds: 0 }));
  return { runtime, log };
}
interface ProcessOptions {
  readonly execArgv?: readonly string[];
  readonly env?: { readonly [name: string]: string };
}
/** Starts a runtime in a process group of its own, which can be killed as a whole. */
export async function startRuntimeProcess(
  dataFolder: string,
  { execArgv = [], env = {} }: ProcessOptions = {},
): Promise<{ child: ChildProcess; kill(): Promise<void> }> {
  const main = new URL("./fixtures/runtime-main.ts", import.meta.url);
  const child = fork(fileURLToPath(main), [dataFolder, tasksModule], {
    execArgv: [...workerArguments(import.meta.url, []), ...execArgv],
    env: { ...process.env, ...env },
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const kill = async (): Promise<void> => {
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch {
      // No process is left in the group.
    }
    await ended;
  };
  cleanups.push(kill);
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (code) => reject(new Error(`the runtime's process ended with ${code}`)));
  });
  return { child, kill };
}

export async function submit(runtime: Runtime, canvas: CanvasBuilder): Promise<string> {
  return (await runtime.engine.submit({ canvas: canvas.canvas })).jobId;
}
export async function ended(runtime: Runtime, jobId: string, milliseconds = 25_000): Promise<JobView> {
  let job: JobView | undefined;
  await until(
    `job ${jobId} ends`,
    async () => (job = await runtime.engine.job(jobId))?.endedAt !== undefined,
    milliseconds,
  );
  return job as JobView;
}
export async function run(runtime: Runtime, canvas: CanvasBuilder): Promise<JobView> {
  return ended(runtime, await submit(runtime, canvas));
}
export function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
}
/** Returns the pids of the worker processes on this data folder. */
export function workersOf(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandOf(pid).includes(folder) && commandOf(pid).includes("worker-main"))
    .map(Number);
}
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
