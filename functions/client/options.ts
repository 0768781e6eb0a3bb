import type { Json } from "../core/json.ts";
import type { RetryFilter } from "../core/plan/retry-filter.ts";
import type { Stamp, StampFilter } from "../core/plan/stamps.ts";
import type { CanvasSource } from "../sdk/builder-types.ts";
import type { DeadLetterReason, JobState, RunStatus, StartOptions } from "./types.ts";

/** Options of the start of a workflow. */
export interface StartWorkflowOptions extends StartOptions {
  /**
   * `true` lets a state machine start the job and wait for its end; only on AWS. The job can be read a moment later.
   */
  readonly supervised?: boolean;
}
/** Which page of a list to read. */
export interface PageFilter extends ReadOptions {
  /** Items of the page, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** Cursor that the previous page returned. Default: the first page. */
  readonly cursor?: string;
}
/** Which failures to list. */
export interface FailureFilter extends ReadOptions {
  readonly task?: string;
  /** The reason of the error, or its name when it has none. */
  readonly reason?: string;
  /** Milliseconds since the epoch, from which on the failures count. */
  readonly since?: number;
  /** Kinds of failures in the page, 1 to 100. Default 50. */
  readonly limit?: number;
  /** Cursor that the previous page returned. Default: the first page. */
  readonly cursor?: string;
}
/** Which jobs to list. */
export interface JobFilter extends PageFilter {
  readonly state?: JobState;
  /** Jobs of this workflow. */
  readonly workflow?: string;
  /** Jobs whose canvas carries it. */
  readonly stamp?: Stamp;
}
/** Which runs of a job to list. */
export interface RunFilter extends PageFilter {
  readonly status?: RunStatus;
  /** The runs of this task. */
  readonly task?: string;
  /** Runs that carry one of the values of one of the names. */
  readonly stamps?: StampFilter;
  /** The runs of one group. */
  readonly group?: string;
}
/** Which shared runs to list. A task or a blob is given, or both. */
export interface IdentityFilter extends ReadOptions {
  readonly task?: string;
  /** SHA-256 of a blob among their arguments. */
  readonly blob?: string;
  readonly status?: RunStatus;
  /** Runs that the page looks at, 1 to 100. Default 50. */
  readonly limit?: number;
  /** Cursor that the previous page returned. Default: the first page. */
  readonly cursor?: string;
}
/** What path tasks have streamed: of a job, or of one run. */
export interface ReportFilter extends PageFilter {
  readonly run?: string;
}
/** What becomes of items of path tasks: `each` runs for every chunk of `chunkSize` of them, by default 40. */
export interface OpenItems {
  /** Begins with a path task, which is given the items of a chunk as `paths`. */
  readonly each: CanvasSource;
  readonly chunkSize?: number;
}
/** An item of a path task. `path` is its key, and `size` is in bytes. */
export interface InputItem {
  readonly path: string;
  readonly size?: number;
  readonly [name: string]: Json | undefined;
}
/** Which locks and limits to list. */
export interface LockFilter extends ReadOptions {
  /** Only those with this key. */
  readonly key?: string;
  /** Keys that the page looks at, 1 to 100. Default 50. */
  readonly limit?: number;
  /** Cursor that the previous page returned. Default: the first page. */
  readonly cursor?: string;
}
/** Which waits for a person to list. */
export interface WaitFilter extends ReadOptions {
  readonly of?: "approval" | "event";
  /** Open groups that the page looks at, 1 to 500. Default 200. */
  readonly limit?: number;
  /** Cursor that the previous page returned. Default: the first page. */
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
