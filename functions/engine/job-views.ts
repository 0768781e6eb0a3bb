import type { JobCost } from "../core/cost/job-cost.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Counts } from "../core/plan/counts.ts";
import type { RunStatus } from "../core/plan/run-state.ts";
import type { ErrorData } from "../core/task/invocation.ts";

export type JobState = "pending" | "started" | "success" | "failure" | "pausing" | "paused" | "cancelling" | "cancelled" | "timed-out";

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
