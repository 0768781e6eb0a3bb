import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { FanfoldError } from "../../core/errors.ts";
import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import type { Engine } from "../../engine/contract.ts";
import { claimsOf } from "../../engine/execute/heartbeat.ts";
import type { HeldRuns, HolderEnd } from "../../engine/worker-loop.ts";
import type { LeaseKeeper, LostClaim } from "../../host/lease-keeper.ts";
import { type Log, messageOf } from "../../host/log.ts";
import type { MessageSource } from "../../host/message-source.ts";
import type { Activity } from "../engine-host.ts";
import type { SteadyClock } from "../machine/steady-clock.ts";
import type { Stall } from "../machine/watch-thread.ts";
import type { Counted } from "../process-counts.ts";
import { TIMING } from "../settings.ts";
import { endNow } from "./open-permit.ts";
import type { FromWorker, WorkerAssignment, WorkerReport } from "./process-link.ts";
import { holderEnd, judge, type Verdict } from "./verdict.ts";
import { WorkerPool } from "./worker-pool.ts";
import { type WorkerEnd, WorkerProcess } from "./worker-process.ts";

export interface SupervisorOptions {
  readonly workers: number;
  /** How many of them start at once. The others follow when work takes long, or a process can start none. Default: all. */
  readonly firstWorkers?: number | undefined;
  /** Settings of every worker, without what is new with each process. */
  readonly assignment: Omit<WorkerAssignment, "holder" | "aheadMs">;
  /** Number of this start, which makes holders unique among the starts of this folder. */
  readonly epoch: number;
  readonly engine: Pick<Engine, "endHolder" | "noteTaskSpeed">;
  readonly source: Pick<MessageSource, "heldBy" | "releaseHeldBy">;
  readonly keeper: LeaseKeeper;
  readonly clock: SteadyClock;
  readonly log: Log;
  /** Returns when the worker has opened the database. No process commits meanwhile. */
  readonly permitOpening: (worker: WorkerProcess) => void;
  /** Called when a worker sent messages to the engine's queue. */
  readonly onControl: () => void;
  readonly onActivity?: ((activity: Activity) => void) | undefined;
  /** Called when a write of a worker failed, because the disk takes none. */
  readonly onUnwritable: (problem: FanfoldError) => void;
  readonly onCounted: (counted: Counted) => void;
}
export interface WorkerStats {
  readonly pid: number | undefined;
  readonly holder: string;
  readonly ready: boolean;
  readonly runs: number;
  readonly restarts: number;
}

/**
 * Starts the worker processes, tracks their leases and wakes them. When a worker dies, its leases end and its messages
 * become visible at once, and a spare takes its place (worker-pool.ts).
 *
 * A blocked worker keeps its runs, and what it has not begun is given back. It is killed when one of its runs is past its
 * deadline, or when it holds none. A worker is also killed when it does not become ready in time.
 *
 * Processes that end before a run could be to blame are started again after growing pauses. A run that ends its process
 * delays only itself.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #pool: WorkerPool;
  readonly #checking: NodeJS.Timeout;
  /** Work for processes that have ended. */
  readonly #pending = new Set<Promise<void>>();
  readonly #verdicts = new WeakMap<WorkerProcess, Verdict>();
  readonly #retired = new WeakSet<WorkerProcess>();
  readonly #stop = new AbortController();
  readonly #onExit = (): void => endNow(this.#pool.all.flatMap(({ pid }) => pid ?? []));
  #forks = 0;
  #writable = true;
  /** Processes in a row that ended by themselves, without a run to blame. */
  #earlyEnds = 0;
  /** Pauses before the next start that are under way. */
  #pauses = 0;
  #kept = false;
  #growing: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pool = new WorkerPool(
      options.workers,
      () => this.#startWorker(),
      (worker) => this.#retireWorker(worker),
      options.firstWorkers,
    );
    this.#arrange();
    this.#checking = setInterval(() => this.#check(), TIMING.checkWorkersMs);
    process.on("exit", this.#onExit);
  }
  get workers(): readonly WorkerStats[] {
    return this.#pool.seats.map(({ worker, processes }) => ({
      pid: worker?.pid,
      holder: worker?.holder ?? "",
      ready: worker?.readyAt !== undefined || this.#pool.renewing,
      runs: worker ? this.#options.keeper.size(worker.holder) : 0,
      restarts: Math.max(0, processes - 1),
    }));
  }
  /** Wakes the workers for new messages on these queues, except the sender, which has noticed them itself. */
  wake(queues: readonly string[], sender?: WorkerProcess): void {
    if (queues.includes(ENGINE_QUEUE)) this.#options.onControl();
    if (queues.every((queue) => queue === ENGINE_QUEUE)) return;
    for (const worker of this.#pool.all) if (worker.terms && worker !== sender) worker.wake(queues);
  }
  /** Lets all workers know whether the disk takes writes. */
  setWritable(writable: boolean): void {
    this.#writable = writable;
    for (const worker of this.#pool.all) worker.send({ kind: "disk", writable });
  }
  /** Replaces every process by a new one. Runs end where they began. */
  renew(): void {
    this.#kept = false;
    this.#pool.renew();
    this.#arrange();
  }
  /** Starts no process until the next renewal, since it could not load the tasks. */
  keep(): void {
    this.#kept = true;
  }
  abort(holder: string, runs: readonly LostClaim[]): void {
    const worker = this.#pool.all.find((each) => each.holder === holder);
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
    clearTimeout(this.#growing);
    await Promise.all(this.#pool.all.map((worker) => this.#stopWorker(worker, graceSeconds)));
    await Promise.all(this.#pending);
    process.off("exit", this.#onExit);
  }

  #arrange(): void {
    if (this.#stop.signal.aborted) return;
    // Until a start has succeeded, one process at a time shows whether the next one can.
    this.#pool.arrange(performance.now(), this.#pauses > 0 || this.#kept ? 0 : this.#earlyEnds > 0 ? 1 : undefined);
  }
  #grow(): void {
    this.#pool.grow();
    this.#arrange();
  }
  #startWorker(): WorkerProcess {
    const holder = `${this.#options.epoch}.${this.#forks++}`;
    const worker = new WorkerProcess(
      { ...this.#options.assignment, holder, aheadMs: this.#options.clock.aheadMs },
      (from, message) => this.#read(from, message),
      (stalled) => this.#noteStall(stalled),
    );
    this.#track(worker.ended.then((end) => this.#noteEnd(worker, end)));
    return worker;
  }
  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }
  #read(worker: WorkerProcess, message: FromWorker): void {
    if (message.kind === "opening") this.#options.permitOpening(worker);
    else if (message.kind === "unwritable") this.#options.onUnwritable(problemOf(message));
    else if (message.kind === "log")
      this.#options.log(message.level, message.message, { worker: worker.pid ?? 0, ...message.fields });
    else if (message.kind === "activity") this.#options.onActivity?.(message.activity);
    else if (message.kind === "taskSpeed") this.#options.engine.noteTaskSpeed(message.task, message.quick);
    else if (message.kind === "counted") this.#options.onCounted(message);
    else if (message.kind === "report") this.#apply(worker, message);
    else if (message.kind === "worn") {
      worker.worn = true;
      this.#options.log("info", `a worker process is replaced: ${message.why}`, { pid: worker.pid ?? 0 });
      this.#arrange();
    } else if (message.kind === "resumed") {
      worker.resumedAfter = message.stalls;
      this.#settle(worker);
    } else {
      worker.readyAt = performance.now();
      this.#growing ??= setTimeout(() => this.#grow(), TIMING.growMs);
      if (!this.#writable) worker.send({ kind: "disk", writable: false });
      this.#arrange();
    }
  }
  #apply(worker: WorkerProcess, report: WorkerReport): void {
    this.#options.keeper.track(worker.holder, report.held);
    this.#options.keeper.untrack(report.released);
    if (report.sent.length > 0) this.wake(report.sent, worker);
    if (report.idle) worker.sleep();
    if (report.reserved === undefined) return;
    worker.reserved = report.reserved;
    if (report.reserved) this.#grow();
    else this.#arrange();
  }
  #noteStall(worker: WorkerProcess): void {
    const { stall } = worker;
    this.#rememberLongStall(worker);
    if (stall) {
      const claims = this.#options.keeper.heldBy(worker.holder).flatMap(claimsOf);
      const task = claims.find(({ runId }) => runId === stall.run)?.task;
      worker.stalledBy = task === undefined ? undefined : { task, since: performance.now() };
      worker.settling = this.#returnUnbegun(worker, stall);
      this.#track(worker.settling);
    }
    this.#settle(worker);
    if (stall) this.#grow();
    else this.#arrange();
  }
  /** Called when a stall is over. A process that ended in it would have been stalled for longer. */
  #rememberLongStall(worker: WorkerProcess, hasEnded = false): void {
    const now = performance.now();
    if (worker.stalledBy && (hasEnded || now - worker.stalledBy.since >= TIMING.longStallMs))
      this.#pool.noteBlocking(worker.stalledBy.task, now);
    worker.stalledBy = undefined;
  }
  /** A stalled worker cannot begin what it has received, so that is given back. What has begun stays with it. */
  async #returnUnbegun({ holder }: WorkerProcess, { begun }: Stall): Promise<void> {
    // The report of a hold was written before the stall, but into the other pipe. Both have been read after two turns.
    await turn();
    await turn();
    const held = this.#options.keeper.heldBy(holder);
    const kept = begun ? held.filter(({ token }) => begun.includes(token)) : held;
    const claims = held.filter((runs) => !kept.includes(runs)).flatMap(claimsOf);
    await this.#giveBack(holder, { claims, culprits: [], why: "blocked" }, kept, begun);
  }
  /** Lets a worker go on after its stalls, once nothing is returned any more of what it holds. */
  #settle(worker: WorkerProcess): void {
    const after = worker.resumedAfter;
    if (after === undefined || worker.stalls < after) return;
    worker.resumedAfter = undefined;
    void worker.settling.finally(() => worker.send({ kind: "settled", stalls: after }));
  }

  async #noteEnd(worker: WorkerProcess, { code, signal }: WorkerEnd): Promise<void> {
    this.#rememberLongStall(worker, true);
    this.#pool.remove(worker);
    if (this.#stop.signal.aborted) return;
    const claims = this.#options.keeper.dropHolder(worker.holder);
    const started = worker.readyAt !== undefined;
    const early = worker.readyAt === undefined || performance.now() - worker.readyAt < TIMING.settledMs;
    if (!early || claims.length > 0 || this.#retired.has(worker)) this.#earlyEnds = 0;
    else this.#earlyEnds++;
    const restartInMs =
      this.#earlyEnds < 2 ? 0 : Math.min(TIMING.longestRestartMs, TIMING.firstRestartMs * 2 ** (this.#earlyEnds - 2));
    if (!this.#retired.has(worker))
      this.#options.log("error", started ? "a worker process died" : "a worker process died while it started", {
        pid: worker.pid ?? 0,
        code,
        signal,
        runs: claims.map((claim) => `${claim.runId} (${claim.task})`).slice(0, 10),
        restartInMs,
      });
    if (restartInMs > 0) this.#track(this.#pause(restartInMs));
    this.#arrange();
    await this.#giveBack(worker.holder, holderEnd(claims, this.#verdicts.get(worker), worker.stall?.run));
  }
  async #pause(milliseconds: number): Promise<void> {
    this.#pauses++;
    await pause(milliseconds, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    this.#pauses--;
    this.#arrange();
  }
  /** Ends leases first. A message that becomes visible before they end would meet a live lease and be postponed. */
  async #giveBack(
    holder: string,
    end: HolderEnd,
    kept: readonly HeldRuns[] = [],
    begun: readonly string[] = [],
  ): Promise<void> {
    const { engine, source, keeper } = this.#options;
    const deliveries = new Set(kept.flatMap(({ delivery }) => delivery ?? []));
    try {
      const messages = await source.heldBy(holder, deliveries);
      const tokens = new Set([...keeper.tokens, ...begun, ...end.claims.map(({ token }) => token)]);
      await engine.endHolder({ ...end, unbegun: { messages, tokens } });
    } catch (error) {
      this.#options.log("warn", "leases of a worker could not be ended; they end by time", {
        claims: end.claims.length,
        cause: messageOf(error),
      });
    }
    try {
      await source.releaseHeldBy(holder, deliveries);
    } catch (error) {
      this.#options.log(
        "error",
        "messages of a worker could not be given back; the sweeper will send their runs again",
        { cause: messageOf(error) },
      );
    }
    this.#wakeAll();
  }
  #wakeAll(): void {
    for (const worker of this.#pool.all) if (worker.terms) worker.wake([]);
  }

  #check(): void {
    for (const worker of this.#pool.all) this.#checkOne(worker);
  }
  #checkOne(worker: WorkerProcess): void {
    if (this.#verdicts.has(worker)) return;
    if (worker.readyAt === undefined) {
      if (performance.now() - worker.startedAt > TIMING.startMs) this.#kill(worker, "it did not start");
      return;
    }
    if (++worker.silentChecks >= TIMING.silentChecks) return this.#kill(worker, "it does not answer");
    const { keeper, clock } = this.#options;
    const held = keeper.heldBy(worker.holder);
    worker.blockedChecks = worker.stall !== undefined && held.length === 0 ? worker.blockedChecks + 1 : 0;
    if (worker.blockedChecks >= TIMING.blockedChecks) return this.#kill(worker, "it is blocked and runs nothing");
    const verdict =
      worker.stall === undefined ? undefined : judge(held, worker.stall.run, clock.now() - TIMING.deadlineGraceMs);
    if (!verdict) return;
    this.#verdicts.set(worker, verdict);
    this.#kill(worker, "a run is past its deadline and the process does not answer");
  }
  #kill(worker: WorkerProcess, why: string): void {
    this.#options.log("warn", `a worker process is killed: ${why}`, { pid: worker.pid ?? 0 });
    worker.kill();
  }
  #retireWorker(worker: WorkerProcess): void {
    if (this.#retired.has(worker)) return;
    this.#retired.add(worker);
    this.#track(this.#stopWorker(worker, TIMING.retireSeconds));
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
