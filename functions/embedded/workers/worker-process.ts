import { type ChildProcess, fork } from "node:child_process";
import { modulePath, workerArguments } from "../machine/node-arguments.ts";
import type { FromWorker, ToWorker, WorkerAssignment } from "./process-link.ts";

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}
const MAIN = modulePath(import.meta.url, "./worker-main");
/**
 * Time in which the pipe of a dead process is read. It is limited since a grandchild could keep the inherited pipe
 * open.
 */
const DRAIN_MS = 1_000;

/**
 * One worker process, from fork to end, as its parent sees it.
 *
 * States: starting -> ready (busy <-> idle) -> ended; killed from any. A wake while it is busy is kept, because the
 * worker may have read its queues before the messages came. It is sent when the worker becomes idle.
 */
export class WorkerProcess {
  readonly holder: string;
  readonly startedAt = performance.now();
  readyAt: number | undefined;
  heardAt = performance.now();
  askedAt = 0;
  /** Number of questions in a row that it has not answered. */
  unanswered = 0;
  #idle = false;
  #missedWake = false;
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;

  constructor(assignment: WorkerAssignment, onMessage: (worker: WorkerProcess, message: FromWorker) => void) {
    this.holder = assignment.holder;
    // The output of tasks goes to stderr, since stdout belongs to the command that embeds the runtime.
    this.#child = fork(MAIN, [JSON.stringify(assignment)], {
      execArgv: workerArguments(import.meta.url, process.execArgv),
      stdio: ["ignore", 2, 2, "ipc"],
    });
    this.#child.on("message", (message) => {
      this.heardAt = performance.now();
      onMessage(this, message as FromWorker);
    });
    // A write to a dying child fails, and its end is noticed anyway.
    this.#child.on("error", () => undefined);
    this.ended = endOf(this.#child);
  }
  get pid(): number | undefined {
    return this.#child.pid;
  }
  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
  wake(queues: readonly string[]): void {
    if (!this.#idle) {
      this.#missedWake = true;
      return;
    }
    this.#idle = false;
    this.send({ kind: "wake", queues });
  }
  /** Notes that the worker found no more messages. */
  sleep(): void {
    this.#idle = true;
    if (!this.#missedWake) return;
    this.#missedWake = false;
    this.wake([]);
  }
  ask(): void {
    if (this.unanswered === 0) this.askedAt = performance.now();
    this.unanswered++;
    this.send({ kind: "ask" });
  }
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Resolves when the process has exited and all its reports were read, since the last one may name a claim. */
async function endOf(child: ChildProcess): Promise<WorkerEnd> {
  const disconnected = new Promise<void>((resolve) => child.once("disconnect", resolve));
  const end = await new Promise<WorkerEnd>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
  });
  if (child.connected)
    await Promise.race([disconnected, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
  return end;
}
