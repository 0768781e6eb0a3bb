import type { BlobRef } from "../core/blob-ref.ts";
import type { StatisticsFilter } from "../core/task/statistics.ts";
import type { Canvas } from "../core/canvas/canvas.ts";
import type { JobEstimate } from "../core/cost/job-estimate.ts";
import type { Json } from "../core/json.ts";
import type { PauseTarget } from "../core/pause.ts";
import type { StampFilter } from "../core/plan/stamps.ts";
import type { ErrorData, ResultEntry } from "../core/task/invocation.ts";
import type {
  DeadLetterCounts,
  DeadLetterView,
  FailureGroup,
  GroupView,
  JobEvent,
  JobGraph,
  JobView,
  IdentityView,
  LockView,
  Page,
  PauseView,
  QueueView,
  RetriedJobs,
  RetryPreview,
  ReportView,
  RunView,
  ScheduleView,
  SiteView,
  StatisticsPage,
  TriggeredSchedule,
  WaitView,
} from "./job-views.ts";
import type { PutBlobOptions } from "./items/shared-blobs.ts";
import type { Disposition, OpenBlob, ReceivedMessage } from "./ports.ts";
import type {
  DeadLetterAction,
  DeadLetterFilter,
  FailureFilter,
  JobFilter,
  IdentityFilter,
  LockFilter,
  OpenJobRequest,
  ReportFilter,
  Retried,
  RetryAllRequest,
  RetryRequest,
  RunFilter,
  SubmitOutcome,
  SubmitRequest,
  Submitted,
  ForgetRequest,
  ForgottenRun,
  ScheduledRun,
  ScheduleRequest,
  WaitFilter,
} from "./requests.ts";
import type { Claim, HeartbeatOutcome, HolderEnd, WorkerLoop } from "./worker-loop.ts";

export type * from "./job-views.ts";
export type * from "./requests.ts";

export interface SweepReport {
  /** Open headers for which a check was sent to the engine's queue. */
  readonly checked: number;
  /** Runs that became due, including those that could not be sent. */
  readonly due: number;
  /** Due runs that could not be sent. The next sweep tries again. `error` is the first reason. */
  readonly failed: number;
  readonly error?: unknown;
  /** Set when the time ran out before everything was checked. */
  readonly unfinished: boolean;
}

export interface Engine {
  /** Returns the id that a submission would get. Without a key it is a new one. */
  newJobId(request: Pick<SubmitRequest, "principal" | "idempotencyKey">): string;
  /** Starts a job. Durable when it returns. */
  submit(request: SubmitRequest): Promise<Submitted>;
  /**
   * Starts many jobs, and returns an outcome for each, in order. Reads, writes and sends of many jobs go out together. A
   * repeated call is harmless for those that have an Idempotency-Key.
   */
  submitMany(requests: readonly SubmitRequest[]): Promise<readonly SubmitOutcome[]>;
  /**
   * Returns what a submission would take and cost. Throws what the submission would throw. Starts and stores nothing.
   * `secondsPerTask` is assumed for every task, 0.1 by default.
   */
  estimate(request: SubmitRequest | OpenJobRequest, secondsPerTask?: number): JobEstimate;
  /** Starts a job that takes input. */
  openJob(request: OpenJobRequest): Promise<Submitted>;
  /**
   * Puts a page of input. The same page twice is harmless; another content under its number is refused
   * (`page_conflict`).
   */
  putInputPage(jobId: string, page: number, items: readonly Canvas[]): Promise<void>;
  /** Whether the input of an open job is items of path tasks, and not canvases. Throws `job_not_found`. */
  takesItems(jobId: string): Promise<boolean>;
  /** Puts a page of items of path tasks, as `putInputPage` puts canvases. */
  putItemPage(jobId: string, page: number, items: readonly Json[]): Promise<void>;
  /** Seals the input of a job. Idempotent for the same number of pages. */
  sealInput(jobId: string, pages: number): Promise<void>;
  /** Cancels a job. Durable when it returns. Returns false when the job had ended. Throws `job_not_found`. */
  cancel(jobId: string): Promise<boolean>;
  /**
   * Starts the next round of an ended job: what failed runs again in place, and so do the steps that had consumed it.
   * Ids, order and results of what succeeded stay. Durable when it returns. Throws `job_not_found`, `job_unfinished`,
   * `job_over`, `nothing_to_retry`, `run_live`, `link_not_retried`, `run_not_found`, `idempotency_conflict`.
   */
  retry(jobId: string, request: RetryRequest): Promise<Retried>;
  /** Returns what `retry` would run again, and throws what it would throw. Changes nothing. */
  previewRetry(jobId: string, request: RetryRequest): Promise<RetryPreview>;
  /**
   * Retries the jobs that have failures of a task, a reason, or both. Begins a round of each, restricted to them. A job
   * that cannot be retried is counted and left. Ask until there is no cursor; a call that threw may be repeated.
   */
  retryAll(request: RetryAllRequest): Promise<RetriedJobs>;
  /**
   * Revokes every run of a job that carries one of these stamps: runs that wait or run, runs without a row, and runs
   * that come later. Durable when it returns. Returns false when the job had ended. Throws `job_not_found`,
   * `too_many_stamps`, `invalid_request`.
   */
  revokeStamped(jobId: string, stamps: StampFilter): Promise<boolean>;
  /**
   * Revokes a run, the rest of its strand, and the group that it waits for. The id of a group revokes the run that
   * waits for it; the id of a job revokes the job. Durable when it returns. A running task is notified by its next
   * heartbeat. Returns false when the run had ended. Throws `run_not_found`, `job_not_found`.
   */
  revoke(id: string): Promise<boolean>;
  /**
   * Answers a run that waits for an approval or for work done elsewhere. Returns false when it was answered before, or
   * has ended. Throws `run_not_found`, `wrong_token`.
   */
  complete(
    runId: string,
    token: string,
    answer: { readonly value: Json } | { readonly error: ErrorData },
  ): Promise<boolean>;
  /**
   * Sends an event to the runs of a job that wait for it, now or later. The first event of a name stays. Returns false
   * when there was one before, or the job has ended. Throws `job_not_found`.
   */
  sendEvent(jobId: string, name: string, value: Json): Promise<boolean>;

  /**
   * Stores content under its SHA-256, for as long as the results of a job that ends now. Equal content is one blob.
   * Throws `payload_too_large`, `blob_mismatch`, `disk_full`, `invalid_request`.
   */
  putBlob(content: AsyncIterable<Uint8Array>, options?: PutBlobOptions): Promise<BlobRef>;
  /** Opens a blob. Throws `blob_not_found`. */
  openBlob(sha256: string): Promise<OpenBlob>;
  /** Keeps a blob as long as `putBlob` would. Returns its size in bytes, or undefined when there is none. */
  keepBlob(sha256: string): Promise<number | undefined>;

  job(jobId: string): Promise<JobView | undefined>;
  jobs(filter: JobFilter): Promise<Page<JobView>>;
  runs(jobId: string, filter: RunFilter): Promise<Page<RunView>>;
  run(runId: string): Promise<RunView | undefined>;
  /** Returns a group of a job, the root included. Throws `group_not_found`, `group_expired`. */
  group(groupId: string): Promise<GroupView>;
  /**
   * Yields the results of a job in order: those of a group with its pages flattened, or its one value. Memory is
   * constant. `from` is the first index.
   */
  results(jobId: string, options?: { readonly from?: number }): AsyncIterable<ResultEntry>;
  /**
   * Lists what the runs of a job, or one of them, have said of their items in streams, also while they go on. A page may
   * be empty although more follow. Throws `job_not_found`, `run_not_found`.
   */
  reports(jobId: string, filter: ReportFilter): Promise<Page<ReportView>>;
  events(jobId: string, filter: { limit?: number; cursor?: string }): Promise<Page<JobEvent>>;
  /** Returns the graph of a job, or of the member that begins with `run`. */
  graph(jobId: string, run?: string): Promise<JobGraph>;
  /** Lists locks and limits that are in use, in the order of their keys. A page may be empty although more follow. */
  locks(filter: LockFilter): Promise<Page<LockView>>;
  /**
   * Lists approvals and events that runs of all jobs wait for, in no particular order. A page may be empty although more
   * follow.
   */
  waits(filter: WaitFilter): Promise<Page<WaitView>>;
  /**
   * Lists runs that jobs share: those of a task, those that were given a blob, or both. A page may be empty although
   * more follow. Throws `invalid_request`, `unknown_task`, `not_listed`.
   */
  identities(filter: IdentityFilter): Promise<Page<IdentityView>>;
  /** Asks for a shared run without a job. Throws `invalid_canvas`, `unknown_task`, `no_identity`, `run_not_ended`. */
  scheduleRun(request: ScheduleRequest): Promise<ScheduledRun>;
  /** Forgets a shared run. Throws `run_not_found`, and what `scheduleRun` throws, but `run_not_ended`. */
  forgetRun(request: ForgetRequest): Promise<ForgottenRun>;
  /** Lists failures of all jobs by task and reason, in the order of these names. A page may be empty although more follow. */
  failures(filter: FailureFilter): Promise<Page<FailureGroup>>;
  /** Lists messages that were given up, the newest first. A page may be empty although more follow. */
  deadLetters(filter: DeadLetterFilter): Promise<Page<DeadLetterView>>;
  /** Returns one dead letter with the arguments of its first run. */
  deadLetter(id: string): Promise<DeadLetterView | undefined>;
  /** Sends dead letters to their queues again, and removes them then. */
  redriveDeadLetters(action: DeadLetterAction): Promise<DeadLetterCounts>;
  /** Removes dead letters for good. */
  purgeDeadLetters(action: DeadLetterAction): Promise<DeadLetterCounts>;

  /**
   * Keeps runs from starting, of a job, a queue, a site or a task. Those that run go on. Durable when it returns. Throws
   * `job_not_found`, `job_ended`, `unknown_queue`, `unknown_task`, `invalid_request`.
   */
  pause(target: PauseTarget): Promise<PauseView>;
  /**
   * Lets runs start again. Durable when it returns. Returns false when nothing was paused. Throws `job_not_found`,
   * `pause_in_config`, `invalid_queue_name`.
   */
  resume(target: PauseTarget): Promise<boolean>;
  /** Lists the queues of the configuration and those in `more`, with what waits in them and what a pause holds. */
  queues(more?: readonly string[]): Promise<readonly QueueView[]>;
  /** Lists the sites of these queues and those in `more`, with what their queues do. */
  sites(more?: readonly string[]): Promise<readonly SiteView[]>;
  /**
   * Lists statistics of tasks in the order of their names: counts, durations, speed. All are approximate. A page may be
   * empty although more follow. With `job` it says how long that job takes. Throws `job_not_found`.
   */
  statistics(filter: StatisticsFilter): Promise<StatisticsPage>;
  /**
   * Writes what this process has added up for the statistics since the last flush. Its host calls it every 5 seconds, and
   * before the process ends or is frozen. Never throws.
   */
  flushStatistics(): Promise<void>;
  /** Pauses and resumes sites as the configuration says (EngineConfig), and ends resumes that were cut off. */
  syncPauses(): Promise<void>;
  /** Lists what is paused, except for jobs, whose state says so. */
  pauses(): Promise<readonly PauseView[]>;

  /** Lists schedules in the order of their names. */
  schedules(filter: { limit?: number; cursor?: string }): Promise<Page<ScheduleView>>;
  /** Returns one schedule with its next times. Throws `schedule_not_found`. */
  schedule(name: string): Promise<ScheduleView>;
  /**
   * Creates or replaces a schedule, of JSON of unknown origin. It fires at the times after this one. The same schedule
   * again changes nothing. Throws `invalid_schedule`, `schedule_in_config`, and what the start of a job would throw.
   */
  putSchedule(name: string, spec: unknown): Promise<{ readonly created: boolean; readonly schedule: ScheduleView }>;
  /** Removes a schedule. Its jobs go on. Throws `schedule_not_found`, `schedule_in_config`. */
  deleteSchedule(name: string): Promise<void>;
  /** Pauses a schedule, or resumes it. Times that come in the pause do not fire. Throws `schedule_not_found`. */
  pauseSchedule(name: string, paused: boolean): Promise<ScheduleView>;
  /** Fires a schedule now. The same key fires it once. Throws `schedule_not_found`, and what the start throws. */
  triggerSchedule(name: string, idempotencyKey?: string): Promise<TriggeredSchedule>;
  /**
   * Puts the schedules of the configuration (EngineConfig), and removes those that have gone from it. Throws what their
   * starts would throw, before any is put.
   */
  syncSchedules(): Promise<void>;

  /**
   * Handles one message of any queue, including the engine's own. After a PortError the message must not be
   * acknowledged.
   */
  handle(message: ReceivedMessage, loop: WorkerLoop): Promise<Disposition>;
  /**
   * Handles one message that its queue gave up. What cannot be handled here becomes a dead letter. Throws like `handle`.
   */
  handleDeadLetter(message: ReceivedMessage, loop: WorkerLoop): Promise<Disposition>;
  /**
   * Notes whether another process found runs of a task quick (Watch). Members of small groups then share messages, where
   * the configuration says so. Only speed depends on it.
   */
  noteTaskSpeed(task: string, quick: boolean): void;
  /** Renews the leases of claims, and returns for each whether its holder may go on. */
  heartbeat(claims: readonly Claim[]): Promise<readonly HeartbeatOutcome[]>;
  /**
   * Ends the claims of a holder that its supervisor saw end. A death counts against a run that ran alone, or that is
   * known to have occupied the process. A run that was past its deadline fails with `task_timeout`.
   */
  endHolder(end: HolderEnd): Promise<void>;
  /**
   * Checks what is due, repairs what a lost message or a death left behind, and sends due runs. From `until` on
   * (milliseconds since the epoch) it leaves the rest to the next sweep. With `all` it checks every open header, and
   * finishes at once what calls of the API have left begun. A start does so, when every message is back in its queue.
   */
  sweep(options?: { readonly until?: number; readonly all?: boolean }): Promise<SweepReport>;
}
