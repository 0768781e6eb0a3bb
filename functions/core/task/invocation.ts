import type { Canvas, FailurePolicy, Tracking } from "../canvas/canvas.ts";
import type { Json, JsonObject } from "../json.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type { StopSignal } from "./stop-signal.ts";

/** Whatever user code throws becomes data. `message` and `stack` are cut to the limits of the ledger of errors (core/limits.ts). */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Stable machine-readable reason, for instance `timeout`, `expired`, `task_killed`, `upstream`. */
  readonly reason?: string;
  /** `false` ends the run at once; otherwise the retry policy decides. */
  readonly retryable?: boolean;
}

/** What a chord's body receives in place of its results when it asked to stream them. */
export interface GroupHandle {
  readonly group: string;
  readonly total: number;
  readonly success: number;
  readonly failed: number;
}

/** One member's outcome, in member order. `index` counts over all pages. */
export interface ResultEntry {
  readonly index: number;
  readonly runId: string;
  readonly status: "success" | "skipped" | "error" | "broken" | "cancelled";
  readonly value?: Json;
  readonly error?: ErrorData;
}

/** What the engine lends to one attempt of a run. Every call may throw when the lease is lost; user code should let that pass. */
export interface RunServices {
  /** Ordered results of a group; without an argument, of the group this run collects. */
  results(group?: string): AsyncIterable<ResultEntry>;
  /** Appends to the run's log (kept head and tail, written once, at the end of the attempt). */
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: JsonObject): void;
  /**
   * Looks for an event of the job, consistently. `timeoutSeconds` counts from the run's first look for an event of this name, over all attempts: an event that is sent later
   * does not count. Throws PortError.
   */
  event(name: string, timeoutSeconds: number | undefined): Promise<EventLook>;
}
/** `unsent`: the attempt must end as deferred, by this. Times are milliseconds since the epoch. */
export type EventLook = { readonly kind: "sent"; readonly value: Json } | ({ readonly kind: "unsent" } & AwaitedEvent) | { readonly kind: "over" };
/** What a deferred run waits for, and until when. */
export interface AwaitedEvent {
  readonly name: string;
  readonly deadline?: number;
}

/** One attempt of one run, as the engine hands it to the code that knows the user's tasks. */
export interface TaskCall {
  readonly jobId: string;
  readonly runId: string;
  readonly groupId: string;
  readonly index: number;
  readonly step: number;
  readonly attempt: number;
  readonly round: number;
  readonly task: string;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
  /** The only argument is a list, and the task is called for each of its items; the value is the list of what it gave. */
  readonly each?: "map" | "starmap";
  /** What the signature carries beside its arguments. */
  readonly stamps: JsonObject;
  readonly headers: JsonObject;
  readonly priority: number | undefined;
  readonly site: string;
  readonly queue: string;
  /** Milliseconds since the epoch at which the attempt is stopped. */
  readonly deadline: number;
  /** Aborted on cancel, on a lost lease and at the deadline. Its reason is an ErrorData-shaped Error. */
  readonly signal: StopSignal;
  /** Where a streaming task goes on: the cursor stored with the last page that was written; undefined at the first attempt. */
  readonly cursor: Json | undefined;
  readonly services: RunServices;
}

/** What a streaming task yields: a canvas to run, and optionally the cursor from which a later attempt would go on after it. */
export interface StreamItem {
  readonly canvas: Canvas;
  readonly cursor?: Json;
}

/** Children collected during an attempt; they exist only if the attempt's terminal write happens (outbox). */
export interface Spawned {
  readonly children: readonly Canvas[];
  readonly policy: FailurePolicy;
  /**
   * `own`: the run keeps its own value; `group`: its value is its children's results; `replace`: the value of its only child; `extras`: it keeps its own
   * value, and its children's results stand behind those of the group that the run is a member of.
   */
  readonly value: "own" | "group" | "replace" | "extras";
}

export type TaskOutcome =
  | { readonly kind: "success"; readonly value: Json; readonly counters?: Readonly<Record<string, number>>; readonly spawned?: Spawned }
  | { readonly kind: "skipped"; readonly value: Json }
  | { readonly kind: "retry"; readonly error: ErrorData; readonly delaySeconds?: number }
  | { readonly kind: "failed"; readonly error: ErrorData }
  | { readonly kind: "broken"; readonly error: ErrorData }
  /** Not a failure: the run is to run again, from its start, when all these events have been sent or one of them is over its time. At least one. */
  | { readonly kind: "deferred"; readonly events: readonly AwaitedEvent[] }
  /** The work is an execution of this state machine (name or ARN), which is started once the attempt is committed: the run ends as it does. */
  | { readonly kind: "execution"; readonly machine: string; readonly input: Json }
  /**
   * An async generator: pulled page by page under back-pressure; its return value is the run's own value (undefined: the children's results). Throws nothing
   * but OutcomeError (core/error-data.ts), which says how the attempt ended.
   */
  | { readonly kind: "stream"; readonly items: AsyncGenerator<StreamItem, Json | undefined, undefined>; readonly policy: FailurePolicy };

/** A value that is there already costs no turn of the event loop: quick runs of one batch follow each other without. */
export type MaybePromise<T> = T | Promise<T>;

/** Runs user code. Never throws: whatever happens is an outcome. */
export interface TaskRunner {
  run(call: TaskCall): MaybePromise<TaskOutcome>;
}

/** What the engine must know of a task without running it. */
export interface TaskInfo {
  readonly name: string;
  readonly version: number;
  /** Queue text form, see core/queue-name.ts; undefined: the default queue. */
  readonly queue?: string;
  /** Longest duration of one attempt in seconds. */
  readonly timeoutSeconds: number;
  readonly retry: RetryPolicy;
  /** `true`: a first argument `{group}` stays a GroupHandle; otherwise it is filled with the results. */
  readonly streamsResults: boolean;
  readonly ignoreResult: boolean;
  /** Of groups whose members are all of such tasks. */
  readonly tracking?: Tracking;
  /** Its work is an execution of this state machine. `timeoutSeconds`: longest execution; absent: as long as the job may take. */
  readonly stateMachine?: { readonly name: string; readonly timeoutSeconds?: number };
  /** An async generator: how many children it has shows only when it runs. */
  readonly streams?: true;
}

export interface TaskRegistry {
  info(task: string): TaskInfo | undefined;
  /** Whether this process has the code of a task. Absent: of every task it knows. */
  has?(task: string): boolean;
}
