import type { Json, JsonObject } from "../json.ts";
import type { KnownQueue } from "../names/known-names.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type { ConcurrencyLimit, LockRequest, RateLimit } from "../task/run-limits.ts";
import type { ValueCondition } from "./value-condition.ts";

/**
 * When a group decides, and what it decides.
 * - `allSuccess` waits for all members, then fails if any failed. It does not cancel siblings.
 * - `settled` waits for all members and completes. Failures are entries of the result.
 * - `failFast` decides at the first failure. Unfinished members read as cancelled.
 * - `threshold` tolerates that many failed members, and `percent` that share of them. One more failure fails the group
 *   at once.
 */
export type FailurePolicy =
  | "allSuccess"
  | "settled"
  | "failFast"
  | { readonly threshold: number }
  | { readonly percent: number };

/**
 * What is stored for the members of a group (docs/protocol-rules.md, section 14).
 * - `full` writes a row for each member when the group is expanded, so every waiting member is visible.
 * - `lazy` writes the row when the member is claimed.
 * - `result` writes once, the row with its result. There is no lease, so a member may run twice at the same time.
 * - `ledger` writes rows only for members that do not simply succeed. It keeps counters, and results in parts of a few
 *   dozen.
 */
export const TRACKINGS = ["full", "lazy", "result", "ledger"] as const;
/** One tracking level: `full`, `lazy`, `result` or `ledger`. */
export type Tracking = (typeof TRACKINGS)[number];

/**
 * Which end of an equal run is taken over in place of a run of its own (docs/guide-ledger.md). `running` takes that of a
 * run that has not ended yet, a number also a good end of at most so many seconds ago, `forever` any good end that is
 * still kept. `none` shares no run.
 */
export type Dedupe = "running" | "forever" | "none" | number;

/** Options of one signature. Durations are seconds. */
export interface SignatureOptions {
  /** `site.queue#function` or a short form (`parseQueueName`). Default: the queue of the task. */
  readonly queue?: KnownQueue;
  /** Whole number from 0 to 9. */
  readonly priority?: number;
  /** Seconds to wait before the run may start. */
  readonly countdown?: number;
  /** Earliest start, in milliseconds since the epoch. */
  readonly eta?: number;
  /**
   * Seconds until a run that has not started is cancelled with reason `expired`. They count from the submission for the
   * first step, and for a later step from the moment when the step is ready.
   */
  readonly expires?: number;
  /** Longest duration of one attempt, in seconds. Default: that of the task. */
  readonly timeout?: number;
  /** Fields that replace those of the task's retry policy. */
  readonly retry?: Partial<RetryPolicy>;
  /** `true` stores no value. */
  readonly ignoreResult?: boolean;
  /** Which run of the same task and arguments is taken in place of one of its own. Default: that of the task. */
  readonly dedupe?: Dedupe;
  /**
   * Who shares a run: `deployment`, `site`, `principal`, or any other text, which separates its runs from all others.
   * Default: that of the task, else `deployment`.
   */
  readonly scope?: string;
  /**
   * Runs that jobs share, and that must have ended before this one starts. It is given their values by name
   * (`ctx.deps`). They come beside those of the task; one of the same name replaces it.
   */
  readonly dependsOn?: { readonly [name: string]: DependencySource };
  /** In place of that of the task. Keys are texts here, because arguments may come from the step before. */
  readonly rateLimit?: RateLimit;
  readonly concurrency?: ConcurrencyLimit;
  readonly locks?: readonly LockRequest[];
  /**
   * Marks that the running task sees and that jobs are found by. Stamping sets them; `set` and `clone` do not override
   * them.
   */
  readonly stamps?: JsonObject;
  /** Data for the running task that is not a stamp. */
  readonly headers?: JsonObject;
}

/** A run that another one depends on, as data. It is shared, by default with `dedupe: "forever"`. */
export interface Dependency {
  readonly task: string;
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  /** Only `queue`, `priority`, `timeout`, `retry`, `dedupe`, `scope` and `dependsOn`. */
  readonly options?: SignatureOptions;
}
/** A dependency, or the signature that it is made of. */
export type DependencySource = Dependency | { readonly canvas: Signature };

/** Options of a group. */
export interface GroupOptions {
  /** When the group has failed. Default `allSuccess`. */
  readonly policy?: FailurePolicy;
  /** What is stored for its members. Default: what all their tasks declare, else `lazy`. */
  readonly tracking?: Tracking;
  /**
   * Seconds for which the ended group and its results can be read, counted from its end. A group that goes on does not
   * expire. Default: as long as the job is kept.
   */
  readonly ttlSeconds?: number;
}

/** Callbacks of a canvas. They never change how the canvas ends. */
export interface Links {
  /** Run after success, with the value. */
  readonly link?: readonly Canvas[];
  /** Run after failure, with (request, error, trace). */
  readonly linkError?: readonly Canvas[];
}

/** One invocation of a task, as data. */
export interface Signature extends Links {
  readonly kind: "task";
  readonly task: string;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
  readonly options: SignatureOptions;
  /** `true` when the result of the previous step is not prepended to `args`. */
  readonly immutable: boolean;
  /**
   * Set only for one run that calls the task for each item of its only argument, a list. `map` passes the item,
   * `starmap` spreads its elements. Always immutable.
   */
  readonly each?: "map" | "starmap";
}
/** Canvases that run one after the other. Each receives the result of the one before. */
export interface Chain extends Links {
  readonly kind: "chain";
  readonly items: readonly Canvas[];
}
/** Canvases that run side by side. */
export interface Group {
  readonly kind: "group";
  readonly members: readonly Canvas[];
  readonly options: GroupOptions;
}
/** A group, and a body that receives the list of its results. */
export interface Chord {
  readonly kind: "chord";
  readonly header: Group;
  readonly body: Canvas;
}
/** A list cut into parts of `size` items. Each part is the list of one starmap, and the parts form a group. */
export interface Chunks extends Links {
  readonly kind: "chunks";
  readonly task: string;
  readonly items: readonly Json[];
  readonly size: number;
  /** Options for each part. */
  readonly options: SignatureOptions;
}
/**
 * A branch. Passes the value of the previous step to `do` or to `otherwise`. Without `otherwise` that value is the
 * result.
 */
export interface When extends Links {
  readonly kind: "when";
  readonly condition: ValueCondition;
  readonly do: Canvas;
  readonly otherwise?: Canvas;
}
/**
 * A loop. Repeats `body`, each time with its previous value, until `until` holds for the value. Fails with
 * `repeat_limit` after `most` repetitions.
 */
export interface Repeat extends Links {
  readonly kind: "repeat";
  readonly body: Canvas;
  readonly until: ValueCondition;
  readonly most: number;
}
/**
 * Waits for an answer to this very run (an approval, or work done elsewhere), or for an event of its job. The value is
 * that answer, or the value of the event.
 */
export interface Wait extends Links {
  readonly kind: "wait";
  readonly of: "approval" | "event";
  /** Name of the event. For an approval, a label for people. */
  readonly name: string;
  /** Seconds until the wait is cancelled with reason `expired`. */
  readonly expires?: number;
}
/** One node of a graph. */
export interface GraphNode {
  /** Names the node within its graph. */
  readonly id: string;
  readonly do: Canvas;
  /**
   * Ids of the nodes that it follows. It starts once all of them have ended well, and receives the value of the only
   * one, or the list of the values of several, in this order.
   */
  readonly parents: readonly string[];
  /** Where its tasks run: on the queues that they would have elsewhere, at this site. Default: as their queues say. */
  readonly site?: string;
}
/** Options of a graph. */
export type GraphOptions = Pick<GroupOptions, "policy" | "ttlSeconds">;
/**
 * A graph without cycles. Nodes that follow no other start side by side, and receive the value of the previous step. A
 * node below one that has failed is cancelled. The result is the list of the results of the nodes that none follows.
 */
export interface Graph extends Links {
  readonly kind: "graph";
  readonly nodes: readonly GraphNode[];
  readonly options: GraphOptions;
}
/** A signature or a composition of them. */
export type Canvas = Signature | Chain | Group | Chord | Chunks | When | Repeat | Wait | Graph;
