import { mkdirSync } from "node:fs";
import type { QueueHealth } from "../api/dependencies.ts";
import { ENGINE_QUEUE } from "../core/names/queue-name.ts";
import type { JobState } from "../core/job-state.ts";
import type { TaskRegistry, TaskRunner } from "../core/task/invocation.ts";
import type { Engine } from "../engine/contract.ts";
import { createEngine } from "../engine/engine.ts";
import type { Clock, FailedRun, LoggedLine, SchedulePorts, Watch } from "../engine/ports.ts";
import type { Log } from "../host/log.ts";
import type { MessageSource } from "../host/message-source.ts";
import { SystemIds } from "../host/system-ids.ts";
import { openTracing } from "../host/tracing.ts";
import { createRegistry, createRunner, createWorkflows, type Workflows } from "../sdk/index.ts";
import { type Exports, loadTaskModule } from "../sdk/module.ts";
import { FileBlobs } from "./blobs/file-blobs.ts";
import { LocalBlobs } from "./blobs/local-blobs.ts";
import type { Durability } from "./lmdb/commit-gatherer.ts";
import { Expirer } from "./lmdb/expire.ts";
import { LmdbEnvironment, type OnUnwritable } from "./lmdb/lmdb-environment.ts";
import { LmdbQueue } from "./lmdb/lmdb-queue.ts";
import { LmdbStore } from "./lmdb/lmdb-store.ts";
import { oldestSentAt, readDepth } from "./lmdb/message-lines.ts";
import { loadTasksOf } from "./load-tasks.ts";
import { inFolder } from "./machine/disk-error.ts";
import { processPool, Supplies } from "../sdk/resource-pool.ts";
import { variableSecrets } from "../sdk/secrets.ts";
import { ProcessCounts } from "./process-counts.ts";
import { foldersOf, type SharedConfig } from "./settings.ts";

export interface HostOptions {
  readonly dataFolder: string;
  /** Path or file URL of the module with tasks and workflows, or its exports. */
  readonly tasksModule: string | Exports;
  /** Set only where the module is not loaded into this process. */
  readonly code?: HostedCode | undefined;
  /** Is told of each end of a job, each failure of a run, and each line of a log, in this process. */
  readonly onActivity?: ((activity: Activity) => void) | undefined;
  readonly durability: Durability;
  readonly engine: SharedConfig;
  readonly clock: Clock;
  /** Wraps the runner of user code. */
  readonly around?: (runner: TaskRunner) => TaskRunner;
  /** Names this process as the holder of messages. */
  readonly holder: string;
  /** Called when messages on these queues became receivable, or will after a delay. */
  readonly onSend: (queues: readonly string[]) => void;
  /** Awaited before the database's file is opened. */
  readonly beforeOpening?: () => Promise<void>;
  /** Called when the database's file has been opened. */
  readonly onOpened?: () => void;
  /** Names that `ctx.secret` may ask for. Absent: any variable of the environment. */
  readonly secrets?: readonly string[];
  readonly log: Log;
  /** Set only in a worker, see EnvironmentOptions. */
  readonly ensureParent?: () => void;
  /** Set only in the process that handles the engine's queue. Others do not load the calendar. */
  readonly schedules?: (workflows: Workflows) => SchedulePorts;
  /** Called when a write failed because the disk takes none. */
  readonly onUnwritable: OnUnwritable;
  /** Called when it becomes known, or changes, whether runs of a task are quick. */
  readonly onTaskSpeed?: (task: string, quick: boolean) => void;
}
/** What the engine must know of tasks and workflows. */
export interface HostedCode {
  readonly registry: TaskRegistry;
  readonly runner: TaskRunner;
  readonly workflows: Workflows;
  readonly taskNames: readonly string[];
}
/** What people want to see of work while they write its code. */
export type Activity =
  | { readonly kind: "jobEnded"; readonly jobId: string }
  | ({ readonly kind: "runFailed" } & FailedRun)
  | ({ readonly kind: "logged" } & LoggedLine);
/** An engine in this process, over the data folder that it shares with other processes. */
export interface Host {
  readonly engine: Engine;
  readonly source: MessageSource;
  readonly registry: TaskRegistry;
  readonly taskNames: readonly string[];
  readonly workflows: Workflows;
  readonly expirer: Expirer;
  /** What this process has counted. */
  readonly counts: ProcessCounts;
  /** Returns the names of all queues that ever received a message. */
  queues(): readonly string[];
  /** Returns the state of every queue, as /health tells it. */
  queueHealth(): { readonly [queue: string]: QueueHealth };
  /** Runs the action while no process commits. */
  holdCommits(action: () => void): void;
  close(): Promise<void>;
}

export async function openHost(options: HostOptions): Promise<Host> {
  const code = options.code ?? (await loadCode(options));
  const { environment, files } = await inFolder(options.dataFolder, () => openFiles(options));
  const { clock, around = (runner) => runner } = options;
  const queue = new LmdbQueue(environment, { clock, holder: options.holder, onSend: options.onSend });
  const blobs = new LocalBlobs(environment, files);
  const { registry, workflows } = code;
  const { onActivity } = options;
  const tracing = await openTracing();
  const runner = around(tracing.runner(code.runner));
  const counts = new ProcessCounts();
  const watch: Watch = {
    counted: (metric, task, site, by) => counts.tasks.add(metric, task, site, by),
    repaired: () => undefined,
    runsFailed: (runs: readonly FailedRun[]) =>
      runs.forEach(({ runId, task, error }) =>
        onActivity?.({ kind: "runFailed", runId, ...(task !== undefined && { task }), ...(error && { error }) }),
      ),
    jobEnded: (_state: JobState, jobId: string) => onActivity?.({ kind: "jobEnded", jobId }),
    ...(onActivity && { logged: (line: LoggedLine) => onActivity({ kind: "logged", ...line }) }),
    ...(options.onTaskSpeed && { taskSpeed: options.onTaskSpeed }),
    gaveUp: (name: string, reason: string) =>
      options.log("error", "a message was given up; `fanfold dead-letters` lists it", { queue: name, reason }),
  };
  const oldest = new Map<string, Oldest>();
  const schedules = options.schedules?.(workflows);
  const ids = new SystemIds(clock);
  const store = counts.countingWrites(new LmdbStore(environment));
  const ports = { store, queue: tracing.queue(queue), blobs, clock, ids };
  const engine = createEngine({ ...ports, registry, runner, watch, ...(schedules && { schedules }) }, options.engine);
  return {
    engine: tracing.engine(engine),
    counts,
    source: queue,
    registry,
    get taskNames() {
      return code.taskNames;
    },
    workflows,
    expirer: new Expirer(environment, blobs, clock),
    queues: () => queueNames(environment),
    queueHealth: () =>
      Object.fromEntries(queueNames(environment).map((name) => [name, queueHealth(environment, name, clock, oldest)])),
    holdCommits: (action) => environment.holdCommits(action),
    close: async () => {
      await tracing.flush();
      await environment.close();
    },
  };
}

async function loadCode({ tasksModule: module, secrets }: HostOptions): Promise<HostedCode> {
  const { tasks, workflows } = typeof module === "string" ? await loadTasksOf(module) : loadTaskModule(module);
  return {
    registry: createRegistry(tasks),
    runner: createRunner(tasks, new Supplies(processPool, variableSecrets(secrets))),
    workflows: createWorkflows(workflows),
    taskNames: tasks.map(({ name }) => name),
  };
}
async function openFiles(options: HostOptions): Promise<{ environment: LmdbEnvironment; files: FileBlobs }> {
  const folders = foldersOf(options.dataFolder);
  mkdirSync(folders.database, { recursive: true, mode: 0o700 });
  const files = new FileBlobs(folders.blobs, options.onUnwritable);
  await options.beforeOpening?.();
  const environment = new LmdbEnvironment({
    folder: folders.database,
    durability: options.durability,
    onUnwritable: options.onUnwritable,
    ...(options.onOpened && { onOpened: options.onOpened }),
    ...(options.ensureParent && { ensureParent: options.ensureParent }),
  });
  return { environment, files };
}

/**
 * Returns all queues but the engine's. A queue exists from its first message on, so one that only a signature names is
 * included.
 */
export function taskQueuesOf(host: Host): readonly string[] {
  return host.queues().filter((queue) => queue !== ENGINE_QUEUE);
}
/** When the oldest ready message of a queue was sent, as it was found a moment ago. */
interface Oldest {
  readonly sentAt: number | undefined;
  readonly seenAt: number;
}
/** Milliseconds for which the oldest message is not looked for again. A look reads up to a thousand keys of each band. */
const OLDEST_MS = 1_000;
function queueHealth(
  environment: LmdbEnvironment,
  queue: string,
  clock: Clock,
  seen: Map<string, Oldest>,
): QueueHealth {
  return environment.reading(() => {
    const depth = readDepth(environment, queue);
    const before = seen.get(queue);
    const now = clock.now();
    if (depth.ready > 0 && (before?.sentAt === undefined || now - before.seenAt >= OLDEST_MS))
      seen.set(queue, { sentAt: oldestSentAt(environment, queue), seenAt: now });
    const sentAt = depth.ready > 0 ? seen.get(queue)?.sentAt : undefined;
    if (depth.ready === 0) seen.delete(queue);
    return {
      ...depth,
      ...(sentAt !== undefined && { oldestSeconds: Math.max(0, now - sentAt) / 1_000 }),
    };
  });
}
function queueNames(environment: LmdbEnvironment): string[] {
  environment.refresh();
  return [...environment.queues.getKeys({ start: " ", end: "\u{10ffff}" })];
}
