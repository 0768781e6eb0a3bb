import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import type { JobCost } from "../core/cost/job-cost.ts";
import type { JobEstimate } from "../core/cost/job-estimate.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Counts } from "../core/plan/counts.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import type { ErrorData, ResultEntry } from "../core/task/invocation.ts";
import type { Disposition, ReceivedMessage } from "./ports.ts";
import type { Claim, HeartbeatOutcome, WorkerLoop } from "./worker-loop.ts";

export type JobState = "pending" | "started" | "success" | "failure" | "pausing" | "paused" | "cancelling" | "cancelled" | "timed-out";

export interface SubmitRequest {
  readonly canvas: Canvas;
  /** Name of the workflow that made the canvas; for people. */
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  /** Who submits; keys of different principals never collide. Default `local`. */
  readonly principal?: string;
  /** The same key with the same body gives the same job; with another body it is refused (`idempotency_conflict`). */
  readonly idempotencyKey?: string;
  /** Seconds until the job is `timed-out`; default and maximum are in EngineConfig. */
  readonly timeoutSeconds?: number;
  /** Decided before, by `newJobId`, where the job's id must be known before the job exists. Works as an Idempotency-Key. */
  readonly jobId?: string;
  /** Task token of a supervisor that waits for the job's end. The newest one of a job counts. */
  readonly token?: string;
}
/** A job whose root task's children are the items put in pages from outside (NDJSON), then sealed. */
export interface OpenJobRequest extends Omit<SubmitRequest, "canvas"> {
  /** Runs after all items; receives their results. */
  readonly body?: Canvas;
  readonly policy?: FailurePolicy;
}
export interface Submitted {
  readonly jobId: string;
  /** `false`: this submission met an earlier one with its Idempotency-Key. */
  readonly created: boolean;
}

export interface JobView {
  readonly jobId: string;
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  readonly state: JobState;
  /** Milliseconds since the epoch, like every `...At`. */
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly deadlineAt: number;
  /** Exact once the job has ended by completion (`countsExact`); before that approximate and only for display. */
  readonly counts: Counts;
  readonly countsExact: boolean;
  /** Task runs known so far; grows while the job spawns. */
  readonly planned: number;
  /** Of an ended job whose counts are exact; only where one job is asked for. */
  readonly cost?: JobCost;
  /** How the root group decided. */
  readonly outcome?: "complete" | "failed" | "cancelled" | "timeout";
  readonly error?: ErrorData & { readonly runId: string };
  /** The job's value when it has ended well and is not a group; a group's results are read with `results`. */
  readonly value?: Json;
}
export interface RunView {
  readonly runId: string;
  readonly jobId: string;
  readonly groupId: string;
  readonly index: number;
  readonly step: number;
  /** undefined for steps the engine runs itself (groups, pages). */
  readonly task?: string;
  readonly status: RunStatus;
  readonly round: number;
  readonly attempt: number;
  readonly queuedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly error?: ErrorData;
  readonly value?: Json;
  /** The group this run waits for or has collected. */
  readonly childGroup?: string;
  /** Its value is the results of this group. */
  readonly collects?: string;
  /** What it does with its child group: keeps its own value, takes the results, or is replaced by its only member. */
  readonly takes?: "own" | "group" | "replace" | "extras" | "answer";
  /** Something follows when it ends well: a step of a chain, or, of a group, the body of a chord. */
  readonly next?: true;
  /** Somebody is asked, or a state machine works. What `complete` needs, the token, and `expiresAt` (milliseconds since the epoch) only where one run is asked for. */
  readonly wait?: {
    readonly of: "approval" | "event" | "execution";
    readonly name: string;
    readonly token?: string;
    /** Name of the execution of the state machine `name`. */
    readonly execution?: string;
    readonly expiresAt?: number;
  };
  /** Of a deferred run: the events without which its task cannot go on, and until when it waits for them. */
  readonly unmet?: readonly { readonly of: "event"; readonly name: string; readonly expiresAt?: number }[];
  readonly stamps?: JsonObject;
  /** The task is called for each item of a list. */
  readonly each?: "map" | "starmap";
  /** Of the last attempt that had something to say; only where one run is asked for. */
  readonly detail?: RunDetail;
  /** Of the attempts before it, latest first, at most 20. */
  readonly earlier?: readonly RunDetail[];
}
export interface JobFilter {
  readonly state?: JobState;
  /** Jobs whose canvas carries it: of a canvas the first 16 different stamps count. */
  readonly stamp?: Stamp;
  readonly limit?: number;
  readonly cursor?: string;
}
export interface RunFilter {
  readonly status?: RunStatus;
  /** Runs that carry one of the values of one of these stamps. */
  readonly stamps?: StampFilter;
  readonly limit?: number;
  readonly cursor?: string;
}
export interface RunDetail {
  /** `<round>.<attempt>`, each padded with zeros. */
  readonly attempt: string;
  readonly stack?: string;
  /** `{ at, level, message, fields? }` */
  readonly log: readonly Json[];
  /** Lines left out between head and tail. */
  readonly dropped: number;
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}
export interface JobEvent {
  readonly at: number;
  readonly kind: "state" | "failure";
  readonly state?: JobState;
  readonly runId?: string;
  readonly task?: string;
  readonly error?: ErrorData;
}
/** Nodes are runs and groups; members of a big group are folded into one node with counts. */
export interface GraphNode {
  readonly id: string;
  readonly kind: "run" | "group" | "fold";
  readonly label: string;
  readonly status: RunStatus | "open" | "complete" | "failed" | "timeout" | "dropped";
  /** For a fold: how many members it stands for, and by status. */
  readonly count?: number;
  readonly byStatus?: Counts;
}
/** `link`, `linkError`: from a run to the callbacks that it has called. */
export type GraphEdgeKind = "next" | "member" | "joins" | "link" | "linkError";
export interface JobGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: GraphEdgeKind }[];
}

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
