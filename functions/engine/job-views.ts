import type { RunWhy } from "../core/task/run-cause.ts";
import type { JobCost } from "../core/cost/job-cost.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { JobState } from "../core/job-state.ts";
import type { PauseTarget } from "../core/pause.ts";
import type { Counts } from "../core/plan/counts.ts";
import type { ItemCounts } from "../core/task/item-counts.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { ErrorData, ItemReport } from "../core/task/invocation.ts";
import type { QueueSpeed } from "../core/task/statistics.ts";
import type { QueueDepth } from "./ports.ts";
import type { FiredBy, ScheduleSpec } from "../core/schedule/schedule.ts";

export type { JobState };
export type { GroupView } from "../core/plan/group-view.ts";
export type { LockUser, LockView } from "../core/task/lock-view.ts";
export type { WaitView } from "../core/plan/wait-view.ts";
export type { SiteView, StatisticsPage } from "../core/task/statistics.ts";
export type { DeadLetter as DeadLetterView, DeadLetterCounts } from "../core/task/dead-letter.ts";

export interface JobView {
  readonly jobId: string;
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  /** The firing of a schedule that started the job. */
  readonly schedule?: FiredBy;
  readonly state: JobState;
  /** Raised by each retry of what failed. */
  readonly round: number;
  /** Milliseconds since the epoch, like every `...At`. */
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly deadlineAt: number;
  /** Exact once the job has ended by completion (`countsExact`). Approximate before that, and only for display. */
  readonly counts: Counts;
  readonly countsExact: boolean;
  /**
   * Items of path tasks, by the state in which the last step left them. Absent when no task has counted any. Approximate
   * until `countsExact`.
   */
  readonly items?: ItemCounts;
  /** Task runs known so far. Grows while the job spawns. */
  readonly planned: number;
  /** Set only above 0, where one job is asked for: runs that wait to be admitted to a queue that has a cap. */
  readonly pending?: number;
  /** Set only on an ended job with exact counts, and only where one job is asked for. */
  readonly cost?: JobCost;
  /** The outcome of the root group. */
  readonly outcome?: "complete" | "failed" | "cancelled" | "timeout";
  readonly error?: ErrorData & { readonly runId: string };
  /** The value of a job that has ended well, unless it is a group, whose results are read with `results`. */
  readonly value?: Json;
}
/** One queue, with what waits in it. */
export interface QueueView extends QueueSpeed {
  readonly name: string;
  /** Absent when it is unknown. */
  readonly depth?: QueueDepth;
  /** Whether the queue, or its site, is paused. */
  readonly paused: boolean;
  /** Messages that a pause of the queue, its site or a task holds. */
  readonly parked: number;
  /** Set when there are more than were counted. */
  readonly parkedMore?: true;
  /** Absent when the queue has none. */
  readonly cap?: number;
  /** Runs that wait to be admitted. Absent when the queue has no cap, and nothing waits. */
  readonly backlog?: number;
  /** Set when there are more than were counted. */
  readonly backlogMore?: true;
}
/** What keeps runs from starting. */
export interface PauseView extends PauseTarget {
  /** `pausing`: runs that started before may still be held. `resuming`: what was parked is being sent. */
  readonly state: "pausing" | "paused" | "resuming";
  readonly at: number;
  /** `config`: `process: false` of a site. */
  readonly origin: "api" | "config";
}
/** A schedule: what it starts and when (core/schedule/schedule.ts), and how it stands. */
export interface ScheduleView extends Omit<ScheduleSpec, "paused"> {
  readonly name: string;
  readonly origin: "api" | "config";
  /** `ended`: there is no further time. */
  readonly state: "active" | "paused" | "ended";
  readonly createdAt: number;
  readonly nextAt?: number;
  /** The next times, at most five. Only where one schedule is asked for. */
  readonly upcoming?: readonly number[];
  /** The last nominal time that has fired. */
  readonly lastAt?: number;
  /** The newest job, or that of each element. */
  readonly jobs: readonly { readonly jobId: string; readonly element?: string }[];
  /** Nominal times whose jobs wait for the end of the job before. */
  readonly queued: readonly { readonly at: number; readonly element?: string }[];
  /** Firings that were left out because the job before had not ended. */
  readonly skipped: number;
  /** Why the last firing could not start a job. */
  readonly error?: { readonly code: string; readonly message: string; readonly at: number };
}
/** What a firing that somebody asked for has done. */
export interface TriggeredSchedule {
  readonly jobs: readonly { readonly jobId: string; readonly element?: string }[];
  /** Elements that were left out, and those whose jobs wait, because the job before has not ended. */
  readonly skipped: number;
  readonly queued: number;
  readonly errors: readonly { readonly element?: string; readonly code: string; readonly message: string }[];
}
/**
 * What a deferred run waits for: the event or the shared run `name`, the strand of its graph that begins with the run
 * `name`, or a limit or lock with the key `name`. A wait for a rate ends when the run may start.
 */
export interface Unmet {
  readonly of: "event" | "run" | "node" | "lock" | "concurrency" | "rate";
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}
/** A run that another one depends on. A run that is awaited has no name before it was consumed. */
export interface DependencyView {
  readonly name?: string;
  readonly runId: string;
  readonly task?: string;
  readonly status?: RunStatus;
  /** Set when it has ended otherwise since it was consumed. */
  readonly changed?: true;
}
export interface RunView {
  readonly runId: string;
  readonly jobId: string;
  readonly groupId: string;
  readonly index: number;
  readonly step: number;
  /** Absent on steps that the engine runs itself (groups, pages). */
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
  /** The group whose results are the value. */
  readonly collects?: string;
  /**
   * Where the value comes from once the child group settles the run: its own value, the results, or its only member.
   */
  readonly takes?: "own" | "group" | "replace" | "extras" | "answer";
  /** Set when another step follows a good end: the next step of a chain, or the body of a chord. */
  readonly next?: true;
  /** Set on the runs of a linear part of a graph that another part follows. Its result is not among those of the graph. */
  readonly followed?: true;
  /**
   * Set while the run waits for a person, an event or an execution. `token`, which `complete` needs, and `expiresAt`
   * (milliseconds since the epoch) are set only where one run is asked for.
   */
  readonly wait?: {
    readonly of: "approval" | "event" | "execution";
    readonly name: string;
    readonly token?: string;
    /** Name of the execution of the state machine `name`. */
    readonly execution?: string;
    readonly expiresAt?: number;
  };
  /** Set only on a deferred run: what it waits for, and when each wait ends. */
  readonly unmet?: readonly Unmet[];
  /**
   * Set on a run that runs no code, because jobs share a run of its task and arguments: that run, and the round whose
   * end it takes. `reused` says that it had ended before.
   */
  readonly adopts?: { readonly runId: string; readonly round: number; readonly reused: boolean };
  /**
   * Shared runs that it has asked for or declared, by name: those that it waits for, and those that its last committed
   * attempt has consumed. Set only where one run is asked for, as is the next.
   */
  readonly dependencies?: readonly DependencyView[];
  /** Runs that depend on this shared run, at most 100. */
  readonly dependents?: readonly string[];
  /** Why this round was begun, or why no code ran. */
  readonly why?: RunWhy;
  /** Version of its task that a shared run was begun for, or was made by. */
  readonly version?: number;
  /** Set on a shared run whose end is that of an earlier round, because all that it has consumed came out equal. */
  readonly verified?: true;
  /** Set on a failed shared run whose task has tiers: how often it has failed in a row, and when it runs again (ms). */
  readonly failures?: number;
  readonly retryAt?: number;
  /** Tasks by earlier versions of which a shared run was made. It is made anew, or verified, when somebody asks. */
  readonly outdated?: readonly { readonly task: string; readonly from: number; readonly to: number }[];
  /** Set only on a shared run that runs again because others have ended otherwise: these, the first one first. */
  readonly cause?: readonly string[];
  readonly stamps?: JsonObject;
  /** Set when the task is called for each item of a list. */
  readonly each?: "map" | "starmap";
  /** Arguments of the signature. Present only when a single run is read, and only for a task. */
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  /** Set only beside `args`. The run whose value, or whose failure, is put before the arguments. */
  readonly inputOf?: string;
  /** Log and stack of the last attempt that wrote any. Set only where one run is asked for. */
  readonly detail?: RunDetail;
  /** Log and stack of the attempts before that, latest first, at most 20. */
  readonly earlier?: readonly RunDetail[];
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
/** What a retry would run again. */
export interface RetryPreview {
  readonly jobId: string;
  readonly round: number;
  /** Failed runs that would run again. `exact` is false when only the first of them were counted. */
  readonly runs: number;
  readonly exact: boolean;
  readonly failures: readonly {
    readonly task: string;
    readonly reason: string;
    readonly status: RunStatus;
    readonly count: number;
    /** One of the runs. */
    readonly example: string;
  }[];
  /** Ended steps that would run again, because they had consumed what failed. */
  readonly again: readonly { readonly task: string; readonly count: number }[];
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}
/** What a run has said of one item. `position` is the place of the item among those that the run was given. */
export interface ReportView extends ItemReport {
  readonly runId: string;
}
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
/** What a retry of many jobs did, or would do. */
export interface RetriedJobs {
  readonly retried: number;
  /** Set by a dry run. The number of failed runs that would run again. */
  readonly runs?: number;
  /** Numbers of jobs that were left. */
  readonly skipped: {
    /** They have not ended. */
    readonly unfinished: number;
    /** They have reached their deadline or their last round, or have expired. */
    readonly over: number;
    /** What failed there was retried before. */
    readonly nothing: number;
  };
  /** A job with failures on several pages of one request is on each, with the same round. */
  readonly jobs: readonly {
    readonly jobId: string;
    readonly round: number;
    /** Set by a dry run. `exact` is set to false when only the first runs were counted. */
    readonly runs?: number;
    readonly exact?: false;
    /** Set when the job was supervised: its supervisor was answered at the end of an earlier round. */
    readonly supervised?: false;
  }[];
  /** Set when more jobs may match. */
  readonly cursor?: string;
}
/** A run or a group. Members of a big group are folded into one node with counts. */
export interface GraphNode {
  readonly id: string;
  readonly kind: "run" | "group" | "fold";
  readonly label: string;
  readonly status: RunStatus | "open" | "complete" | "failed" | "timeout" | "dropped";
  /** Set only above 0: the round in which a retry took it up. */
  readonly round?: number;
  /** Set only on folds. Number of members or steps, in total and by status. */
  readonly count?: number;
  readonly byStatus?: Counts;
}
/** `link` and `linkError` lead from a run to the links that it has called. */
export type GraphEdgeKind = "next" | "member" | "joins" | "link" | "linkError";
export interface JobGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: GraphEdgeKind }[];
}
/** A run that jobs share, as the list of identities shows it. */
export interface IdentityView extends Pick<
  RunView,
  | "runId"
  | "status"
  | "round"
  | "endedAt"
  | "error"
  | "version"
  | "verified"
  | "failures"
  | "retryAt"
  | "outdated"
  | "why"
> {
  readonly task: string;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
}
