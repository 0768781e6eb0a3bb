import type { ErrorCode } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { countHeld } from "../../engine/execute/heartbeat.ts";
import type { HeldRuns } from "../../engine/worker-loop.ts";
import type { LeaseTracker } from "../../host/run-holder.ts";
import type { Log, LogLevel } from "../../host/log.ts";
import type { Durability } from "../lmdb/commit-gatherer.ts";
import type { Activity } from "../engine-host.ts";
import type { Terms } from "../loop/message-loop.ts";
import type { Counted } from "../process-counts.ts";
import type { QueueThreads } from "../queue-shares.ts";
import type { SharedConfig } from "../settings.ts";

/** File descriptor by which the thread of a worker process reports to the parent (watch-thread.ts). */
export const REPORTS = 4;
/**
 * When a worker process is replaced by a new one, between runs: user code may leak memory, handles or temporary files.
 */
export interface Recycling {
  /** Runs that a process begins before it is replaced. Default: any number. */
  readonly runs?: number;
  /** Resident memory in MB above which a process is replaced when a run has ended. Default: any size. */
  readonly memoryMb?: number;
}
/** Settings that a worker process receives as one argument when it is forked. */
export interface WorkerAssignment {
  /** Pid of the process that forks. */
  readonly parentPid: number;
  readonly dataFolder: string;
  readonly tasksModule: string;
  /** Name of this incarnation of the worker. It is never used twice, so messages can be given back by holder. */
  readonly holder: string;
  readonly slots: number;
  readonly queues?: QueueThreads;
  readonly recycle?: Recycling;
  /** Names that `ctx.secret` may ask for. Absent: any variable of the environment. */
  readonly secrets?: readonly string[];
  /** How far the parent's clock is ahead of the monotonic one (steady-clock.ts). */
  readonly aheadMs: number;
  readonly durability: Durability;
  readonly engine: SharedConfig;
  /** Whether it tells of each end of a job, each failure of a run, and each line of a log. */
  readonly tells?: true;
}
/** Changes in a worker since its last report. One report per turn of its event loop covers any number of runs. */
export interface WorkerReport {
  readonly kind: "report";
  readonly held: readonly HeldRuns[];
  /** Tokens of released runs. */
  readonly released: readonly string[];
  /** Queues that the worker sent messages to. */
  readonly sent: readonly string[];
  /** Whether the worker found no more messages and sleeps. */
  readonly idle: boolean;
  /** Whether a run has the worker for itself, or waits for that. Absent when that has not changed. */
  readonly reserved?: boolean;
}
export type FromWorker =
  | WorkerReport
  /** The worker asks for its permit to open the database. */
  | { readonly kind: "opening" }
  | { readonly kind: "ready" }
  | { readonly kind: "activity"; readonly activity: Activity }
  /** The process has reached a limit of its recycling. */
  | { readonly kind: "worn"; readonly why: string }
  /** A write failed, because the disk takes none. */
  | { readonly kind: "unwritable"; readonly code: ErrorCode; readonly message: string; readonly details: JsonObject }
  /** Whether runs of a task are quick there. It is sent when that becomes known or changes. */
  | { readonly kind: "taskSpeed"; readonly task: string; readonly quick: boolean }
  /** What the worker has counted since it said so last. */
  | ({ readonly kind: "counted" } & Counted)
  /** The worker goes on after this number of stalls, and waits for `settled`. */
  | { readonly kind: "resumed"; readonly stalls: number }
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string; readonly fields?: JsonObject };
export type ToWorker =
  /** There are new messages on these queues. */
  | { readonly kind: "wake"; readonly queues: readonly string[] }
  | {
      readonly kind: "abort";
      readonly runs: readonly {
        readonly token: string;
        readonly runId: string;
        readonly reason: "lost" | "cancelled";
      }[];
    }
  /** Whether the disk takes writes. While it does not, no run starts. */
  | { readonly kind: "disk"; readonly writable: boolean }
  /** The worker receives messages on these terms from now on, or none any more. */
  | { readonly kind: "serve"; readonly terms: Terms }
  | { readonly kind: "rest" }
  /** All that had to be given back after this number of stalls has been. */
  | { readonly kind: "settled"; readonly stalls: number }
  | { readonly kind: "stop"; readonly graceSeconds: number };

/**
 * The worker's end of the link. Reports are gathered over a turn of the event loop. A failed write needs no care,
 * because then the parent has ended and this process will end too.
 */
export class ParentLink implements LeaseTracker {
  #held: HeldRuns[] = [];
  #released: string[] = [];
  readonly #sent = new Set<string>();
  #idle = false;
  #reserved: boolean | undefined;
  #begun = 0;
  #worn = false;
  readonly #recycle: Recycling;
  readonly #unsettled: { readonly stalls: number; readonly resolve: () => void }[] = [];
  settledStalls = 0;
  #scheduled = false;
  #written: Promise<void> = Promise.resolve();

  constructor(recycle: Recycling = {}) {
    this.#recycle = recycle;
  }
  track(runs: HeldRuns): void {
    this.#held.push(runs);
    this.#begun += countHeld(runs);
    void this.notified();
  }
  untrack(token: string): void {
    this.#held = this.#held.filter((runs) => runs.token !== token);
    this.#released.push(token);
    void this.notified();
  }
  sent(queues: Iterable<string>): void {
    for (const queue of queues) this.#sent.add(queue);
    void this.notified();
  }
  idle(): void {
    this.#idle = true;
    void this.notified();
  }
  /** Resolves when the parent has given back what this process could not begin during its stalls. */
  settled(stalls: number): Promise<void> {
    this.send({ kind: "resumed", stalls });
    return new Promise((resolve) => this.#unsettled.push({ stalls, resolve }));
  }
  noteSettled(stalls: number): void {
    this.settledStalls = Math.max(this.settledStalls, stalls);
    for (const waiting of this.#unsettled.splice(0)) {
      if (waiting.stalls <= stalls) waiting.resolve();
      else this.#unsettled.push(waiting);
    }
  }
  reserved(reserved: boolean): void {
    this.#reserved = reserved;
    void this.notified();
  }
  /**
   * Resolves when the kernel has all reports so far. The parent will read them even if this process then blocks or
   * ends.
   */
  notified(): Promise<void> {
    if (!this.#scheduled && this.#pending()) {
      this.#scheduled = true;
      this.#written = new Promise((resolve) => setImmediate(() => this.#flush(resolve)));
    }
    return this.#written;
  }
  /** Resolves when the kernel has the counts. */
  async counted(counted: Counted | undefined): Promise<void> {
    if (counted && process.connected)
      await new Promise<void>((resolve) => this.send({ kind: "counted", ...counted }, resolve));
  }
  readonly log: Log = (level, message, fields) =>
    this.send({ kind: "log", level, message, ...(fields !== undefined && { fields }) });
  send(message: FromWorker, written?: () => void): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => written?.());
  }

  #pending(): boolean {
    return (
      this.#held.length > 0 ||
      this.#released.length > 0 ||
      this.#sent.size > 0 ||
      this.#idle ||
      this.#reserved !== undefined
    );
  }
  /** Returns why the process should be replaced, if it should. */
  #wear(): string | undefined {
    const { runs = Number.POSITIVE_INFINITY, memoryMb } = this.#recycle;
    if (this.#begun >= runs) return `it has begun ${this.#begun} runs`;
    if (memoryMb === undefined) return undefined;
    const resident = Math.round(process.memoryUsage.rss() / 2 ** 20);
    return resident > memoryMb ? `it takes ${resident} MB of memory` : undefined;
  }
  #flush(resolve: () => void): void {
    this.#scheduled = false;
    const worn = this.#worn || this.#released.length === 0 ? undefined : this.#wear();
    const report: WorkerReport = {
      kind: "report",
      held: this.#held,
      released: this.#released,
      sent: [...this.#sent],
      idle: this.#idle,
      ...(this.#reserved !== undefined && { reserved: this.#reserved }),
    };
    this.#reserved = undefined;
    this.#held = [];
    this.#released = [];
    this.#sent.clear();
    this.#idle = false;
    this.send(report, resolve);
    if (worn === undefined) return;
    this.#worn = true;
    this.send({ kind: "worn", why: worn });
  }
}
