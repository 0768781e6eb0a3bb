import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { Health } from "../api/dependencies.ts";
import { createCalendar } from "../calendar/calendar.ts";
import { FanfoldError } from "../core/errors.ts";
import { ENGINE_QUEUE } from "../core/names/queue-name.ts";
import type { EngineConfig } from "../engine/config.ts";
import type { Engine } from "../engine/contract.ts";
import { PortError, type QueueDepth } from "../engine/ports.ts";
import { LeaseKeeper, type LostClaim } from "../host/lease-keeper.ts";
import { closeFailure, type Log, stderrLog } from "../host/log.ts";
import { type LeaseTracker, RunHolder } from "../host/run-holder.ts";
import { type QueueShares, UNLIMITED } from "../host/slots.ts";
import type { TaskRegistry, Workflows } from "../sdk/index.ts";
import { processPool } from "../sdk/resource-pool.ts";
import type { Exports } from "../sdk/module.ts";
import { prepareFolder, takeFolder } from "./data-folder.ts";
import { DiskWatch, refusingWork } from "./disk-watch.ts";
import { type Activity, type Host, type HostedCode, openHost, taskQueuesOf } from "./engine-host.ts";
import type { Durability } from "./lmdb/commit-gatherer.ts";
import { MessageLoop } from "./loop/message-loop.ts";
import { Repeating } from "./loop/repeating.ts";
import type { FolderLock } from "./machine/folder-lock.ts";
import { HeapTrimmer } from "./machine/heap-trimmer.ts";
import { SteadyClock } from "./machine/steady-clock.ts";
import { metricsText } from "./metrics-text.ts";
import type { Counted } from "./process-counts.ts";
import { queueShares, type QueueThreads } from "./queue-shares.ts";
import {
  CONTROL_MESSAGES,
  DEFAULT_CONCURRENCY,
  EMBEDDED_CONFIG,
  foldersOf,
  permitOf,
  type SharedConfig,
  TIMING,
} from "./settings.ts";
import { type Sweeper, startSweeper } from "./sweeper.ts";
import { permitOpening } from "./workers/open-permit.ts";
import type { Recycling } from "./workers/process-link.ts";
import { withHeld, workersOf } from "./runtime-health.ts";
import { Supervisor, type SupervisorOptions, type WorkerStats } from "./workers/worker-supervisor.ts";

export interface RuntimeOptions {
  /** Folder of all state. It is made when it does not exist, and has one runtime at a time. */
  readonly dataFolder: string;
  /**
   * Path or file URL of a module that exports tasks and workflows, or what such a module exports. Exports cannot be
   * handed to another process, so `workers` is 0 with them.
   */
  readonly tasksModule: string | Exports;
  /**
   * Number of processes that run user code. Default: one per core. With 0 user code runs in this process, for tests and
   * small programs. Code that blocks then delays everything.
   */
  readonly workers?: number;
  /**
   * How many of them start at once. The others follow once those have been ready for a second, or when one of them can
   * start no run. Default: all. A process costs half a second of CPU time, so work that ends soon does with one.
   */
  readonly firstWorkers?: number;
  /** Runs at once per worker. Default 32. */
  readonly concurrency?: number;
  /** Runs at once of one queue, and the weights of queues. Default 10 for each queue, and weight 1. */
  readonly queues?: QueueThreads;
  /** When a worker process is replaced by a new one. Default: never. Without worker processes it has no effect. */
  readonly recycle?: Recycling;
  /**
   * With `process` (default) an acknowledged write survives `kill -9` of all processes. With `power` it survives a
   * power cut too.
   */
  readonly durability?: Durability;
  /** Names that `ctx.secret` may ask for. Default: that of any variable of the environment. */
  readonly secrets?: readonly string[];
  /** Default: warnings and errors to stderr. */
  readonly log?: Log;
  /** Tasks that can be loaded again, in place of what `tasksModule` has. Then there are worker processes. */
  readonly live?: HostedCode;
  /** Is told of each end of a job, each failure of a run, and each line of a log. It costs each run a message. */
  readonly onActivity?: (activity: Activity) => void;
  /** Overrides of the engine's settings. */
  readonly engine?: Partial<EngineConfig>;
}
export interface RuntimeStats {
  /** Number of starts of a runtime on this folder. */
  readonly epoch: number;
  readonly workers: readonly WorkerStats[];
  /** Number of runs that hold a lease. */
  readonly runs: number;
  /** Numbers of messages by queue. */
  readonly queues: { readonly [queue: string]: QueueDepth };
}
export interface Runtime {
  readonly engine: Engine;
  readonly workflows: Workflows;
  readonly registry: TaskRegistry;
  readonly taskNames: readonly string[];
  /**
   * Waits up to `graceSeconds` (default 10) for running tasks, then ends. It commits nothing for the tasks that still
   * run, so the next start resumes them. Idempotent.
   */
  stop(options?: { readonly graceSeconds?: number }): Promise<void>;
  /**
   * Replaces every worker process by one that loads the tasks anew. The old ones start no run from now on, and end
   * those that they have begun.
   */
  renewWorkers(): void;
  /** Starts no worker process until the next renewal, because it could not load the tasks. */
  keepWorkers(): void;
  stats(): Promise<RuntimeStats>;
  /** Returns what `GET /health` tells. Cheap: it reads counters, and what the last look at the disk found. */
  health(): Promise<Health>;
  /** Returns what `GET /metrics` tells, in the text form of Prometheus. */
  metrics(): Promise<string>;
}

/**
 * Starts a runtime on a data folder. Engine, control loop, sweeper and lease keeper run in this process, user code in
 * worker processes. Jobs that an earlier runtime left unfinished continue.
 * @throws FanfoldError `data_folder_in_use` (`details.pid`), `data_folder_damaged` (`details.problems`),
 * `data_folder_unusable`, `disk_full`; `invalid_tasks`; `invalid_request` for workers that cannot be given the tasks, and
 * what a schedule of the configuration is refused with
 * @example
 * const runtime = await startRuntime({ dataFolder: ".fanfold", tasksModule: "functions/tasks/index.ts" });
 * const { jobId } = await runtime.engine.submit({ canvas });
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  if (typeof options.tasksModule !== "string" && (options.workers ?? 0) > 0)
    throw new FanfoldError(
      "invalid_request",
      "worker processes need the path of the module of tasks, not its exports",
      {
        details: { field: "workers" },
      },
    );
  const dataFolder = resolve(options.dataFolder);
  const lock = await takeFolder(dataFolder);
  try {
    const epoch = await prepareFolder(dataFolder, options.log ?? stderrLog);
    return await start({ ...options, dataFolder }, epoch, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * The parts of a runtime that are notified of new messages and lost leases. They need the engine, and the engine's
 * queue notifies them, so they are set after it is made.
 */
interface Parts {
  control?: MessageLoop;
  /** Set only when user code runs in this process. */
  tasks?: MessageLoop;
  /** Set only when user code runs in worker processes. */
  supervisor?: Supervisor;
  sweeper?: Sweeper;
}
const LOCAL = "local";

async function start(options: RuntimeOptions, epoch: number, lock: FolderLock): Promise<Runtime> {
  const {
    dataFolder,
    tasksModule,
    log = stderrLog,
    durability = "process",
    concurrency = DEFAULT_CONCURRENCY,
    workers = typeof tasksModule === "string" ? availableParallelism() : 0,
  } = options;
  const engine: SharedConfig = { ...EMBEDDED_CONFIG, ...options.engine, epoch };
  const { secrets } = options;
  const shared = { dataFolder, tasksModule, durability, engine, ...(secrets && { secrets }) };
  const parts: Parts = {};
  const leaseMs = engine.leaseSeconds * 1_000;
  const heartbeat: Engine["heartbeat"] = (held) => host.engine.heartbeat(held);
  const clock = new SteadyClock();
  const keeper = new LeaseKeeper({
    heartbeat,
    leaseMs,
    log,
    onLost: (holder, lost) => notifyLost(claims, parts, holder, lost),
  });
  const claims: RunHolder = new RunHolder({
    heartbeat,
    leaseMs,
    keeper: localTracker(keeper),
    now: () => clock.now(),
  });
  const { database, blobs } = foldersOf(dataFolder);
  const disk = new DiskWatch({
    folders: [database, blobs],
    log,
    onChange: (problem) => notifyWritable(parts, problem === undefined),
  });
  const host: Host = await openHost({
    ...shared,
    code: options.live,
    onActivity: options.onActivity,
    clock,
    holder: `${epoch}.${LOCAL}`,
    onSend: (queues) => notifySent(parts, queues),
    log,
    schedules: (found) => createCalendar((workflow, fields) => found.start(workflow, fields)),
    onUnwritable: (problem, lost) => disk.note(problem, lost),
  });
  await putConfigured(host);
  // Every message in flight is held by a process of an earlier start, and all of those have ended.
  await host.source.releaseAll();

  const loopOver = (queues: () => readonly string[], slots: number, shares: QueueShares): MessageLoop =>
    new MessageLoop({
      handle: (message, loop) => host.engine.handle(message, loop),
      giveUp: (message, loop) => host.engine.handleDeadLetter(message, loop),
      source: host.source,
      queues,
      slots,
      shares,
      claims,
      log,
      now: () => clock.now(),
    });
  parts.control = loopOver(() => [ENGINE_QUEUE], CONTROL_MESSAGES, UNLIMITED);
  if (workers === 0 || typeof tasksModule !== "string")
    parts.tasks = loopOver(() => taskQueuesOf(host), concurrency, queueShares(options.queues));
  else {
    const { queues, recycle, firstWorkers, onActivity } = options;
    const assignment = {
      ...shared,
      tasksModule,
      ...(queues && { queues }),
      ...(recycle && { recycle }),
      ...(onActivity && { tells: true as const }),
      parentPid: process.pid,
      slots: concurrency,
    };
    const onUnwritable = (problem: FanfoldError): void => disk.note(problem);
    const onCounted = (counted: Counted): void => host.counts.add(counted);
    parts.supervisor = startSupervisor(
      { workers, firstWorkers, assignment, epoch, keeper, log, clock, onUnwritable, onActivity, onCounted },
      host,
      parts,
    );
  }
  if (disk.problem !== undefined) notifyWritable(parts, false);
  parts.control.start();
  parts.tasks?.start();
  parts.sweeper = startSweeper(host.engine, keeper, log);
  const release = parts.tasks && processPool.hold();
  const chores = [parts.sweeper.repeating, ...startChores(host, disk, log)];
  let stopping: Promise<void> | undefined;
  const health = async (): Promise<Health> => ({
    store: disk.problem === undefined ? { writable: true } : { writable: false, why: disk.problem.message },
    queues: withHeld(host.queueHealth(), keeper.heldByQueue()),
    ...(parts.supervisor && { workers: workersOf(parts.supervisor) }),
    slots: { total: concurrency * Math.max(1, workers), busy: keeper.batches },
  });
  return {
    engine: refusingWork(host.engine, disk),
    workflows: host.workflows,
    registry: host.registry,
    get taskNames() {
      return host.taskNames;
    },
    renewWorkers: () => parts.supervisor?.renew(),
    keepWorkers: () => parts.supervisor?.keep(),
    stop: ({ graceSeconds = 10 } = {}) =>
      (stopping ??= stop(parts, chores, host, keeper, graceSeconds)
        .then(() => release?.(closeFailure(log)))
        .finally(() => lock.release())),
    stats: async () => ({
      epoch,
      workers: parts.supervisor?.workers ?? [],
      runs: keeper.size(),
      queues: await depthsOf(host),
    }),
    health,
    metrics: async () => metricsText(await health(), host.counts),
  };
}

/**
 * Puts the schedules and pauses of the configuration, before any work starts. A schedule that can never start a job keeps the runtime from starting. A disk that
 * takes no writes does not: the sweeper tries again.
 */
async function putConfigured(host: Host): Promise<void> {
  try {
    await host.engine.syncSchedules();
    await host.engine.syncPauses();
  } catch (error) {
    if (error instanceof PortError) return;
    await host.close();
    throw error;
  }
}
function startSupervisor(
  options: Omit<SupervisorOptions, "engine" | "source" | "onControl" | "permitOpening">,
  host: Host,
  parts: Parts,
): Supervisor {
  return new Supervisor({
    ...options,
    engine: host.engine,
    source: host.source,
    onControl: () => parts.control?.wake(),
    permitOpening: (worker) => {
      const permit = permitOf(options.assignment.dataFolder, worker.holder);
      host.holdCommits(() => permitOpening(permit, worker.pid as number, () => worker.kill()));
    },
  });
}
function notifySent({ control, tasks, supervisor }: Parts, queues: readonly string[]): void {
  if (queues.includes(ENGINE_QUEUE)) control?.wake();
  tasks?.wake();
  supervisor?.wake(queues);
}
function notifyWritable({ tasks, supervisor, sweeper }: Parts, writable: boolean): void {
  tasks?.pause(!writable);
  supervisor?.setWritable(writable);
  // Calls that failed in the middle left something begun, as a crash does.
  if (writable) sweeper?.sweepAll();
}
function notifyLost(claims: RunHolder, { supervisor }: Parts, holder: string, lost: readonly LostClaim[]): void {
  if (holder !== LOCAL) supervisor?.abort(holder, lost);
  else for (const { claim, outcome } of lost) claims.abort(claim.token, claim.runId, outcome);
}
function localTracker(keeper: LeaseKeeper): LeaseTracker {
  return {
    track: (runs) => keeper.track(LOCAL, [runs]),
    untrack: (token) => keeper.untrack([token]),
    notified: () => undefined,
  };
}
function startChores(host: Host, disk: DiskWatch, log: Log): readonly Repeating[] {
  const expire = async (): Promise<void> => {
    for (let more = true; more;) ({ more } = await host.expirer.run());
  };
  const heap = new HeapTrimmer();
  return [
    new Repeating({
      name: "the collection of garbage",
      firstMs: TIMING.memoryMs,
      everyMs: TIMING.memoryMs,
      log,
      work: async () => heap.trim(performance.now()),
    }),
    new Repeating({
      name: "the flush of statistics",
      firstMs: TIMING.statisticsMs,
      everyMs: TIMING.statisticsMs,
      log,
      work: () => host.engine.flushStatistics(),
    }),
    new Repeating({
      name: "the look at the disk",
      firstMs: TIMING.diskMs,
      everyMs: TIMING.diskMs,
      log,
      work: () => disk.look(),
    }),
    new Repeating({
      name: "the removal of expired items",
      firstMs: TIMING.firstExpiryMs,
      everyMs: TIMING.expiryEveryMs,
      log,
      work: expire,
    }),
  ];
}
async function stop(
  parts: Parts,
  chores: readonly Repeating[],
  host: Host,
  keeper: LeaseKeeper,
  graceSeconds: number,
): Promise<void> {
  await Promise.all(chores.map((chore) => chore.stop()));
  await Promise.all([
    parts.supervisor?.stop(graceSeconds),
    parts.tasks?.stop(graceSeconds),
    parts.control?.stop(graceSeconds),
  ]);
  await keeper.stop();
  await host.engine.flushStatistics();
  await host.close();
}
async function depthsOf(host: Host): Promise<{ [queue: string]: QueueDepth }> {
  const depths: { [queue: string]: QueueDepth } = {};
  for (const queue of host.queues()) depths[queue] = await host.source.depth(queue);
  return depths;
}
