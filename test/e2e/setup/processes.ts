import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { Stop } from "./report.ts";

/** Leaders of the process groups that this run has started and that may still be alive. */
const groups = new Map<ChildProcess, string>();
let ending = false;
const STOP_GRACE_MS = 8_000;

export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The file that receives the process's output. Absent when the output goes to this process's own. */
  readonly log?: string;
}

/** Starts a process as the leader of its own group, so that its children can be ended with it. */
export function launch({ name, command, args, cwd, env = process.env, log }: Launch): ChildProcess {
  if (ending) throw new Stop(`interrupted before ${name}`);
  const output = log === undefined ? "inherit" : openSync(log, "w");
  try {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", output, output] });
    groups.set(child, name);
    return child;
  } finally {
    if (typeof output === "number") closeSync(output);
  }
}

/**
 * Resolves with the exit code, or with 128 after a signal. Kills the process group and throws after `timeoutSeconds`.
 */
export async function finish(child: ChildProcess, timeoutSeconds: number): Promise<number> {
  const name = groups.get(child) ?? "process";
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    signal(child, "SIGKILL");
  }, timeoutSeconds * 1_000);
  try {
    const code = await exitOf(child);
    if (late) throw new Stop(`${name} took longer than ${timeoutSeconds} s and was killed`);
    return code;
  } finally {
    clearTimeout(timer);
    // Children that the process leaves behind are in its group.
    signal(child, "SIGKILL");
    groups.delete(child);
  }
}

/** Runs a program to its end. Throws with the last lines of its log unless it exits with 0. */
export async function run(what: Launch & { readonly log: string }, timeoutSeconds: number): Promise<void> {
  const code = await finish(launch(what), timeoutSeconds).catch((error: unknown) => {
    throw new Stop(
      `${error instanceof Error ? error.message : String(error)}\n${tail(what.log)}\n(all of it: ${what.log})`,
      { cause: error },
    );
  });
  if (code !== 0) throw new Stop(`${what.name} failed (exit ${code}):\n${tail(what.log)}\n(all of it: ${what.log})`);
}

/**
 * Ends every process that is still alive, first with a request and then with a kill. No process can be started
 * afterwards.
 */
export async function endAll(): Promise<void> {
  ending = true;
  const alive = [...groups.keys()].filter((child) => child.exitCode === null && child.signalCode === null);
  for (const child of alive) signal(child, "SIGTERM");
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise((resolve) => (timer = setTimeout(resolve, STOP_GRACE_MS)));
  await Promise.race([Promise.all(alive.map(exitOf)), grace]);
  clearTimeout(timer);
  killAll();
}
/** Kills all groups synchronously, as the last resort of `exit` handlers. */
export function killAll(): void {
  for (const child of groups.keys()) signal(child, "SIGKILL");
}

export function tail(log: string, lines = 40): string {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
}

function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? 128);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => resolve(code ?? 128));
    child.once("error", reject);
  });
}
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The group has ended already.
  }
}
