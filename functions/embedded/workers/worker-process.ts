import { type ChildProcess, fork } from "node:child_process";
import type { Readable } from "node:stream";
import type { Terms } from "../loop/message-loop.ts";
import { entryPath } from "../../host/own-files.ts";
import { workerArguments } from "../machine/node-arguments.ts";
import type { Stall, WatchLine } from "../machine/watch-thread.ts";
import { type FromWorker, REPORTS, type ToWorker, type WorkerAssignment } from "./process-link.ts";

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}
const MAIN = entryPath("functions/embedded/workers/worker-main");
/**
 * Time in which the pipe of a dead process is read. It is limited since a grandchild could keep the inherited pipe
 * open.
 */
const DRAIN_MS = 1_000;

/**
 * One worker process, from fork to end, as its parent sees it.
 *
 * States: starting -> resting <-> serving (busy <-> idle) -> ended; killed from any. A wake while it is busy is kept,
 * because the worker may have read its queues before the messages came. It is sent when the worker becomes idle.
 *
 * A process that rests or serves may be `blocked`, and one that serves may be `reserved`. Neither starts other runs.
 */
export class WorkerProcess {
  readonly holder: string;
  readonly startedAt = performance.now();
  readyAt: number | undefined;
  /** Undefined while it rests. */
  terms: Terms | undefined;
  /** Set while its main thread is blocked. */
  stall: Stall | undefined;
  /** The task whose code stalls it, and since when. */
  stalledBy: { readonly task: string; readonly since: number } | undefined;
  stalls = 0;
  /** Set when it has gone on after this number of stalls, and waits until they are settled. */
  resumedAfter: number | undefined;
  /** Work that its stalls have made, done or under way. */
  settling: Promise<void> = Promise.resolve();
  reserved = false;
  /** Set when it has reached a limit of its recycling. */
  worn = false;
  /** Checks in a row in which it was blocked without holding a run. */
  blockedChecks = 0;
  /** Checks in a row in which its thread gave no sign of life. */
  silentChecks = 0;
  #idle = false;
  #missedWake = false;
  readonly ended: Promise<WorkerEnd>;
  readonly #child: ChildProcess;

  constructor(
    assignment: WorkerAssignment,
    onMessage: (worker: WorkerProcess, message: FromWorker) => void,
    onStall: (worker: WorkerProcess) => void,
  ) {
    this.holder = assignment.holder;
    // The output of tasks goes to stderr, since stdout belongs to the command that embeds the runtime.
    this.#child = fork(MAIN, [JSON.stringify(assignment)], {
      execArgv: workerArguments(import.meta.url, process.execArgv),
      stdio: ["ignore", 2, 2, "ipc", "pipe"],
    });
    this.#child.on("message", (message) => onMessage(this, message as FromWorker));
    this.#readReports(this.#child.stdio[REPORTS] as Readable, onStall);
    // A write to a dying child fails, and its end is noticed anyway.
    this.#child.on("error", () => undefined);
    this.ended = endOf(this.#child);
  }
  get pid(): number | undefined {
    return this.#child.pid;
  }
  /** Whether it can start a run now. */
  get helps(): boolean {
    return this.terms !== undefined && this.stall === undefined && !this.reserved;
  }
  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
  serve(terms: Terms): void {
    this.terms = terms;
    this.#idle = false;
    this.send({ kind: "serve", terms });
  }
  rest(): void {
    this.terms = undefined;
    this.send({ kind: "rest" });
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
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #readReports(pipe: Readable, onStall: (worker: WorkerProcess) => void): void {
    let text = "";
    pipe.on("error", () => undefined);
    pipe.setEncoding("utf8").on("data", (data: string) => {
      this.silentChecks = 0;
      const lines = (text + data).split("\n");
      text = lines.pop() as string;
      for (const line of lines) {
        const report = JSON.parse(line) as WatchLine | null;
        if (!report || (report.stalls === this.stalls && (report.stall !== undefined) === (this.stall !== undefined)))
          continue;
        this.stall = report.stall;
        this.stalls = report.stalls;
        onStall(this);
      }
    });
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
