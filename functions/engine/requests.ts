import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import type { JsonObject } from "../core/json.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import type { JobState } from "./job-views.ts";

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
}
/** A job whose first step is an open group. Its items are put in pages from outside, then sealed. */
export interface OpenJobRequest extends Omit<SubmitRequest, "canvas"> {
  /** Runs after all items, and receives their results. */
  readonly body?: Canvas;
  readonly policy?: FailurePolicy;
}
export interface Submitted {
  readonly jobId: string;
  /** False when an earlier submission with the same Idempotency-Key created the job. */
  readonly created: boolean;
}

export interface JobFilter {
  readonly state?: JobState;
  /** Jobs whose canvas carries this stamp. The first 16 different stamps of a canvas count. */
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
/** Which failures to list. `since` is in milliseconds since the epoch. */
export interface FailureFilter {
  readonly task?: string;
  readonly reason?: string;
  readonly since?: number;
  /** Kinds of failures, 50 by default and at most 100. */
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
