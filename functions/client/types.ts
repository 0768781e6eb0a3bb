import type { RunWhy } from "../core/task/run-cause.ts";
import type { JobCost } from "../core/cost/job-cost.ts";
import type { JobEstimate } from "../core/cost/job-estimate.ts";
import type { JobState } from "../core/job-state.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { PauseTarget } from "../core/pause.ts";
import type { Counts } from "../core/plan/counts.ts";
import type { ItemCounts } from "../core/task/item-counts.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { FiredBy, ScheduleSpec } from "../core/schedule/schedule.ts";
import type { ErrorData, ItemReport, ResultEntry } from "../core/task/invocation.ts";
import type { QueueSpeed } from "../core/task/statistics.ts";

export type { JobState, PauseTarget, ScheduleSpec };

// Answers of the API, as /openapi.json describes them. Times are milliseconds since the epoch.

/** A schedule: what it starts and when, and how it stands. */
export interface Schedule extends Omit<ScheduleSpec, "paused"> {
  readonly name: string;
  /** `config`: it is changed and removed only in fanfold.config.ts. */
  readonly origin: "api" | "config";
  /** `ended`: there is no further time. */
  readonly state: "active" | "paused" | "ended";
  readonly createdAt: number;
  readonly nextAt?: number;
  /** The next times, at most five. Absent in lists. */
  readonly upcoming?: readonly number[];
  /** The last nominal time that has fired. */
  readonly lastAt?: number;
  /** The newest job of each element. */
  readonly jobs: readonly { readonly jobId: string; readonly element?: string }[];
  /** Nominal times whose jobs wait for the end of the job before. */
  readonly queued: readonly { readonly at: number; readonly element?: string }[];
  /** Firings that were left out because the job before had not ended. */
  readonly skipped: number;
  /** Why the last firing could not start a job. */
  readonly error?: { readonly code: string; readonly message: string; readonly at: number };
}
/** What a firing that was asked for has done. */
export interface TriggeredSchedule {
  readonly jobs: readonly { readonly jobId: string; readonly element?: string }[];
  /** Elements that were left out, and those whose jobs wait, because the job before has not ended. */
  readonly skipped: number;
  readonly queued: number;
  readonly errors: readonly { readonly element?: string; readonly code: string; readonly message: string }[];
}

/** What a server says of itself. A part that it cannot know is absent. */
export interface Health {
  readonly status: "ok" | "degraded";
  readonly version: string;
  /** Why the server is degraded. */
  readonly reasons: readonly ("store_unwritable" | "no_worker")[];
  readonly store: { readonly writable: boolean; readonly why?: string };
  readonly workers?: { readonly total: number; readonly ready: number; readonly restarts: number };
  readonly slots?: { readonly total: number; readonly busy: number };
  /** Numbers of messages by queue, and the age of the oldest one that is ready. */
  readonly queues: {
    readonly [queue: string]: {
      readonly ready: number;
      readonly delayed: number;
      readonly inFlight: number;
      readonly oldestSeconds?: number;
      /** Runs of the queue that hold a lease. */
      readonly started?: number;
    };
  };
}
/** The answer to a start. */
export interface Submitted {
  readonly jobId: string;
  /** `false` when an earlier start had the same idempotency key. This is its job. */
  readonly created: boolean;
}
/** Options of every call that starts a job. */
export interface StartOptions {
  /** The same key with the same body returns the same job. With another body the call throws `idempotency_conflict`. */
  readonly idempotencyKey?: string;
  /** Seconds until the job is `timed-out`. */
  readonly timeoutSeconds?: number;
}
/** The answer to a retry. */
export interface Retried {
  readonly jobId: string;
  /** The round that began. */
  readonly round: number;
  /** `false` when an earlier retry had the same idempotency key. This is its round. */
  readonly created: boolean;
  /** Set when the job was supervised. Its supervisor has its answer, and hears nothing of this round. */
  readonly supervised?: false;
}
/** What a retry would run again. */
export interface RetryPreview {
  readonly jobId: string;
  /** The round that would begin. */
  readonly round: number;
  /** Failed runs that would run again. `exact` is `false` when only the first of them were counted. */
  readonly runs: number;
  readonly exact: boolean;
  readonly failures: readonly {
    readonly task: string;
    /** Reason of the error, or its name when it has none. */
    readonly reason: string;
    readonly status: RunStatus;
    readonly count: number;
    /** Id of one of the runs. */
    readonly example: string;
  }[];
  /** Ended steps that would run again, because they had consumed what failed. */
  readonly again: readonly { readonly task: string; readonly count: number }[];
}
/** What a retry of many jobs did, or would do. */
export interface RetriedJobs {
  /** The number of `jobs`. */
  readonly retried: number;
  /** Set by a dry run. The number of failed runs that would run again. */
  readonly runs?: number;
  /**
   * Numbers of jobs that were left. `unfinished`: they have not ended. `over`: they have reached their deadline or
   * their last round, or have expired. `nothing`: all of it was retried before.
   */
  readonly skipped: { readonly unfinished: number; readonly over: number; readonly nothing: number };
  /** A job with failures on several pages of one request is on each, with the same round. */
  readonly jobs: readonly {
    readonly jobId: string;
    readonly round: number;
    /** Set by a dry run. `exact` is set to `false` when only the first of the runs were counted. */
    readonly runs?: number;
    readonly exact?: false;
    /** Set when the job was supervised: its state machine was answered at the end of an earlier round. */
    readonly supervised?: false;
  }[];
  /** Set when more jobs may match. */
  readonly cursor?: string;
}
/** One job. */
export interface Job {
  readonly jobId: string;
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  /** Set when a schedule started the job. */
  readonly schedule?: FiredBy;
  readonly state: JobState;
  /** Raised by each retry of what failed. */
  readonly round: number;
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly deadlineAt: number;
  /** Ended task runs by outcome. Approximate until `countsExact`. */
  readonly counts: Counts;
  readonly countsExact: boolean;
  /**
   * Items of path tasks, by the state in which the last step left them. Absent when no task has counted any. Approximate
   * until `countsExact`.
   */
  readonly items?: ItemCounts;
  /** Task runs known so far. Grows while the job spawns. */
  readonly planned: number;
  /** Runs that wait to be admitted to a queue with a cap. Absent when there are none, and in lists. */
  readonly pending?: number;
  /** Set only for an ended job whose counts are exact, and not in lists. */
  readonly cost?: JobCost;
  readonly outcome?: "complete" | "failed" | "cancelled" | "timeout";
  readonly error?: ErrorData & { readonly runId: string };
  readonly value?: Json;
}
/** One run. */
export interface Run {
  readonly runId: string;
  readonly jobId: string;
  readonly groupId: string;
  readonly index: number;
  readonly step: number;
  readonly task?: string;
  readonly status: RunStatus;
  readonly round: number;
  readonly attempt: number;
  readonly queuedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly error?: ErrorData;
  readonly value?: Json;
  readonly childGroup?: string;
  /** Set only when the value of the run is the results of this group. */
  readonly collects?: string;
  readonly takes?: "own" | "group" | "replace" | "extras" | "answer";
  /** Set only when another step follows a success: the next step of a chain, or the body of a chord. */
  readonly next?: true;
  /** Set only on the runs of a linear part of a graph that another part follows. Its result is none of the graph's. */
  readonly followed?: true;
  /**
   * Set only while the run waits for an answer, an event or an execution. `token` (for `complete`) and `expiresAt` are
   * present only when a single run is read.
   */
  readonly wait?: {
    readonly of: "approval" | "event" | "execution";
    readonly name: string;
    readonly token?: string;
    /** Name of the execution. `name` is then its state machine. */
    readonly execution?: string;
    readonly expiresAt?: number;
  };
  /**
   * Set only for a deferred run: the event, the shared run or the node of its graph that it waits for, or the key of a
   * lock or limit, and until when. A wait for a rate ends when the run may start.
   */
  readonly unmet?: readonly {
    readonly of: "event" | "run" | "node" | "lock" | "concurrency" | "rate";
    readonly name: string;
    readonly expiresAt?: number;
  }[];
  /**
   * Set when jobs share a run of its task and arguments: that run, and the round whose end this run takes over.
   * `reused` says that it had ended before.
   */
  readonly adopts?: { readonly runId: string; readonly round: number; readonly reused: boolean };
  /**
   * Shared runs that it waits for, or that its last committed attempt has consumed, by name. `changed` says that one has
   * ended otherwise since. Present only when a single run is read, as is the next.
   */
  readonly dependencies?: readonly {
    readonly name?: string;
    readonly runId: string;
    readonly task?: string;
    readonly status?: RunStatus;
    readonly changed?: true;
  }[];
  /** Runs that depend on this shared run, at most 100. */
  readonly dependents?: readonly string[];
  /** Why the run has run, or not. Present only when a single run is read. */
  readonly why?: RunWhy;
  /** Version of its task that a shared run was begun for, or was made by. */
  readonly version?: number;
  /** Set on a shared run whose earlier end holds, because all that it had consumed came out equal. */
  readonly verified?: true;
  /** Set on a failed shared run whose task has tiers: how often it has failed in a row, and when it runs again (ms). */
  readonly failures?: number;
  readonly retryAt?: number;
  /** Tasks by earlier versions of which a shared run was made. It is made anew, or verified, when somebody asks. */
  readonly outdated?: readonly { readonly task: string; readonly from: number; readonly to: number }[];
  /** Set on a shared run that runs again because others have ended otherwise: these, the first one first. */
  readonly cause?: readonly string[];
  readonly stamps?: JsonObject;
  readonly each?: "map" | "starmap";
  /** Arguments of the signature. Present only when a single run is read, and only for a task. */
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  /** The run whose value, or whose failure, is put before the arguments. Of a wait it is what the wait is about. */
  readonly inputOf?: string;
  /** Log and stack of the last attempt that wrote any. Present only when a single run is read. */
  readonly detail?: RunDetail;
  /** The same for earlier attempts, latest first. */
  readonly earlier?: readonly RunDetail[];
}
/** Log and stack of one attempt. */
export interface RunDetail {
  /** `<round>.<attempt>`. */
  readonly attempt: string;
  readonly stack?: string;
  readonly log: readonly Json[];
  /** Lines left out between the first and the last. */
  readonly dropped: number;
}
/** One page of a list. `cursor` is present when more items may follow. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}
/** One change of a job's state, or one failure in it. */
export interface JobEvent {
  readonly at: number;
  readonly kind: "state" | "failure" | "retried";
  /** Set only on `retried`. The round that began. */
  readonly round?: number;
  readonly state?: JobState;
  readonly runId?: string;
  readonly task?: string;
  readonly error?: ErrorData;
}
/** What a path task has streamed of one item. `position` is the place of the item among those that the run was given. */
export interface Report extends ItemReport {
  readonly runId: string;
}
/** Failures of one task for one reason. */
export interface FailureGroup {
  readonly task: string;
  /** The reason of the error, or its name when it has none. */
  readonly reason: string;
  readonly count: number;
  /** Set when there are more failures than were counted. */
  readonly more?: true;
  readonly firstAt: number;
  readonly lastAt: number;
  /** The newest error. */
  readonly error: Pick<ErrorData, "name" | "message">;
  /** The newest failures first, at most five. */
  readonly runIds: readonly string[];
}
export type { GroupView } from "../core/plan/group-view.ts";
/** A run that jobs share, as the list of them shows it. */
export interface Identity extends Pick<
  Run,
  | "runId"
  | "status"
  | "round"
  | "endedAt"
  | "error"
  | "why"
  | "version"
  | "verified"
  | "failures"
  | "retryAt"
  | "outdated"
> {
  readonly task: string;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
}
export type { RunWhy } from "../core/task/run-cause.ts";
export type { WaitView as Wait } from "../core/plan/wait-view.ts";
export type { LockUser, LockView } from "../core/task/lock-view.ts";
export type { SiteView as Site, StatisticsPage, TaskFigures, TaskStatistics } from "../core/task/statistics.ts";
export type { DeadLetter, DeadLetterCounts, DeadLetterReason } from "../core/task/dead-letter.ts";
/** A node of the graph of a job. A fold stands for `count` members of a big group. */
export interface GraphNode {
  readonly id: string;
  readonly kind: "run" | "group" | "fold";
  readonly label: string;
  readonly status: string;
  /** Set only above 0: the round in which a retry took it up. */
  readonly round?: number;
  readonly count?: number;
  readonly byStatus?: Counts;
}
/** The graph of a job. */
export interface JobGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly {
    readonly from: string;
    readonly to: string;
    readonly kind: "next" | "member" | "joins" | "link" | "linkError";
  }[];
}
/** One queue, with what waits in it. */
export interface Queue extends QueueSpeed {
  readonly name: string;
  /** Numbers of messages, approximate on AWS. Absent when they are unknown. */
  readonly depth?: { readonly ready: number; readonly delayed: number; readonly inFlight: number };
  /** Age of the oldest ready message. Only on one machine. */
  readonly oldestSeconds?: number;
  /** Runs that hold a lease now. Only on one machine. */
  readonly started?: number;
  /** Whether the queue, or its site, is paused. */
  readonly paused: boolean;
  /** Messages that a pause of the queue, its site or a task holds; not those of paused jobs. */
  readonly parked: number;
  /** Set when there are more than were counted. */
  readonly parkedMore?: true;
  /** Messages, ready or in flight, that the queue takes. Absent when it takes any number. */
  readonly cap?: number;
  /** Runs that wait to be admitted. Only of a queue that has, or had, a cap. */
  readonly backlog?: number;
  /** Set when there are more than were counted. */
  readonly backlogMore?: true;
}
/** What keeps runs from starting. */
export interface Pause extends PauseTarget {
  /** `pausing`: what started before may still run. `resuming`: what was parked is being sent. */
  readonly state: "pausing" | "paused" | "resuming";
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `config`: `process: false` of a site in fanfold.config.ts. */
  readonly origin: "api" | "config";
}
/** One workflow that can be started. */
export interface WorkflowInfo {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of its fields. */
  readonly parametersSchema: JsonObject;
}
export type { ErrorData, JobCost, JobEstimate as JobPlan, Json, JsonObject, ResultEntry, RunStatus };

const ENDED: ReadonlySet<JobState> = new Set<JobState>(["success", "failure", "cancelled", "timed-out"]);
/** Returns whether the job has ended, so that its state changes only when it is retried. */
export function hasEnded(job: { readonly state: JobState }): boolean {
  return ENDED.has(job.state);
}
