import type { Canvas } from "../core/canvas/canvas.ts";
import type { JobEstimate } from "../core/cost/job-estimate.ts";
import type { Json } from "../core/json.ts";
import type { StampFilter } from "../core/plan/stamps.ts";
import type { ErrorData, ResultEntry } from "../core/task/invocation.ts";
import type { JobEvent, JobGraph, JobView, Page, RunView } from "./job-views.ts";
import type { Disposition, ReceivedMessage } from "./ports.ts";
import type { JobFilter, OpenJobRequest, RunFilter, SubmitRequest, Submitted } from "./requests.ts";
import type { Claim, HeartbeatOutcome, WorkerLoop } from "./worker-loop.ts";

export type * from "./job-views.ts";
export type * from "./requests.ts";

export interface SweepReport {
  /** Open headers for which a check was ordered. */
  readonly checked: number;
  /** Runs that became due and were handed to their queues, failed ones included. */
  readonly due: number;
  /** Due runs that could not be sent; they are tried again by the next sweep. `error`: the first reason. */
  readonly failed: number;
  readonly error?: unknown;
  /** The time was over before everything was looked at. */
  readonly unfinished: boolean;
}

export interface Engine {
  /** The id that a submission would get: fresh without a key. */
  newJobId(request: Pick<SubmitRequest, "principal" | "idempotencyKey">): string;
  submit(request: SubmitRequest): Promise<Submitted>;
  /** What a submission would take and cost. Throws what the submission would throw; starts and stores nothing. `secondsPerTask`: assumed of every task, 0.1 by default. */
  estimate(request: SubmitRequest | OpenJobRequest, secondsPerTask?: number): JobEstimate;
  openJob(request: OpenJobRequest): Promise<Submitted>;
  /** Idempotent by page number: the same page twice is harmless, another content is refused (`page_conflict`). */
  putInputPage(jobId: string, page: number, items: readonly Canvas[]): Promise<void>;
  sealInput(jobId: string, pages: number): Promise<void>;
  /** Durable when it returns; `false`: the job had already ended (or does not exist: throws `job_not_found`). */
  cancel(jobId: string): Promise<boolean>;
  /**
   * Revokes every run of a job that carries one of these stamps: those that wait or run, those that have no row yet, and those that come later. Durable when it
   * returns. `false`: the job had already ended. Throws `job_not_found`, `too_many_stamps`, `invalid_request`.
   */
  revokeStamped(jobId: string, stamps: StampFilter): Promise<boolean>;
  /**
   * Revokes a run, with what would have followed it in its strand and with the group it waits for; or the run that waits for a group, by the group's id; or
   * a job. Durable when it returns. What runs is told by its next heartbeat. `false`: it had ended already. Throws `run_not_found`, `job_not_found`.
   */
  revoke(id: string): Promise<boolean>;
  /** Answers a run that waits for an approval or for work done elsewhere. `false`: it was answered before, or has ended. Throws `run_not_found`, `invalid_request`. */
  complete(runId: string, token: string, answer: { readonly value: Json } | { readonly error: ErrorData }): Promise<boolean>;
  /** An event for the runs of a job that wait for it, now or later; the first of a name stays. `false`: there was one. Throws `job_not_found`. */
  sendEvent(jobId: string, name: string, value: Json): Promise<boolean>;

  job(jobId: string): Promise<JobView | undefined>;
  jobs(filter: JobFilter): Promise<Page<JobView>>;
  runs(jobId: string, filter: RunFilter): Promise<Page<RunView>>;
  run(runId: string): Promise<RunView | undefined>;
  /** Ordered results: of the job's value when that is a group (pages flattened), else its one value. Streams; constant memory. `from`: the first index. */
  results(jobId: string, options?: { readonly from?: number }): AsyncIterable<ResultEntry>;
  events(jobId: string, filter: { limit?: number; cursor?: string }): Promise<Page<JobEvent>>;
  graph(jobId: string): Promise<JobGraph>;

  /** Handles one message of any queue, the engine queue included. Throws PortError: then do not acknowledge. */
  handle(message: ReceivedMessage, loop: WorkerLoop): Promise<Disposition>;
  /** Handles one message that its queue gave up; `dead`: it can never be handled. Throws like `handle`. */
  handleDeadLetter(message: ReceivedMessage, loop: WorkerLoop): Promise<Disposition>;
  heartbeat(claims: readonly Claim[]): Promise<readonly HeartbeatOutcome[]>;
  /** The supervisor saw the holder die: its leases end now, and the deaths count when the run was alone. */
  endLeases(claims: readonly Claim[]): Promise<void>;
  /**
   * One pass over what is due for a check: repairs whatever a lost message or a death left behind, sends due runs. `until` (milliseconds since the epoch): leaves the
   * rest to the next pass.
   */
  sweep(options?: { readonly until?: number }): Promise<SweepReport>;
}
