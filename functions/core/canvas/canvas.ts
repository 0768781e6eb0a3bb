import type { Json, JsonObject } from "../json.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type { ValueCondition } from "./value-condition.ts";

/**
 * When a group decides and what it decides.
 * - `allSuccess` waits for all, then fails if any failed; siblings are not cancelled.
 * - `settled` waits for all and completes; failures are entries of the result.
 * - `failFast` decides at the first failure; the rest reads as cancelled.
 * - `threshold` tolerates that many failed members, `percent` that share of them; more than that fails at once.
 */
export type FailurePolicy = "allSuccess" | "settled" | "failFast" | { readonly threshold: number } | { readonly percent: number };

/**
 * What is kept of a group's members (docs/protocol.md, section 14).
 * - `full`: a row each when the group is expanded, so every member is visible while it waits.
 * - `lazy`: a row each when it is claimed.
 * - `result`: one write each, the row with its result; no lease, so a member may run twice at the same time.
 * - `ledger`: no rows but for members that do not simply succeed: counters, and results in parts of a few dozen.
 */
export const TRACKINGS = ["full", "lazy", "result", "ledger"] as const;
export type Tracking = (typeof TRACKINGS)[number];

/** Options of one signature. Times are seconds; `eta` and `expiresAt` are milliseconds since the epoch. */
export interface SignatureOptions {
  readonly queue?: string;
  readonly priority?: number;
  readonly countdown?: number;
  readonly eta?: number;
  /** Seconds after the submission (first step) or after the step became ready; a run not started by then is cancelled with reason `expired`. */
  readonly expires?: number;
  readonly timeout?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly ignoreResult?: boolean;
  /** Marks that the running task sees and by which jobs are found; set by stamping, and not overridden by `set` or `clone`. */
  readonly stamps?: JsonObject;
  /** Further data for the running task that is no stamp. */
  readonly headers?: JsonObject;
}

export interface GroupOptions {
  readonly policy?: FailurePolicy;
  readonly tracking?: Tracking;
}

/** Callbacks: `link` runs with the value after success, `linkError` with (request, error, trace) after failure. Neither changes how its host ended. */
export interface Links {
  readonly link?: readonly Canvas[];
  readonly linkError?: readonly Canvas[];
}

/** One invocation as data. */
export interface Signature extends Links {
  readonly kind: "task";
  readonly task: string;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
  readonly options: SignatureOptions;
  /** `true`: the result of the step before is not prepended to `args`. */
  readonly immutable: boolean;
  /** One run that calls the task for each item of its only argument, a list: with the item, or with the item's elements. Always immutable. */
  readonly each?: "map" | "starmap";
}
export interface Chain extends Links {
  readonly kind: "chain";
  readonly items: readonly Canvas[];
}
export interface Group {
  readonly kind: "group";
  readonly members: readonly Canvas[];
  readonly options: GroupOptions;
}
export interface Chord {
  readonly kind: "chord";
  readonly header: Group;
  readonly body: Canvas;
}
/** A list cut into parts of `size` items, each the list of a starmap: a group of them. */
export interface Chunks extends Links {
  readonly kind: "chunks";
  readonly task: string;
  readonly items: readonly Json[];
  readonly size: number;
  /** Of each part. */
  readonly options: SignatureOptions;
}
/** One of two ways, by the value of the step before, which the way is given. Without `otherwise` that value goes on. */
export interface When extends Links {
  readonly kind: "when";
  readonly condition: ValueCondition;
  readonly do: Canvas;
  readonly otherwise?: Canvas;
}
/** `body` again and again, each time with the value of the time before, until its value is such; fails with `repeat_limit` after `most` times. */
export interface Repeat extends Links {
  readonly kind: "repeat";
  readonly body: Canvas;
  readonly until: ValueCondition;
  readonly most: number;
}
/** Waits for somebody: for an answer to this very run (an approval, work done elsewhere), or for an event of its job. Its value is what was given. */
export interface Wait extends Links {
  readonly kind: "wait";
  readonly of: "approval" | "event";
  /** Of the event; of an approval, for people. */
  readonly name: string;
  /** Seconds after which it is cancelled with reason `expired`. */
  readonly expires?: number;
}
/** A signature or a composition of them. */
export type Canvas = Signature | Chain | Group | Chord | Chunks | When | Repeat | Wait;
