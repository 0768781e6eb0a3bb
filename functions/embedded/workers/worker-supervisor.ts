import { setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../../core/errors.ts";
import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import type { Engine } from "../../engine/contract.ts";
import type { Claim } from "../../engine/worker-loop.ts";
import type { LeaseKeeper, LostClaim } from "../../host/lease-keeper.ts";
import { type Log, messageOf } from "../../host/log.ts";
import type { MessageSource } from "../../host/message-source.ts";
import { TIMING } from "../settings.ts";
import { endNow } from "./open-permit.ts";
import type { FromWorker, WorkerAssignment, WorkerReport } from "./process-link.ts";
import { type WorkerEnd, WorkerProcess } from "./worker-process.ts";

export interface SupervisorOptions {
  readonly workers: number;
  /** Settings of every worker, without the holder, which is new with each process. */
  readonly assignment: Omit<WorkerAssignment, "holder">;
  /** Number of this start, which makes holders unique among the starts of this folder. */
  readonly epoch: number;
  readonly engine: Pick<Engine, "endLeases">;
  readonly source: Pick<MessageSource, "releaseHeldBy">;
  readonly keeper: LeaseKeeper;
  readonly log: Log;
  /** Returns when the worker has opened the database. No process commits meanwhile. */
  readonly permitOpening: (worker: WorkerProcess) => void;
  /** Called when a worker sent messages to the engine's queue. */
  readonly onControl: () => void;
  /** Called when a write of a worker failed, because the disk takes none. */
  readonly onUnwritable: (problem: FanfoldError) => void;
}
export interface WorkerStats {
  readonly pid: number | undefined;
  readonly holder: string;
  readonly ready: boolean;
  readonly runs: number;
  readonly restarts: number;
}
/** One of the configured number of workers. Its process is replaced when it dies. */
interface Replica {
  readonly number: number;
  worker: WorkerProcess | undefined;
  restarts: number;
  /** Number of processes in a row that did not live long. */
  earlyEnds: number;
}

/**
 * Starts the worker processes, tracks their leases and wakes them. When a worker dies, its leases end and its messages
 * become visible at once, and a new process replaces it.
 *
 * A worker is killed only when it does not become ready in time, or does not answer although it is past the deadline of
 * a run or holds none.
 *
 * States of a replica: running -> cleaning up (its process died) -> delayed (after early ends) -> running; stopped from
 * any.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #replicas: readonly Replica[];
  readonly #checking: NodeJS.Timeout;
  /** Replacements under way. */
  readonly #pending = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #onExit = (): void => endNow(this.#replicas.flatMap(({ worker }) => worker?.pid ?? []));
  #forks = 0;
  #writable = true;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#replicas = Array.from({ length: options.workers }, (_, number) => ({
      number,
      worker: undefined,
      restarts: 0,
      earlyEnds: 0,
    }));
    for (const replica of this.#replicas) this.#startWorker(replica);
    this.#checking = setInterval(() => this.#check(), TIMING.checkWorkersMs);
    process.on("exit", this.#onExit);
  }
  get workers(): readonly WorkerStats[] {
    return this.#replicas.map(({ worker, restarts }) => ({
      pid: worker?.pid,
      holder: worker?.holder ?? "",
      ready: worker?.readyAt !== undefined,
      runs: worker ? this.#options.keeper.size(worker.holder) : 0,
      restarts,
    }));
  }
  /** Wakes the workers for new messages on these queues, except the sender, which has noticed them itself. */
  wake(queues: readonly string[], sender?: WorkerProcess): void {
    if (queues.includes(ENGINE_QUEUE)) this.#options.onControl();
    if (queues.every((queue) => queue === ENGINE_QUEUE)) return;
    for (const { worker } of this.#replicas) if (worker && worker !== sender) worker.wake(queues);
  }
  /** Lets all workers know whether the disk takes writes. */
  setWritable(writable: boolean): void {
    this.#writable = writable;
    for (const { worker } of this.#replicas) worker?.send({ kind: "disk", writable });
  }
  abort(holder: string, runs: readonly LostClaim[]): void {
    const worker = this.#replicas.find((replica) => replica.worker?.holder === holder)?.worker;
    worker?.send({
      kind: "abort",
      runs: runs.map(({ claim, outcome }) => ({ token: claim.token, runId: claim.runId, reason: outcome })),
    });
  }
  /**
   * Lets workers finish their runs for `graceSeconds`. Then they end without committing the rest, and a worker that
   * does not end is killed.
   */
  async stop(graceSeconds: number): Promise<void> {
    this.#stop.abort();
    clearInterval(this.#checking);
    await Promise.all(
      this.#replicas.map(({ worker }) => (worker ? this.#stopWorker(worker, graceSeconds) : Promise.resolve())),
    );
    await Promise.all(this.#pending);
    process.off("exit", this.#onExit);
  }

  #startWorker(replica: Replica): void {
    const holder = `${this.#options.epoch}.${replica.number}.${this.#forks++}`;
    const worker = new WorkerProcess({ ...this.#options.assignment, holder }, (from, message) =>
      this.#read(from, message),
    );
    replica.worker = worker;
    this.#track(worker.ended.then((end) => this.#replace(replica, worker, end)));
  }
  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }
  #read(worker: WorkerProcess, message: FromWorker): void {
    if (message.kind === "opening") this.#options.permitOpening(worker);
    else if (message.kind === "ready") {
      worker.readyAt = performance.now();
      if (!this.#writable) worker.send({ kind: "disk", writable: false });
    } else if (message.kind === "unwritable") this.#options.onUnwritable(problemOf(message));
    else if (message.kind === "log")
      this.#options.log(message.level, message.message, { worker: worker.pid ?? 0, ...message.fields });
    else if (message.kind === "report") this.#apply(worker, message);
  }
  #apply(worker: WorkerProcess, report: WorkerReport): void {
    this.#options.keeper.track(worker.holder, report.held);
    this.#options.keeper.untrack(report.released);
    if (report.sent.length > 0) this.wake(report.sent, worker);
    if (report.idle) worker.sleep();
  }

  async #replace(replica: Replica, worker: WorkerProcess, end: WorkerEnd): Promise<void> {
    replica.worker = undefined;
    if (this.#stop.signal.aborted) return;
    const claims = this.#options.keeper.dropHolder(worker.holder);
    const settled = worker.readyAt !== undefined && performance.now() - worker.readyAt >= TIMING.settledMs;
    replica.earlyEnds = settled ? 0 : replica.earlyEnds + 1;
    const delayMs =
      replica.earlyEnds < 2
        ? 0
        : Math.min(TIMING.longestRestartMs, TIMING.firstRestartMs * 2 ** (replica.earlyEnds - 2));
    const started = worker.readyAt !== undefined;
    this.#options.log("error", started ? "a worker process died" : "a worker process died while it started", {
      pid: worker.pid ?? 0,
      code: end.code,
      signal: end.signal,
      runs: claims.map((claim) => `${claim.runId} (${claim.task})`).slice(0, 10),
      restartInMs: delayMs,
    });
    await this.#giveBack(worker.holder, claims);
    await pause(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    if (this.#stop.signal.aborted) return;
    replica.restarts++;
    this.#startWorker(replica);
  }
  /** Ends leases first. A message that becomes visible before they end would meet a live lease and be postponed. */
  async #giveBack(holder: string, claims: readonly Claim[]): Promise<void> {
    try {
      if (claims.length > 0) await this.#options.engine.endLeases(claims);
    } catch (error) {
      this.#options.log("warn", "leases of a dead worker could not be ended; they end by time", {
        claims: claims.length,
        cause: messageOf(error),
      });
    }
    try {
      await this.#options.source.releaseHeldBy(holder);
    } catch (error) {
      this.#options.log(
        "error",
        "messages of a dead worker could not be given back; the sweeper will send their runs again",
        { cause: messageOf(error) },
      );
    }
    for (const { worker } of this.#replicas) worker?.wake([]);
  }

  #check(): void {
    for (const { worker } of this.#replicas) if (worker) this.#checkOne(worker);
  }
  /** A worker may block until the deadlines of the runs it holds. After that, or when it holds none, it must answer. */
  #checkOne(worker: WorkerProcess): void {
    const now = performance.now();
    if (worker.readyAt === undefined) {
      if (now - worker.startedAt > TIMING.startMs) this.#kill(worker, "it did not start");
      return;
    }
    const { keeper } = this.#options;
    const overdue = keeper.isOverdue(worker.holder, Date.now() - TIMING.deadlineGraceMs);
    const mayBlock = !overdue && keeper.size(worker.holder) > 0;
    const silent = now - worker.heardAt > TIMING.silenceMs;
    if (worker.unanswered > 0 && worker.heardAt > worker.askedAt) worker.unanswered = 0;
    if (mayBlock || !(overdue || silent)) worker.unanswered = 0;
    else if (worker.unanswered >= TIMING.unansweredChecks)
      this.#kill(worker, overdue ? "a run is past its deadline and the process does not answer" : "it does not answer");
    else worker.ask();
  }
  #kill(worker: WorkerProcess, why: string): void {
    this.#options.log("warn", `a worker process is killed: ${why}`, { pid: worker.pid ?? 0 });
    worker.kill();
  }
  async #stopWorker(worker: WorkerProcess, graceSeconds: number): Promise<void> {
    worker.send({ kind: "stop", graceSeconds });
    const timer = setTimeout(() => worker.kill(), graceSeconds * 1_000 + TIMING.stopMarginMs);
    await worker.ended;
    clearTimeout(timer);
  }
}
function problemOf({ code, message, details }: Extract<FromWorker, { kind: "unwritable" }>): FanfoldError {
  return new FanfoldError(code, message, { details, retryable: true });
}
