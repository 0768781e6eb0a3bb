import type { JobCost } from "../core/cost/job-cost.ts";
import type { JobEstimate } from "../core/cost/job-estimate.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Counts } from "../core/plan/counts.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { ErrorData, ResultEntry } from "../core/task/invocation.ts";

/** Answers of the API, as /openapi.json describes them. Times are milliseconds since the epoch. */
export type JobState = "pending" | "started" | "success" | "failure" | "pausing" | "paused" | "cancelling" | "cancelled" | "timed-out";

export interface Submitted {
  readonly jobId: string;
  /** `false`: the idempotency key met an earlier start; this is its job. */
  readonly created: boolean;
}
export interface Job {
  readonly jobId: string;
  readonly workflow?: string;
  readonly parameters?: JsonObject;
  readonly state: JobState;
  readonly createdAt: number;
  readonly endedAt?: number;
  readonly deadlineAt: number;
  /** Task runs by outcome; approximate until `countsExact`. */
  readonly counts: Counts;
  readonly countsExact: boolean;
  /** Task runs known so far; grows while the job spawns. */
  readonly planned: number;
  /** Of an ended job whose counts are exact; not in lists. */
  readonly cost?: JobCost;
  readonly outcome?: "complete" | "failed" | "cancelled" | "timeout";
  readonly error?: ErrorData & { readonly runId: string };
  readonly value?: Json;
}
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
  /** Its value is the results of this group. */
  readonly collects?: string;
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
  readonly each?: "map" | "starmap";
  /** Log and stack of the last attempt that wrote any, and of those before it, latest first. Only where one run is asked for. */
  readonly detail?: RunDetail;
  readonly earlier?: readonly RunDetail[];
}
export interface RunDetail {
  readonly attempt: string;
  readonly stack?: string;
  readonly log: readonly Json[];
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
export interface GraphNode {
  readonly id: string;
  readonly kind: "run" | "group" | "fold";
  readonly label: string;
  readonly status: string;
  readonly count?: number;
  readonly byStatus?: Counts;
}
export interface JobGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: "next" | "member" | "joins" | "link" | "linkError" }[];
}
export interface WorkflowInfo {
  readonly name: string;
  readonly description: string;
  readonly parametersSchema: JsonObject;
}
export type { ErrorData, JobCost, JobEstimate as JobPlan, Json, JsonObject, ResultEntry, RunStatus };

const ENDED: ReadonlySet<JobState> = new Set<JobState>(["success", "failure", "cancelled", "timed-out"]);
/** `true`: the job's state does not change any more. */
export function hasEnded(job: { readonly state: JobState }): boolean {
  return ENDED.has(job.state);
}
