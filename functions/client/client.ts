import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import type { StatisticsFilter } from "../core/task/statistics.ts";
import type { RetryFilter } from "../core/plan/retry-filter.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import type { BatchCalls } from "./batch.ts";
import type { Blobs } from "./blobs.ts";
import type {
  DeadLetter,
  DeadLetterCounts,
  DeadLetterReason,
  FailureGroup,
  GroupView,
  Identity,
  LockView,
  Health,
  Job,
  JobEvent,
  JobGraph,
  JobPlan,
  JobState,
  Json,
  JsonObject,
  Page,
  Pause,
  PauseTarget,
  Queue,
  Report,
  ResultEntry,
  Retried,
  RetriedJobs,
  RetryPreview,
  Run,
  RunStatus,
  Schedule,
  ScheduleSpec,
  Site,
  StartOptions,
  StatisticsPage,
  Submitted,
  TriggeredSchedule,
  WorkflowInfo,
} from "./types.ts";

/** Options of the start of a workflow. */
export interface StartWorkflowOptions extends StartOptions {
  /**
   * `true` lets a state machine start the job and wait for its end; only on AWS. The job can be read a moment later.
   */
  readonly supervised?: boolean;
}
/** Which page of a list to read. */
export interface PageFilter {
  /** Items of the page, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** Cursor that the previous page returned. Default: the first page. */
  readonly cursor?: string;
}
/** Which failures to list. */
export interface FailureFilter {
  readonly task?: string;
  readonly reason?: string;
  readonly since?: number;
  /** Kinds of failures in the page, 1 to 100. Default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which shared runs to list. A task or a blob is given, or both. */
export interface IdentityFilter {
  readonly task?: string;
  /** SHA-256 of a blob among their arguments. */
  readonly blob?: string;
  readonly status?: RunStatus;
  /** Runs that the page looks at, 1 to 100. Default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which locks and limits to list. */
export interface LockFilter {
  /** Only those with this key. */
  readonly key?: string;
  /** Keys that the page looks at, 1 to 100. Default 50. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which dead letters are meant. All fields that are given must match. */
export interface DeadLetterFilter {
  readonly queue?: string;
  readonly task?: string;
  readonly reason?: DeadLetterReason;
  readonly jobId?: string;
}
/** Which dead letters to redrive or purge. */
export interface DeadLetterAction extends DeadLetterFilter {
  readonly id?: string;
  /** Letters of this call, 1 to 500. Default 500. */
  readonly limit?: number;
  readonly cursor?: string;
  /** Only counts. */
  readonly dryRun?: boolean;
}
/** Options of calls that read. */
export interface ReadOptions {
  /** Ends the call when it aborts. */
  readonly signal?: AbortSignal;
}

/** Which part of a job to draw. */
export interface GraphOptions {
  /** Only the member of a group that this run belongs to. Default: the whole job. */
  readonly run?: string;
}

/** What becomes of items of path tasks: `each` runs for every chunk of `chunkSize` of them, by default 40. */
export interface OpenItems {
  /** Begins with a path task, which is given the items of a chunk as `paths`. */
  readonly each: Canvas;
  readonly chunkSize?: number;
}
/** An item of a path task. `path` is its key, and `size` is in bytes. */
export interface InputItem {
  readonly path: string;
  readonly size?: number;
  readonly [name: string]: Json | undefined;
}
/** Which failed runs of a job to retry, all of them by default. */
export interface RetrySelection extends RetryFilter {
  /** `true` keeps the results of steps that had consumed what failed. By default these steps run again. */
  readonly keepDownstream?: boolean;
}
/** Options of a retry. */
export interface RetryOptions extends RetrySelection {
  /** The same key starts one round of a job. With another selection the call throws `idempotency_conflict`. */
  readonly idempotencyKey?: string;
}

/** Which jobs to retry by their failures, and how. A task or a reason is given, or both. */
export interface RetryAllOptions extends Pick<RetryOptions, "keepDownstream" | "idempotencyKey"> {
  readonly task?: string;
  /** The reason of the error, or its name when it has none. */
  readonly reason?: string;
  /** Milliseconds since the epoch, from which on the failures count. */
  readonly since?: number;
  /** Only counts. */
  readonly dryRun?: boolean;
  /** Jobs that this call looks at, 1 to 100. Default 100. */
  readonly limit?: number;
  readonly cursor?: string;
}

/** Options of an estimate. */
export interface PlanOptions extends Pick<StartOptions, "timeoutSeconds"> {
  /** Duration that is assumed for every task, in seconds. Default 0.1. */
  readonly secondsPerTask?: number;
}

/** The calls of a Fanfold server. Each throws FanfoldError with the code of the server. */
export interface Client extends BatchCalls {
  /** Returns what the server says of itself, degraded or not. */
  health(): Promise<Health>;
  /** Returns all workflows that can be started. */
  workflows(): Promise<readonly WorkflowInfo[]>;
  /** Returns one workflow, or throws `unknown_workflow`. */
  workflow(name: string): Promise<WorkflowInfo>;
  /** Starts a workflow by name. */
  start(workflow: string, fields?: JsonObject, options?: StartWorkflowOptions): Promise<Submitted>;
  /** Starts a canvas. */
  submit(canvas: Canvas, options?: StartOptions): Promise<Submitted>;
  /** Starts a canvas in wire form, of unknown origin. The server checks it. */
  submitWire(canvas: unknown, options?: StartOptions): Promise<Submitted>;
  /**
   * Returns what a job of the canvas would take, and what it would cost on AWS. Starts nothing. Throws what `submit`
   * would throw.
   */
  plan(canvas: Canvas, options?: PlanOptions): Promise<JobPlan>;
  /** Returns the same for a canvas in wire form. */
  planWire(canvas: unknown, options?: PlanOptions): Promise<JobPlan>;
  /** Returns the same for a workflow. */
  planWorkflow(workflow: string, fields?: JsonObject, options?: PlanOptions): Promise<JobPlan>;
  /**
   * Opens a job whose input follows: canvases with `putInput`, or with `items` items of path tasks with `putItems`.
   * `body` receives their results.
   */
  openJob(
    request?: { readonly body?: Canvas; readonly policy?: FailurePolicy; readonly items?: OpenItems },
    options?: StartOptions,
  ): Promise<Submitted>;
  /** Puts one page of at most 4,096 items and 4 MB. Repeating a page is harmless. */
  putInput(jobId: string, page: number, items: readonly Canvas[]): Promise<void>;
  /** Puts one page of at most 4,096 items of path tasks, and 4 MB. Repeating a page is harmless. */
  putItems(jobId: string, page: number, items: readonly InputItem[]): Promise<void>;
  /** Tells the job that its input consists of this many pages. */
  sealInput(jobId: string, pages: number): Promise<void>;
  /** Returns one job, or throws `job_not_found`. */
  job(jobId: string, options?: ReadOptions): Promise<Job>;
  /** Returns a page of jobs, newest first. `stamp` selects jobs whose canvas carries it. */
  jobs(filter?: PageFilter & { readonly state?: JobState; readonly stamp?: Stamp }): Promise<Page<Job>>;
  /**
   * Returns a page of what the path tasks of a job, or one run, have streamed of their items. It may be empty although
   * more follow.
   */
  reports(jobId: string, filter?: PageFilter & { readonly run?: string }): Promise<Page<Report>>;
  /**
   * Returns a page of the runs of a job. `stamps` selects runs that carry one of the values of one of the names, and
   * `group` the runs of one group.
   */
  runs(
    jobId: string,
    filter?: PageFilter & { readonly status?: RunStatus; readonly stamps?: StampFilter; readonly group?: string },
  ): Promise<Page<Run>>;
  /**
   * Returns a group of a job, by the id that `ctx.spawnWithCallback` returns, or that of any other group. Throws
   * `group_not_found`, `group_expired`.
   */
  group(groupId: string, options?: ReadOptions): Promise<GroupView>;
  /** Returns one run, or throws `run_not_found`. */
  run(runId: string): Promise<Run>;
  /**
   * Streams the results of an ended job in member order, from the entry `from` on. Throws `job_unfinished` while the
   * job runs.
   */
  results(
    jobId: string,
    options?: ReadOptions & { readonly from?: number },
  ): AsyncGenerator<ResultEntry, void, undefined>;
  /** Streams the events of a job, oldest first. With `follow` the stream continues until the job has ended. */
  events(
    jobId: string,
    options?: ReadOptions & { readonly follow?: boolean },
  ): AsyncGenerator<JobEvent, void, undefined>;
  /** Returns the job as a graph of runs and groups. Big groups are folded. `run` selects the member that it is in. */
  graph(jobId: string, options?: ReadOptions & GraphOptions): Promise<JobGraph>;
  /** Returns the graph in the language of Graphviz (DOT). */
  graphDot(jobId: string, options?: ReadOptions & GraphOptions): Promise<string>;
  /** Returns the graph in the language of Mermaid. */
  graphMermaid(jobId: string, options?: ReadOptions & GraphOptions): Promise<string>;
  /**
   * Cancels a job. With `stamps` it revokes only runs that carry one of the values of one of the names, later runs
   * included. Returns `false` when the job had already ended.
   */
  cancel(jobId: string, only?: { readonly stamps: StampFilter }): Promise<boolean>;
  /**
   * Starts the next round of an ended job: what failed runs again in place, and what succeeded is kept. Throws
   * `job_unfinished`, `job_over`, `nothing_to_retry`, `run_live`, `link_not_retried`.
   */
  retry(jobId: string, options?: RetryOptions): Promise<Retried>;
  /** Returns what `retry` would run again, and throws what it would throw. Changes nothing. */
  previewRetry(jobId: string, selection?: RetrySelection): Promise<RetryPreview>;
  /** Retries one failed run, or what failed below it. The id of a group means everything that failed in it. */
  retryRun(id: string, options?: Pick<RetryOptions, "keepDownstream" | "idempotencyKey">): Promise<Retried>;
  /**
   * Retries what failed in all jobs for a task or a reason: at most 100 jobs a call. The answer has a cursor when more
   * may match. Every page of one request takes the same options, and retries a job once.
   */
  retryAll(options: RetryAllOptions): Promise<RetriedJobs>;
  /**
   * Revokes a run and the steps after it in its strand. The id of a group revokes the run that waits for the group.
   * Returns `false` when the run had already ended.
   */
  cancelRun(id: string): Promise<boolean>;
  /**
   * Answers a run that waits for an approval or for work done elsewhere, with the token that the run shows. Returns
   * `false` when it was answered before.
   */
  complete(
    runId: string,
    token: string,
    answer: { readonly value: Json } | { readonly error: { readonly name: string; readonly message: string } },
  ): Promise<boolean>;
  /**
   * Sends the value to every run of the job that waits for the event. Returns `false` when an event of this name was
   * sent before; the first one stays.
   */
  sendEvent(jobId: string, name: string, value: Json): Promise<boolean>;
  /** Returns a page of the failures of all jobs, by task and reason. `since` is in milliseconds since the epoch. */
  failures(filter?: FailureFilter): Promise<Page<FailureGroup>>;
  /** Returns a page of the messages that were given up, the newest first. */
  deadLetters(filter?: PageFilter & DeadLetterFilter): Promise<Page<DeadLetter>>;
  /** Returns one dead letter, or throws `dead_letter_not_found`. */
  deadLetter(id: string): Promise<DeadLetter>;
  /** Sends at most 500 dead letters to their queues again. The answer has a cursor when more may match. */
  redriveDeadLetters(action?: DeadLetterAction): Promise<DeadLetterCounts>;
  /** Large content, which a reference stands for in arguments and results. */
  readonly blobs: Blobs;
  /** Removes at most 500 dead letters for good. The answer has a cursor when more may match. */
  purgeDeadLetters(action?: DeadLetterAction): Promise<DeadLetterCounts>;
  /** Returns a page of the locks and limits that are in use, in the order of their keys. */
  locks(filter?: LockFilter): Promise<Page<LockView>>;
  /**
   * Returns a page of the runs that jobs share, of tasks that are listed: those of a task, those that were given a blob,
   * or both. Throws `not_listed`, `unknown_task`.
   */
  identities(filter: IdentityFilter): Promise<Page<Identity>>;
  /** Returns a page of schedules, in the order of their names. */
  schedules(filter?: PageFilter): Promise<Page<Schedule>>;
  /** Returns one schedule with its next times, or throws `schedule_not_found`. */
  schedule(name: string): Promise<Schedule>;
  /**
   * Creates or replaces a schedule. It fires at the times after this call, so what was due and has not fired is left
   * out. Throws `invalid_schedule`, `schedule_in_config`, and what a start would throw.
   */
  putSchedule(name: string, spec: ScheduleSpec): Promise<Schedule>;
  /** Removes a schedule. Its jobs go on. */
  deleteSchedule(name: string): Promise<void>;
  /** Pauses a schedule. Times that come meanwhile do not fire. */
  pauseSchedule(name: string): Promise<Schedule>;
  /** Resumes a schedule from the next time on. */
  resumeSchedule(name: string): Promise<Schedule>;
  /**
   * Lets nothing start of a job, a queue, a site or a task until it is resumed. What runs goes on. Throws
   * `job_not_found`, `job_ended`, `unknown_queue`, `unknown_task`.
   */
  pause(target: PauseTarget): Promise<Pause>;
  /** Lets runs start again. Returns `false` when nothing was paused. Throws `pause_in_config`. */
  resume(target: PauseTarget): Promise<boolean>;
  /** Returns all queues with what waits in them, and what a pause holds. */
  queues(): Promise<readonly Queue[]>;
  /** Returns all sites with their queues, workers and work. */
  sites(): Promise<readonly Site[]>;
  /**
   * Returns a page of statistics by task, in the order of their names. All numbers are approximate. A page may be empty
   * although it has a cursor. Throws `job_not_found`.
   */
  statistics(filter?: StatisticsFilter): Promise<StatisticsPage>;
  /** Returns what is paused, except for jobs, whose state says so. */
  pauses(): Promise<readonly Pause[]>;
  /** Fires a schedule now, also while it is paused. The same key fires it once. */
  triggerSchedule(name: string, options?: Pick<StartOptions, "idempotencyKey">): Promise<TriggeredSchedule>;
}
