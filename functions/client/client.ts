import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import type { StatisticsFilter } from "../core/task/statistics.ts";
import type { BatchCalls } from "./batch.ts";
import type { CanvasSource, TaskLike, Whole } from "../sdk/builder-types.ts";
import type { ForgottenRun, ScheduledRun, ScheduleRunOptions } from "../core/task/scheduled-run.ts";
import type { Blobs } from "./blobs.ts";
import type { JobCalls } from "./job-calls.ts";
import type { JobHandle } from "./job-handle.ts";
import type {
  StartWorkflowOptions,
  PageFilter,
  FailureFilter,
  LockFilter,
  DeadLetterFilter,
  DeadLetterAction,
  ReadOptions,
  GraphOptions,
  RetrySelection,
  RetryOptions,
  RetryAllOptions,
  PlanOptions,
  JobFilter,
  IdentityFilter,
  InputItem,
  OpenItems,
  WaitFilter,
} from "./options.ts";
import type { Pages } from "./pages.ts";
import type {
  DeadLetter,
  DeadLetterCounts,
  FailureGroup,
  GroupView,
  Identity,
  LockView,
  Health,
  Job,
  JobGraph,
  JobPlan,
  Json,
  JsonObject,
  Pause,
  PauseTarget,
  Queue,
  Retried,
  RetriedJobs,
  RetryPreview,
  Run,
  Schedule,
  ScheduleSpec,
  Site,
  StartOptions,
  StatisticsPage,
  Submitted,
  TriggeredSchedule,
  Wait,
  WorkflowInfo,
} from "./types.ts";
import type { AnyWorkflow, FieldsOf, FieldsThen, RunArguments, ValueOfWork, WorkflowName } from "./work.ts";

/** A job that was started: what the server answered, with `wait`, `watch` and `result`. */
export type StartedJob<Value = Json> = Submitted & JobHandle<Value>;

/**
 * The calls of a Fanfold server. Each throws FanfoldError with the code of the server. `Module` is the type of the
 * module of tasks; with it the names of workflows, their fields and their values are known.
 */
export interface Client<Module = unknown> extends BatchCalls, JobCalls {
  /** Returns what the server says of itself, degraded or not. */
  health(): Promise<Health>;
  /** Returns all workflows that can be started. */
  workflows(): Promise<readonly WorkflowInfo[]>;
  /** Returns one workflow, or throws `unknown_workflow`. */
  workflow(name: string): Promise<WorkflowInfo>;
  /**
   * Starts a workflow: itself, or its name. Its fields and the value of its job are typed by it; those of a name only
   * with `createClient<typeof import("./tasks/index.ts")>(..)`.
   * @throws FanfoldError `unknown_workflow`, `invalid_parameters` (`details.field`), `idempotency_conflict`
   * @example
   * const job = await client.start(squares, { n: 10 });
   * for await (const { state, counts } of job.watch()) console.log(state, counts);
   * const sum = await job.result();
   */
  start<const Ref extends WorkflowName<Module> | AnyWorkflow>(
    workflow: Ref,
    ...given: FieldsThen<FieldsOf<Module, Ref>, StartWorkflowOptions>
  ): Promise<StartedJob<ValueOfWork<Module, Ref>>>;
  /**
   * Starts a canvas: a signature, a chain, a group, or a canvas as data. It must miss no arguments.
   * @throws FanfoldError `invalid_canvas` (`details.field`), `unknown_task`, `unknown_queue`, `idempotency_conflict`
   * @example const job = await client.submit(chain(add.s(2, 2), add.s(4)));
   */
  submit<Work extends CanvasSource | TaskLike>(
    work: Work & Whole<Work>,
    options?: StartOptions,
  ): Promise<StartedJob<ValueOfWork<Module, Work>>>;
  /** Returns one run, or throws `run_not_found`. */
  run(runId: string): Promise<Run>;
  /**
   * Starts a canvas or a workflow, waits for its end, and returns its value, as JSON gives it: a list of values when it
   * ends in a group. With the name of a workflow the fields are always given, since a text alone is the id of a run.
   * @throws ResultError with the name and message of the error that ended the job. Without such an error the name is
   * `JobCancelled` or `JobTimedOut`.
   * @example const sum = await client.run(add.s(2, 2)); // 4
   */
  run<const Work extends CanvasSource | TaskLike | WorkflowName<Module> | AnyWorkflow>(
    work: Work & Whole<Work>,
    ...given: RunArguments<Module, Work, StartWorkflowOptions & ReadOptions>
  ): Promise<ValueOfWork<Module, Work>>;
  /** Returns a handle of a job by its id, with `wait`, `watch` and `result`. Asks the server nothing. */
  handle<Value = Json>(jobId: string): JobHandle<Value>;
  /** Starts a canvas in wire form, of unknown origin. The server checks it. */
  submitWire(canvas: unknown, options?: StartOptions): Promise<StartedJob>;
  /**
   * Returns what a job of the canvas would take, and what it would cost on AWS. Starts nothing. Throws what `submit`
   * would throw.
   */
  plan(canvas: CanvasSource, options?: PlanOptions): Promise<JobPlan>;
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
  /** Returns jobs, newest first: `await` gives a page, `for await` all of them. `stamp` selects jobs whose canvas carries it. */
  jobs(filter?: JobFilter): Pages<Job>;
  /**
   * Returns a group of a job, by the id that `ctx.spawnWithCallback` returns, or that of any other group. Throws
   * `group_not_found`, `group_expired`.
   */
  group(groupId: string, options?: ReadOptions): Promise<GroupView>;
  /** Returns the job as a graph of runs and groups. Big groups are folded. `run` selects the member that it is in. */
  graph(jobId: string, options?: ReadOptions & GraphOptions): Promise<JobGraph>;
  /** Returns the graph in the language of Graphviz (DOT). */
  graphDot(jobId: string, options?: ReadOptions & GraphOptions): Promise<string>;
  /** Returns the graph in the language of Mermaid. */
  graphMermaid(jobId: string, options?: ReadOptions & GraphOptions): Promise<string>;
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
  /** Returns the failures of all jobs, by task and reason: `await` gives a page, `for await` all of them. */
  failures(filter?: FailureFilter): Pages<FailureGroup>;
  /** Returns the messages that were given up, the newest first, page by page. */
  deadLetters(filter?: PageFilter & DeadLetterFilter): Pages<DeadLetter>;
  /** Returns one dead letter, or throws `dead_letter_not_found`. */
  deadLetter(id: string): Promise<DeadLetter>;
  /** Sends at most 500 dead letters to their queues again. The answer has a cursor when more may match. */
  redriveDeadLetters(action?: DeadLetterAction): Promise<DeadLetterCounts>;
  /** Large content, which a reference stands for in arguments and results. */
  readonly blobs: Blobs;
  /** Removes at most 500 dead letters for good. The answer has a cursor when more may match. */
  purgeDeadLetters(action?: DeadLetterAction): Promise<DeadLetterCounts>;
  /** Returns the locks and limits that are in use, in the order of their keys, page by page. */
  locks(filter?: LockFilter): Pages<LockView>;
  /**
   * Returns approvals and events that runs of all jobs wait for. They are answered with `complete` and `sendEvent`. It
   * reads every open group, so it is for people who look.
   */
  waits(filter?: WaitFilter): Pages<Wait>;
  /**
   * Returns the runs that jobs share, of tasks that are listed: those of a task, those that were given a blob, or both.
   * Throws `not_listed`, `unknown_task`.
   */
  identities(filter: IdentityFilter): Pages<Identity>;
  /**
   * Asks for a shared run without a job (docs/guide-ledger.md). `task.schedule(args)` does it with the submitter.
   * @throws FanfoldError `unknown_task`, `invalid_canvas`, `no_identity`, `run_not_ended`
   * @example await client.scheduleRun(digest.s("a"), { retry: true });
   */
  scheduleRun(work: CanvasSource, options?: ScheduleRunOptions): Promise<ScheduledRun>;
  /** Forgets a shared run: nobody takes its end any more. Throws `run_not_found`, and what `scheduleRun` throws. */
  forgetRun(work: CanvasSource): Promise<ForgottenRun>;
  /** Returns schedules, in the order of their names, page by page. */
  schedules(filter?: PageFilter): Pages<Schedule>;
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
