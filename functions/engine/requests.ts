import type { Canvas, FailurePolicy } from "../core/canvas/canvas.ts";
import type { JsonObject } from "../core/json.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import type { JobState } from "./job-views.ts";

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
