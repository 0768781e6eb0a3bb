import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { ENGINE_QUEUE } from "../core/queue-name.ts";
import type { Engine, EngineConfig } from "../engine/contract.ts";
import type { TaskRegistry, Workflows } from "../sdk/index.ts";
import { raiseEpoch } from "./boot-epoch.ts";
import type { Durability } from "./commit-gatherer.ts";
import { type Host, openHost } from "./engine-host.ts";
import { expire } from "./expire.ts";
import { type FolderLock, lockFolder } from "./folder-lock.ts";
import { type ClaimKeeper, HeldClaims } from "./held-claims.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { type Log, stderrLog } from "./log.ts";
import { Repeating } from "./repeating.ts";
import { CONTROL_MESSAGES, DEFAULT_CONCURRENCY, EMBEDDED_CONFIG, foldersOf, type SharedConfig, TIMING } from "./settings.ts";
import { Supervisor, type WorkerStats } from "./supervisor.ts";
import { MessageLoop } from "./worker-loop.ts";

export interface RuntimeOptions {
  /** Made when it does not exist. One runtime at a time. */
  readonly dataFolder: string;
  /** Path or file URL of a module that exports tasks and workflows. */
  readonly tasksModule: string;
  /** Processes that run user code. Default: one per core. 0: user code runs in this process, for tests and small programs; then blocking code delays everything. */
  readonly workers?: number;
  /** Runs at once per worker. Default 32. */
  readonly concurrency?: number;
  /** `process` (default): what was acknowledged survives `kill -9` of everything. `power`: a loss of power as well. */
  readonly durability?: Durability;
  /** Default: warnings and errors to stderr. */
  readonly log?: Log;
  /** Overrides of the engine's settings. */
  readonly engine?: Partial<EngineConfig>;
}
export interface RuntimeStats {
  /** How often a runtime was started on this folder. */
  readonly epoch: number;
  readonly workers: readonly WorkerStats[];
  /** Runs that hold a lease. */
  readonly runs: number;
  /** Messages by queue. */
  readonly queues: { readonly [queue: string]: number };
}
export interface Runtime {
  readonly engine: Engine;
  readonly workflows: Workflows;
  readonly registry: TaskRegistry;
  /**
   * Waits so long for running tasks, then ends without committing anything for the rest: the next start resumes them. Idempotent. Default 10 seconds.
   */
  stop(options?: { readonly graceSeconds?: number }): Promise<void>;
  stats(): Promise<RuntimeStats>;
}

/**
 * Starts a runtime on a data folder: engine, control loop, sweeper and lease keeper in this process, user code in worker processes. What an earlier
 * runtime left unfinished goes on by itself.
 * @throws FanfoldError `data_folder_in_use` (`details.pid`)
 * @example
 * const runtime = await startRuntime({ dataFolder: ".fanfold", tasksModule: "functions/tasks/index.ts" });
 * const { jobId } = await runtime.engine.submit({ canvas });
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const dataFolder = resolve(options.dataFolder);
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const folders = foldersOf(dataFolder);
  const lock = await lockFolder(folders.lock);
  try {
    return await start(options, dataFolder, raiseEpoch(folders.epoch), lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function start(options: RuntimeOptions, dataFolder: string, epoch: number, lock: FolderLock): Promise<Runtime> {
  const { log = stderrLog, durability = "process", concurrency = DEFAULT_CONCURRENCY, tasksModule } = options;
  const workers = options.workers ?? availableParallelism();
  const engineConfig: SharedConfig = { ...EMBEDDED_CONFIG, ...options.engine, epoch };
  const leaseMs = engineConfig.leaseSeconds * 1_000;

  const keeper = new LeaseKeeper({
    heartbeat: (claims) => host.engine.heartbeat(claims),
    leaseMs,
    log,
    onLost: (holder, lost) => (holder === LOCAL ? lost.forEach(({ claim, outcome }) => claims.abort(claim.token, outcome)) : supervisor?.abort(holder, lost)),
  });
  const claims: HeldClaims = new HeldClaims({ keeper: localKeeper(keeper), leaseMs, heartbeat: (held) => host.engine.heartbeat(held) });
  const host: Host = await openHost({
    dataFolder,
    tasksModule,
    durability,
    engine: engineConfig,
    holder: `${epoch}.${LOCAL}`,
    guard: (runner) => claims.guard(runner),
    onSend: (queues) => wake(queues),
  });
  await host.source.releaseAll();

  const loopOver = (queues: () => readonly string[], slots: number): MessageLoop =>
    new MessageLoop({ handle: (message, loop) => host.engine.handle(message, loop), source: host.source, queues, slots, claims, log });
  const control = loopOver(() => [ENGINE_QUEUE], CONTROL_MESSAGES);
  const tasks = workers === 0 ? loopOver(host.taskQueues, concurrency) : undefined;
  const assignment = { dataFolder, tasksModule, slots: concurrency, durability, engine: engineConfig };
  const supervisor =
    workers === 0
      ? undefined
      : new Supervisor({ workers, assignment, epoch, engine: host.engine, source: host.source, keeper, log, onControl: () => control.wake() });
  const wake = (queues: readonly string[]): void => {
    if (queues.includes(ENGINE_QUEUE)) control.wake();
    tasks?.wake();
    supervisor?.wake(queues);
  };
  control.start();
  tasks?.start();
  const chores = [
    new Repeating({
      name: "the sweep",
      firstMs: TIMING.firstSweepMs,
      everyMs: TIMING.sweepEveryMs,
      log,
      work: async () => {
        // After a stall of this process leases look older than they are.
        await keeper.beat();
        await host.engine.sweep();
      },
    }),
    new Repeating({ name: "the expiry", firstMs: TIMING.firstExpiryMs, everyMs: TIMING.expiryEveryMs, log, work: () => expire(host.store) }),
  ];

  let stopping: Promise<void> | undefined;
  const stop = async (graceSeconds: number): Promise<void> => {
    await Promise.all(chores.map((chore) => chore.stop()));
    await Promise.all([supervisor?.stop(graceSeconds), tasks?.stop(graceSeconds)]);
    await control.stop(graceSeconds);
    await keeper.stop();
    await host.close();
    lock.release();
  };
  return {
    engine: host.engine,
    workflows: host.workflows,
    registry: host.registry,
    stop: ({ graceSeconds = 10 } = {}) => (stopping ??= stop(graceSeconds)),
    stats: async () => ({ epoch, workers: supervisor?.workers ?? [], runs: keeper.size, queues: await host.depths() }),
  };
}

const LOCAL = "local";
function localKeeper(keeper: LeaseKeeper): ClaimKeeper {
  return {
    held: (claim) => keeper.held(LOCAL, [claim]),
    released: (claim) => keeper.released([claim.token]),
    told: () => Promise.resolve(),
  };
}
