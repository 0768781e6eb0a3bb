import type { BlobRef } from "../blob-ref.ts";
import type { Canvas, Dedupe, Dependency, FailurePolicy, Tracking } from "../canvas/canvas.ts";
import type { Json, JsonObject } from "../json.ts";
import type { BulkInfo, PassHook } from "./bulk.ts";
import type { ItemCounts } from "./item-counts.ts";
import type { ReportedPositions } from "./reported-positions.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import type { RetryTiers } from "../tiers.ts";
import type { RunLimits } from "./run-limits.ts";
import type { StopSignal } from "./stop-signal.ts";

/** An error of user code as data. `message` and `stack` are cut to the limits in core/limits.ts. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Stable, machine-readable reason, for instance `timeout`, `expired`, `task_killed`, `upstream`. */
  readonly reason?: string;
  /** `false` ends the run at once. Otherwise the retry policy decides. */
  readonly retryable?: boolean;
  /** What the thrower added for people and programs. */
  readonly details?: Json;
  /** The cause of the error, and its cause in turn. At most three are kept. */
  readonly cause?: ErrorCause;
  /** Set when the other side could not be reached. The attempt then counts as no failure (core/retry-policy.ts). */
  readonly connection?: true;
}
/** The cause of an error as data. */
export interface ErrorCause {
  readonly name: string;
  readonly message: string;
  readonly reason?: string;
  readonly cause?: ErrorCause;
}

/** What the body of a chord receives in place of its results when its task has `streamsResults`. */
export interface GroupHandle {
  /** Id of the group. */
  readonly group: string;
  /** Number of members. */
  readonly total: number;
  /** Members that ended well. */
  readonly success: number;
  /** Members that failed. */
  readonly failed: number;
}

/** The outcome of one member. Entries come in member order, and `index` counts over all pages. */
export interface ResultEntry {
  readonly index: number;
  readonly runId: string;
  readonly status: "success" | "skipped" | "error" | "broken" | "cancelled";
  /** The value of a member that ended well. */
  readonly value?: Json;
  /** The error of a member that failed or was cancelled. */
  readonly error?: ErrorData;
}

/**
 * Services of the engine for one attempt of a run. Every call may throw when the lease is lost; user code should not
 * catch that.
 */
export interface RunServices {
  /** Yields the results of a group in member order. Without an argument it is the group that this run collects. */
  results(group?: string): AsyncIterable<ResultEntry>;
  /**
   * Appends to the log of the run, of which head and tail are kept. The log is written once, at the end of the attempt.
   */
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: JsonObject): void;
  /**
   * Reads an event of the job with a consistent read. `timeoutSeconds` counts from the first read of this name by the
   * run, over all attempts. An event that is sent later does not count. Throws PortError.
   */
  event(name: string, timeoutSeconds: number | undefined): Promise<EventLook>;
  /** Looks at a dependency, and sees to it that it runs. Throws `no_identity`, `unknown_task`, PortError. */
  dependency(name: string, dependency: Dependency): Promise<DependencyLook>;
  /** Stores content, and keeps it as long as the job. Throws `payload_too_large`, `disk_full`, `invalid_request`. */
  putBlob(content: AsyncIterable<Uint8Array>, type: string | undefined): Promise<BlobRef>;
  /** Opens a blob, and keeps it as long as the job. Throws `blob_not_found`. */
  openBlob(sha256: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Opens the stream of reports of this run, as the attempt that may write to it. Throws `cannot_stream` unless the task
   * accepts streaming, `lease_lost`, PortError.
   */
  reportStream(): Promise<ReportStream>;
  /**
   * Yields the reports of an ended run of the same job, page by page, in the order in which they were stored. Throws
   * `run_not_found`.
   */
  reports(runId: string): AsyncIterable<readonly ItemReport[]>;
  /**
   * Returns what is known of the work of a task on a queue, by default that of the task. Without a task it is that of the
   * next step of this run. Throws PortError.
   */
  load(task: string | undefined, queue: string | undefined): Promise<TaskLoad>;
  /** Says that code of the attempt goes on although its outcome is known. A retry waits for the end of `code`. */
  leave(code: Promise<unknown>): void;
}
/**
 * The state of an event. `unsent` means that the attempt must end as deferred until this event. `over` means that the
 * time for it has expired.
 */
export type EventLook =
  | { readonly kind: "sent"; readonly value: Json }
  | ({ readonly kind: "unsent" } & AwaitedEvent)
  | { readonly kind: "over" };
/** An event that a deferred run waits for. */
export interface AwaitedEvent {
  readonly name: string;
  /** Milliseconds since the epoch. Absent when the run waits without a timeout. */
  readonly deadline?: number;
}

/** How a dependency has ended: well, or broken. */
export type DependencyEnd = { readonly value: Json } | { readonly error: ErrorData };
/**
 * The state of a dependency. `unmet` means that the attempt must end as deferred until it has ended. `failed` means that
 * it has failed, which breaks the run that depends on it.
 */
export type DependencyLook =
  | ({ readonly kind: "ended" } & DependencyEnd)
  | { readonly kind: "unmet"; readonly awaits: AwaitedRun }
  | { readonly kind: "failed"; readonly error: ErrorData };
/** A run that a deferred run waits for: its identity, and the round whose end it wants at least. */
export interface AwaitedRun {
  readonly gid: string;
  readonly round: number;
}

/** What a task says of one item: the state in which it leaves it. */
export interface ItemReport {
  /** The position of the item among those that the run was given. */
  readonly position: number;
  readonly state: keyof ItemCounts;
  readonly item: JsonObject;
}
/** The reports of a run as they are stored, page by page. All attempts of the run write one after the other. */
export interface ReportStream {
  /** What all attempts have reported so far. */
  readonly reported: ReportedPositions;
  readonly totals: ItemCounts;
  /** Number of pages. */
  readonly sequence: number;
  /**
   * Stores a page; durable when it returns. One call at a time, and none of a position that was reported. Throws
   * `lease_lost` once another attempt has taken over, or this one has ended, and PortError.
   */
  append(reports: readonly ItemReport[]): Promise<void>;
}

/** One attempt of one run, as the engine passes it to the code that knows the user's tasks. */
export interface TaskCall {
  readonly jobId: string;
  readonly runId: string;
  readonly groupId: string;
  readonly index: number;
  readonly step: number;
  readonly attempt: number;
  readonly round: number;
  /** The round in which the run began anew, which names its child group. Absent for a run that never did. */
  readonly since?: number | undefined;
  readonly task: string;
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
  /**
   * Set only when the task is called for each item of its only argument, a list. The value is the list of the results.
   */
  readonly each?: "map" | "starmap";
  /** Stamps and headers of the signature. */
  readonly stamps: JsonObject;
  readonly headers: JsonObject;
  readonly priority: number | undefined;
  readonly site: string;
  /** The queue in text form, with all its parts. */
  readonly queue: string;
  /** When the attempt started, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** When the attempt is stopped, in milliseconds since the epoch. */
  readonly deadline: number;
  /** Aborted on cancel, on a lost lease and at the deadline. Its reason is an Error with the fields of ErrorData. */
  readonly signal: StopSignal;
  /**
   * The cursor stored with the last written page of a streaming task, which continues after it. Undefined at the first
   * attempt.
   */
  readonly cursor: Json | undefined;
  /** Ends of the dependencies that the signature or the task declares, by name. */
  readonly deps: { readonly [name: string]: DependencyEnd };
  /** The group whose results the run collects, if it does and that group has completed. */
  readonly group?: GroupHandle | undefined;
  readonly services: RunServices;
}

/**
 * One item of a streaming task, and optionally the cursor after which a later attempt continues. It is a canvas to run,
 * or items of a path task, on which all steps behind the task run in place of the task's own strand.
 */
export type StreamItem = ({ readonly canvas: Canvas } | { readonly paths: readonly JsonObject[] }) & {
  readonly cursor?: Json;
};
/** What is known of the work that a task gives to others. */
export interface TaskLoad {
  /** Mean duration of an attempt in the last minutes. Absent when none has ended. */
  readonly secondsPerRun?: number;
  /** Messages that are ready in its queue, about. Absent when the queue does not tell. */
  readonly waiting?: number;
}

/** Children collected during an attempt. They exist only if the terminal write of the attempt happens (outbox). */
export interface Spawned {
  readonly children: readonly Canvas[];
  readonly policy: FailurePolicy;
  /**
   * The value of the run.
   * - `own`: its own value.
   * - `group`: the results of its children.
   * - `replace`: the value of its only child.
   * - `extras`: its own value. The results of its children are appended to those of the group that the run is a member
   *   of.
   */
  readonly value: "own" | "group" | "replace" | "extras";
  /** Indexes of the children that keep the queue and the priority of the run, where they name none. */
  readonly placed?: readonly number[];
}

/** How an attempt ends. */
export type TaskOutcome =
  | {
      readonly kind: "success";
      readonly value: Json;
      readonly counters?: Readonly<Record<string, number>>;
      /** Set only by a path task whose items count towards its job. */
      readonly items?: Partial<ItemCounts>;
      readonly spawned?: Spawned;
    }
  | { readonly kind: "skipped"; readonly value: Json }
  | { readonly kind: "retry"; readonly error: ErrorData; readonly delaySeconds?: number }
  | { readonly kind: "failed"; readonly error: ErrorData }
  | { readonly kind: "broken"; readonly error: ErrorData }
  /**
   * Not a failure. The run starts again from the beginning when all of these events have been sent or one of them has
   * expired, and all of these runs have ended. Without any it starts again at once. `removes` names declared
   * dependencies that it has no more.
   */
  | {
      readonly kind: "deferred";
      readonly events: readonly AwaitedEvent[];
      readonly runs?: readonly AwaitedRun[];
      readonly removes?: readonly string[];
    }
  /**
   * The work is an execution of this state machine (name or ARN). It is started after the attempt is committed, and the
   * run ends as the execution ends.
   */
  | { readonly kind: "execution"; readonly machine: string; readonly input: Json }
  /**
   * The items of a streaming task, pulled page by page under back-pressure. The generator returns the value of the run,
   * or undefined for the results of the children. It throws only OutcomeError (error-data.ts), which carries how the
   * attempt ended.
   */
  | {
      readonly kind: "stream";
      readonly items: AsyncGenerator<StreamItem, Json | undefined, undefined>;
      readonly policy: FailurePolicy;
      /** Returns the items that the task itself has reported, once the generator has ended. Only of a path task. */
      readonly counted?: () => Partial<ItemCounts> | undefined;
    };

/**
 * A value, or a promise of it. A value that is present costs no turn of the event loop, so quick runs of a batch follow
 * each other directly.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Runs user code. Never throws, since every failure is an outcome. */
export interface TaskRunner {
  run(call: TaskCall): MaybePromise<TaskOutcome>;
  /**
   * Returns the limits that a task declares, with the keys of this call. Throws what a function that makes a key throws,
   * and `invalid_limit_key`.
   */
  limits(call: TaskCall): RunLimits;
  /** Calls the code of a bulk task once for many runs. */
  runBulk(call: BulkCall): Promise<BulkOutcome>;
  /** Calls a hook of a bulk task. Rejects with what it throws. */
  runHook(task: string, hook: PassHook, call: HookCall): Promise<void>;
}

/** One call of the code of a bulk task. */
export interface BulkCall extends HookCall {
  readonly task: string;
  /** The runs, each with a signal of its own. There is at least one. */
  readonly runs: readonly TaskCall[];
  /** Says that the code goes on although its outcome is known. */
  leave(code: Promise<unknown>): void;
}
/** What code is told that runs for no single run. */
export interface HookCall {
  readonly site: string;
  readonly queue: string;
  /** When the code is stopped, in milliseconds since the epoch. */
  readonly deadline: number;
  readonly signal: StopSignal;
}
/** Outcomes in the order of the runs, or how the call failed as a whole: then nothing is known of any run. */
export type BulkOutcome =
  | { readonly kind: "called"; readonly outcomes: readonly TaskOutcome[] }
  | { readonly kind: "failed"; readonly outcome: Extract<TaskOutcome, { readonly error: ErrorData }> };

/** What the engine needs to know about a path task beside what it knows of every task. */
export interface PathTaskInfo {
  /** Whether the task streams its results when it is asked to, as handlers of moved and deleted items must. */
  readonly acceptsStreaming: boolean;
  /** Whether its items are counted in the job. */
  readonly countsTowardsJob: boolean;
}

/** What the engine needs to know about a task without running it. */
export interface TaskInfo {
  readonly name: string;
  readonly version: number;
  /** Queue in text form (core/names/queue-name.ts). Undefined for the default queue. */
  readonly queue?: string;
  /** Longest duration of one attempt in seconds. */
  readonly timeoutSeconds: number;
  readonly retry: RetryPolicy;
  /** `true` passes a first argument `{group}` on as a GroupHandle. Otherwise it is replaced by the results. */
  readonly streamsResults: boolean;
  readonly ignoreResult: boolean;
  /** Whether a retry may begin while code of the attempt before it goes on. */
  readonly mayOverlap?: true;
  /** What its signatures share, and with whom, unless they say otherwise. */
  readonly dedupe?: Dedupe;
  readonly scope?: string;
  /** Whether the runs that jobs share are in the list of identities. */
  readonly listed?: true;
  /** `eager` makes outdated ends anew once a release with a higher version runs. By default that waits for an ask. */
  readonly refresh?: "eager";
  /** When its failed runs that jobs share run again without being asked. */
  readonly tiers?: RetryTiers;
  /** What each of its runs depends on, beside what the signature says. */
  readonly dependsOn?: { readonly [name: string]: Dependency };
  /** Tracking level for groups whose members are all tasks that declare it. */
  readonly tracking?: Tracking;
  /**
   * Set only when the work is an execution of this state machine. `timeoutSeconds` limits the execution. Without it the
   * limit is that of the job.
   */
  readonly stateMachine?: { readonly name: string; readonly timeoutSeconds?: number };
  /** What a run must hold before its code starts. A key that is made of the arguments of each run is absent. */
  readonly limits?: RunLimits;
  /** Set only for a bulk task, whose code is called once for many runs. */
  readonly bulk?: BulkInfo;
  /** Places in the arguments that views do not show (core/task/redact.ts). */
  readonly redact?: readonly string[];
  /** Set only for a path task, which takes and hands over items. */
  readonly paths?: PathTaskInfo;
  /** Set only for an async generator, whose number of children is known only when it runs. */
  readonly streams?: true;
}

/** The tasks that a process knows. */
export interface TaskRegistry {
  /** Returns undefined for an unknown task. */
  info(task: string): TaskInfo | undefined;
  /** Returns whether this process has the code of a task. Absent when it has the code of every task that it knows. */
  has?(task: string): boolean;
  /** Returns the names of all tasks. Absent where they are not at hand. */
  names?(): readonly string[];
  /** Whether any task is a bulk task. Absent when none is. */
  hasBulk?(): boolean;
}
