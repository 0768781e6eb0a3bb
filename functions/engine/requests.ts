import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import type { JsonObject } from "../core/json.ts";
import type { RetryFilter } from "../core/plan/retry-filter.ts";
import type { FiredBy } from "../core/schedule/schedule.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import type { WaitView } from "../core/plan/wait-view.ts";
import type { JobState } from "./job-views.ts";

export type { FiredBy, RetryFilter };

export interface SubmitRequest {
  readonly canvas: Canvas;
  /** Name of the workflow that made the canvas, for people. */
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  /** The submitter, `local` by default. Keys of different principals never collide. */
  readonly principal?: string;
  /** The same key with the same body gives the same job. With another body it is refused (`idempotency_conflict`). */
  readonly idempotencyKey?: string;
  /** Seconds until the job is `timed-out`. Default and maximum are in EngineConfig. */
  readonly timeoutSeconds?: number;
  /** An id from `newJobId`, for callers that must know it before the job exists. Works like an Idempotency-Key. */
  readonly jobId?: string;
  /** Task token of a supervisor that waits for the end of the job. The newest token of a job counts. */
  readonly token?: string;
  /** Set only by the engine, for jobs that a schedule starts. */
  readonly schedule?: FiredBy;
}
/** A job whose first step is an open group. Its items are put in pages from outside, then sealed. */
export interface OpenJobRequest extends Omit<SubmitRequest, "canvas"> {
  /** Runs after all items, and receives their results. */
  readonly body?: Canvas;
  readonly policy?: FailurePolicy;
  /** Set when the pages hold items of path tasks. Absent when they hold canvases. */
  readonly items?: ItemsRequest;
}
/** What becomes of the items of an open job. */
export interface ItemsRequest {
  /** Runs for each chunk of items. Its first task is a path task, which is given the chunk as `paths`. */
  readonly each: Canvas;
  /** Items of a chunk, 1 to 4,096. Default 40. */
  readonly chunkSize?: number;
}
export interface RetrySelection {
  /** Absent: everything that failed. */
  readonly filter?: RetryFilter;
  /** Steps that had consumed what is retried keep their results. By default they run again. */
  readonly keepDownstream?: boolean;
}
/** What a round retries, as its root header keeps it. `at` is in milliseconds since the epoch. */
export interface RetryOrder extends RetrySelection {
  readonly at: number;
  /** Names the request, so a repeated request does not start another round. */
  readonly key?: string;
}
export interface RetryRequest extends RetrySelection {
  /** Who asks, `local` by default. Keys of different principals never collide. */
  readonly principal?: string;
  /** The same key for the same job starts one round. With another selection it is refused (`idempotency_conflict`). */
  readonly idempotencyKey?: string;
}
export interface Retried {
  readonly jobId: string;
  readonly round: number;
  /** False when an earlier request with the same Idempotency-Key began the round. */
  readonly created: boolean;
  /** Set when the job was supervised: its supervisor was answered at the end of an earlier round. */
  readonly supervised?: false;
}
/** Which jobs to retry, by their failures, and how. A task or a reason is given, or both. */
export interface RetryAllRequest extends Omit<RetryRequest, "filter"> {
  readonly task?: string;
  /** The reason of the error, or its name when it has none. */
  readonly reason?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  /** Only counts. */
  readonly dryRun?: boolean;
  /** Jobs that one call looks at, 100 by default and at most. */
  readonly limit?: number;
  /** Continues a request after an earlier answer. */
  readonly cursor?: string;
}
export interface Submitted {
  readonly jobId: string;
  /** False when an earlier submission with the same Idempotency-Key created the job. */
  readonly created: boolean;
}

/** What became of one submission of a batch of starts: its job, or what `submit` would have thrown. */
export type SubmitOutcome = { readonly submitted: Submitted } | { readonly error: unknown };

export interface JobFilter {
  readonly state?: JobState;
  /** Jobs whose canvas carries this stamp. The first 16 different stamps of a canvas count. */
  readonly stamp?: Stamp;
  /** Jobs of this workflow. */
  readonly workflow?: string;
  readonly limit?: number;
  readonly cursor?: string;
}
export interface RunFilter {
  readonly status?: RunStatus;
  /** Only runs of this task. */
  readonly task?: string;
  /** Only runs of this group, without those of the groups below it. */
  readonly groupId?: string;
  /** Runs that carry one of the values of one of these stamps. */
  readonly stamps?: StampFilter;
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which reports of items to list: those of one run, or of all runs of a job. */
export interface ReportFilter {
  readonly runId?: string;
  /** Default 1,000, at most 10,000. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which failures to list. `since` is in milliseconds since the epoch. */
export interface FailureFilter {
  readonly task?: string;
  readonly reason?: string;
  readonly since?: number;
  /** Kinds of failures, 50 by default and at most 100. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** A signature whose shared run is forgotten. `principal` is the hash of who asks; absent for the local one. */
export interface ForgetRequest {
  readonly canvas: Canvas;
  readonly principal?: string | undefined;
}
/** A signature whose shared run is asked for without a job. */
export interface ScheduleRequest extends ForgetRequest {
  /** Runs it again although it has ended. Default `false`. */
  readonly retry?: boolean | undefined;
  /** `false` sends no message: the sweep does, some minutes later. Default `true`. */
  readonly queueNow?: boolean | undefined;
  /** Takes away dependencies that the signature does not name. Default `false`. */
  readonly deleteExtraDeps?: boolean | undefined;
}
export type { ForgottenRun, ScheduledRun } from "../core/task/scheduled-run.ts";
/** Which shared runs to list: those of a task, those that were given a blob (its SHA-256), or both. */
export interface IdentityFilter {
  readonly task?: string;
  readonly blob?: string;
  readonly status?: RunStatus;
  /** Shared runs that are looked at, 50 by default and at most 100. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which locks and limits to list. */
export interface LockFilter {
  readonly key?: string;
  /** 50 by default and at most 100. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which waits for a person to list. */
export interface WaitFilter {
  readonly of?: WaitView["of"];
  /** Open groups that are looked at, 200 by default and at most 500. */
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which dead letters to list. All fields that are given must match. */
export interface DeadLetterFilter {
  readonly id?: string;
  readonly queue?: string;
  readonly task?: string;
  readonly reason?: string;
  readonly jobId?: string;
  readonly limit?: number;
  readonly cursor?: string;
}
/** Which dead letters to redrive or purge. At most 500 in one call. */
export interface DeadLetterAction extends DeadLetterFilter {
  /** Only counts. */
  readonly dryRun?: boolean;
}
