import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../../cli/repository.ts";
import type { CaseRequest, FromCase, ToCase } from "./case.ts";
import { TreeMeter } from "./process-tree.ts";
import type { Line } from "./report.ts";

/** JavaScript, a file for each source, since tsx would be measured as well. */
const MAIN = join(REPOSITORY, "dist-bench/test/bench/case-main.js");
interface Running {
  readonly child: ChildProcess;
  readonly folder: string;
}
const running = new Set<Running>();
/** Seconds until a case that does not end is killed. */
const MOST_SECONDS = 3_600;

/**
 * Runs a case in a process group and a folder of its own, and removes both afterwards. Returns the lines of the case,
 * and throws what it threw.
 */
export async function runCase(request: Omit<CaseRequest, "folder">): Promise<readonly Line[]> {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-bench-"));
  const child = fork(MAIN, [JSON.stringify({ ...request, folder })], {
    execArgv: [],
    // Text that a case prints is no result.
    stdio: ["ignore", 2, 2, "ipc"],
    detached: true,
    cwd: folder,
    env: { ...process.env, FANFOLD_BENCH_FOLDER: folder },
  });
  const entry = { child, folder };
  running.add(entry);
  try {
    return await linesOf(child);
  } finally {
    remove(entry);
  }
}
/** Kills all cases synchronously, as the last resort, for `exit` handlers. */
export function removeAll(): void {
  for (const entry of running) remove(entry);
}
function remove(entry: Running): void {
  running.delete(entry);
  try {
    process.kill(-(entry.child.pid as number), "SIGKILL");
  } catch {
    // The group has already ended.
  }
  // A process that was just killed may still write.
  rmSync(entry.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

function linesOf(child: ChildProcess): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const tell = (message: ToCase): void => void child.send(message);
  let meter: TreeMeter | undefined;
  let late: NodeJS.Timeout | undefined;
  return new Promise<readonly Line[]>((resolve, reject) => {
    late = setTimeout(() => reject(new Error(`not through after ${MOST_SECONDS} s`)), MOST_SECONDS * 1_000);
    child.on("message", (message) => {
      const said = message as FromCase;
      if (said.kind === "line") lines.push(said.line);
      else if (said.kind === "begin") {
        meter = new TreeMeter(child.pid as number);
        tell({ kind: "watching" });
      } else if (said.kind === "end") {
        if (meter !== undefined) tell({ kind: "usage", usage: meter.stop() });
        meter = undefined;
      } else if (said.kind === "done") resolve(lines);
      else reject(new Error(said.message));
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      meter?.stop();
      reject(new Error(`the process of the benchmark ended with ${signal ?? code}`));
    });
  }).finally(() => clearTimeout(late));
}
