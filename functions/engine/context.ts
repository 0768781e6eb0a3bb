import type { PauseTarget } from "../core/pause.ts";
import type { Estimate } from "../core/cost/job-cost.ts";
import type { TaskMetric } from "../core/names/task-metrics.ts";
import type { PlanPages } from "../core/cost/work-count.ts";
import type { GroupStep, Strand } from "../core/plan/plan.ts";
import type { QueueNumbers, TaskNumbers } from "../core/task/statistics.ts";
import type { Semaphore } from "./concurrently.ts";
import type { EngineConfig } from "./config.ts";
import type { Header, Owned } from "./item-kinds.ts";
import type { Ports, UpdateOp } from "./ports.ts";

/** What every use case works with: the ports, the settings, and the caches of one engine instance. */
export interface Context extends Ports {
  readonly config: EngineConfig;
  readonly plans: Plans;
  readonly queueNames: QueueNames;
  readonly gates: Gates;
  readonly pauses: Pauses;
  readonly failureKinds: FailureKinds;
  readonly knownRuns: KnownRuns;
  /** Limits that this process has put into their directory (waits/limits-in-use.ts). */
  readonly limitsInUse: Pick<FailureKinds, "knownUntil" | "remember">;
  readonly statistics: Statistics;
  readonly speeds: Speeds;
  /** Figures of the jobs of one task without options, by the name of the task (plan/estimate-job.ts). */
  readonly estimates: Map<string, Estimate>;
  /** Tasks that this process has put into the directory of statistics. */
  readonly tasksListed: Pick<FailureKinds, "knownUntil" | "remember">;
  readonly pools: Pools;
  /**
   * Bounds how many groups write their rows before their members run. A few of them keep the store busy, and more would
   * only fill the memory.
   */
  readonly expanding: Semaphore;
}

/** Stored plans, as the use cases see them (plan/plan-store.ts). */
export interface Plans {
  /** Stores a group step as the only step of a page. `pointer` names the group. */
  write(
    ports: Pick<Ports, "store" | "blobs">,
    page: string,
    step: GroupStep,
    owned: Owned,
  ): Promise<{ readonly pointer: string; readonly took: PlanPages }>;
  group(pointer: string): Promise<GroupStep>;
  /** Returns the strands of the members of a leaf. */
  leaf(pointer: string, leaf: number): Promise<readonly Strand[]>;
  /** Returns the strand of member `index` of the group at this pointer, and the pointer to that strand. */
  member(group: string, index: number): Promise<{ readonly strand: Strand; readonly pointer: string }>;
}

/** Full names of queues (queue-names.ts). */
export interface QueueNames {
  /** Returns the text form of the queue that a task asks for; undefined asks for the default queue of the site. */
  of(asked: string | undefined): string;
}

/** Headers seen open, with everything above them open, a short while ago (gate.ts). */
export interface Gates {
  remember(gid: string, header: Header, now: number): void;
  recall(gid: string, notBefore: number): Header | undefined;
}

/** The number of runs that jobs have, as it was a moment ago (jobs/spawn-budget.ts). */
export interface KnownRuns {
  recall(jobId: string, now: number): number | undefined;
  remember(jobId: string, runs: number, until: number): void;
  /** Adds what this process has spawned since. */
  add(jobId: string, runs: number): void;
}

/** A pause during which nothing starts. */
export interface ActivePause {
  readonly target: PauseTarget;
  /** Names this pause, and not another one of the same target. */
  readonly pause: string;
}
/** What is paused beside jobs, as it was a short while ago (admission/pauses.ts). */
export interface Pauses {
  /** Returns the pauses during which nothing starts, by the texts of their targets. */
  list(): Promise<ReadonlyMap<string, ActivePause>>;
  /** Makes the next call read again. */
  forget(): void;
}

/** What this process knows of the pools of bulk tasks (admission/bulk-pool.ts). Times are in milliseconds. */
export interface Pools {
  isKnown(name: string): boolean;
  noteKnown(name: string): void;
  lookAt(name: string): number;
  noteLook(name: string, at: number): void;
}

/** Kinds of failures that this process has put into the directory (jobs/failures.ts). Times are in seconds. */
export interface FailureKinds {
  knownUntil(kind: string): number;
  remember(kind: string, until: number): void;
  forget(kind: string): void;
}

/** What is known of the speed of tasks (plan/task-speeds.ts). */
export interface Speeds {
  noteBatch(task: string, runs: number, milliseconds: number): void;
  /** Notes whether another process found the task quick. */
  noteTold(task: string, quick: boolean): void;
  /** Returns the mean milliseconds of a run, as measured here. */
  mean(task: string): number | undefined;
  /** Returns whether runs are quick, as measured here. */
  isQuick(task: string): boolean;
  /** Returns whether runs are mostly quick, as measured here or told by another process. */
  isMostlyQuick(task: string): boolean;
}

/** What this process adds up of tasks and queues until the next flush (jobs/statistics.ts). Times are in milliseconds. */
export interface Statistics {
  /** Adds numbers of a task whose runs wait in this queue. */
  add(now: number, task: string, queue: string, numbers: Partial<TaskNumbers>): void;
  addQueue(now: number, queue: string, what: keyof QueueNumbers): void;
  /** Counts something that no statistics keep, for the host. */
  note(metric: TaskMetric, task: string, queue: string): void;
  take(): readonly MinuteOfStatistics[];
  takeOwed(): readonly UpdateOp[];
  owe(op: UpdateOp): void;
  processName(ports: Pick<Ports, "ids">): string;
}
/** What a process has added up in one minute. Tasks are by queue and name. */
interface MinuteOfStatistics {
  readonly minute: number;
  readonly startedAt: number;
  readonly tasks: ReadonlyMap<string, ReadonlyMap<string, Partial<TaskNumbers>>>;
  readonly queues: ReadonlyMap<string, QueueNumbers>;
}
