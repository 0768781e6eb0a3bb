import type { JobState } from "../core/job-state.ts";
import type { IndexName, Item, Key, Table, WriteOp, WriteResult } from "../core/items/item.ts";
import type { Canvas } from "../core/canvas/canvas.ts";
import type { TaskMetric } from "../core/names/task-metrics.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Band } from "../core/plan/priority-band.ts";
import type { When } from "../core/schedule/schedule.ts";
import type { TaskRegistry, TaskRunner } from "../core/task/invocation.ts";

/**
 * The ports of the engine. Their vocabulary is what DynamoDB, SQS and S3 can do atomically on one item, one message or
 * one object. So there are no transactions, attributes are flat, and no implementation must fake anything. Any call may
 * throw a PortError.
 */
export interface Ports {
  readonly store: Store;
  readonly queue: Queue;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly registry: TaskRegistry;
  readonly runner: TaskRunner;
  /**
   * Answers the supervisors of jobs. Absent when another process of the deployment has it, which is then sent the end
   * of supervised jobs.
   */
  readonly tokens?: Tokens;
  /**
   * Runs the state machines that tasks name. Absent when only the process that handles the engine's queue has it, or no
   * process (EngineConfig.executions).
   */
  readonly executions?: Executions;
  /** Is notified of repairs, ends and dead letters, for metrics and logs. */
  readonly watch?: Watch;
  /**
   * What schedules need. Absent in processes that run only tasks; the one that handles the engine's queue, and the API,
   * have it.
   */
  readonly schedules?: SchedulePorts;
}

// ---------------------------------------------------------------- store

/** The data of the store port is pure and lives in core, so that core can evaluate it. */
export { INDEXES } from "../core/items/item.ts";
export type {
  Attributes,
  Change,
  Condition,
  IndexName,
  Item,
  Key,
  PutOp,
  Table,
  UpdateOp,
  WriteOp,
  WriteResult,
} from "../core/items/item.ts";

export interface QueryOptions {
  /** Inclusive bounds of the sort key. */
  readonly from?: string;
  readonly to?: string;
  /**
   * At most this many items, 1,000 by default. An implementation may return fewer (1 MB at a time), and then returns a
   * cursor.
   */
  readonly limit?: number;
  /** The cursor of an earlier result. Absent to start at the beginning. */
  readonly cursor?: string;
  /** When true, items come from the greatest sort key downward. */
  readonly descending?: boolean;
}
export interface QueryResult {
  readonly items: readonly Item[];
  /** Set when more items may follow. */
  readonly cursor?: string;
}
export interface IndexQuery {
  readonly index: IndexName;
  readonly partition: string;
  /** Only entries whose sort attribute is at most this. */
  readonly upTo: number;
  readonly limit: number;
  readonly cursor?: string;
}
export interface IndexResult {
  readonly keys: readonly Key[];
  readonly cursor?: string;
}

export interface Store {
  /** Returns the item; undefined when there is none. */
  get(key: Key, options?: { readonly consistent?: boolean }): Promise<Item | undefined>;
  /** Reads at most 100 items consistently, in the order of `keys`. */
  getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]>;
  /** Reads consistently, in the order of the sort key. */
  query(table: Table, partition: string, options?: QueryOptions): Promise<QueryResult>;
  /** Reads an index, which may lag behind the items. */
  queryIndex(query: IndexQuery): Promise<IndexResult>;
  /** Writes one item atomically. */
  write(op: WriteOp): Promise<WriteResult>;
  /**
   * Returns a result for each op, in order. NOT atomic: ops are independent, may interleave with those of other
   * processes, and each may fail alone. A throw says nothing about any of them.
   */
  writeMany(ops: readonly WriteOp[]): Promise<readonly WriteResult[]>;
}

// ---------------------------------------------------------------- queue

export interface OutgoingMessage {
  /** The text form of a queue (core/names/queue-name.ts), or ENGINE_QUEUE. */
  readonly queue: string;
  /** Fairness group, so that messages of one job do not delay those of another. */
  readonly jobId: string;
  readonly body: Json;
  /** At most `maxDelaySeconds`. A queue that takes whole seconds rounds it up. */
  readonly delaySeconds?: number;
  /** Priority band, absent for the middle one. A queue that serves no bands treats all messages alike. */
  readonly band?: Band;
}
/** A message as a worker loop received it. */
export interface ReceivedMessage {
  readonly queue: string;
  readonly body: Json;
  /** 1 at the first delivery. Only an estimate, so it proves nothing. */
  readonly receives: number;
}
export interface Queue {
  readonly maxDelaySeconds: number;
  /** Seconds after which `depth` tells a message that was sent. Absent when it tells it at once. */
  readonly depthLagSeconds?: number;
  /**
   * Delivers at least once, in no order. Throws unless every message was accepted; even then some may have been sent.
   */
  send(messages: readonly OutgoingMessage[]): Promise<void>;
  /** Returns how many messages a queue holds, or undefined when that is unknown. On SQS the numbers are approximate. */
  depth(queue: string): Promise<QueueDepth | undefined>;
}
/** Numbers of messages in a queue. */
export interface QueueDepth {
  readonly ready: number;
  /** Messages that were sent, or given back, with a delay that has not passed. */
  readonly delayed: number;
  /** Messages that were received and not acknowledged. One whose visibility has ended may still be counted here. */
  readonly inFlight: number;
}

/** What the loop must do with a message once the engine has handled it. */
export type Disposition =
  /** Acknowledge it. All that follows from it has happened, or is owed by a durable item. */
  | { readonly kind: "done" }
  /** Make it visible again after `delaySeconds`, and do not acknowledge it. */
  | { readonly kind: "later"; readonly delaySeconds: number };

// ---------------------------------------------------------------- blobs, clock, ids

/**
 * Large values, by name or by content.
 *
 * By name: values of jobs, which live as long as their job. A name has only ever one content, because names carry
 * attempt and round, so a second put is harmless.
 *
 * By content: what people put. Equal content is one object under its SHA-256, whoever put it. It has no owner, so it is
 * kept until the latest time that anybody asked for, and may be removed from then on.
 */
export interface Blobs {
  put(name: string, content: Uint8Array): Promise<void>;
  /** Returns undefined when there is no such blob. */
  get(name: string): Promise<Uint8Array | undefined>;
  /**
   * Stores content as it comes, and keeps it until this time (seconds since the epoch) at least. Holds a few pieces of
   * it in memory. Nothing is stored unless the content ends. Throws what the content throws, and `blob_mismatch` when it
   * does not have the announced SHA-256.
   */
  store(content: AsyncIterable<Uint8Array>, until: number, sha256?: string): Promise<StoredBlob>;
  /** Keeps content until this time at least. Returns its size in bytes, or undefined when there is none. */
  keep(sha256: string, until: number): Promise<number | undefined>;
  /** Returns undefined when there is no such content. What is returned is read only as it is asked for. */
  open(sha256: string): Promise<OpenBlob | undefined>;
}
export interface StoredBlob {
  readonly sha256: string;
  readonly bytes: number;
}
export interface OpenBlob {
  readonly bytes: number;
  /** Pieces of the content. May be asked for once. */
  readonly content: AsyncIterable<Uint8Array>;
}
/**
 * Addresses at which people send and fetch content themselves. Present where the API carries no large bodies, as on AWS.
 */
export interface BlobLinks {
  /** Returns where content goes that has this SHA-256 and size. Anything else is refused there. */
  upload(sha256: string, bytes: number): Promise<UploadLink>;
  /** Returns where content is, whether it is there or not. */
  download(sha256: string): Promise<string>;
}
export interface UploadLink {
  readonly url: string;
  /** Headers that the upload must have. */
  readonly headers: { readonly [name: string]: string };
  /** Milliseconds since the epoch until when an upload may begin. */
  readonly expiresAt: number;
}
export interface Clock {
  /** Returns milliseconds since the epoch. May differ from other processes by up to the engine's skew margin. */
  now(): number;
  /** Resolves after about that time. The engine has no timers of its own. */
  pause(milliseconds: number): Promise<void>;
}
export interface Ids {
  /** Returns a ULID: 26 characters, sortable by time, without `. ~ # !`. */
  job(): string;
  /** Returns a new id at each call. It names the holder of a lease, so it must not be the id of a process. */
  token(): string;
  /** Returns the SHA-256 of the text in hex. */
  hash(text: string): string;
  /** Returns a number in [0, 1), for jitter and shards. */
  random(): number;
}

// ---------------------------------------------------------------- tokens, watch

/**
 * Task tokens of Step Functions. A call may be repeated for ever, and the first answer counts. An answer is `gone` when
 * the token was answered or has expired, or its execution has ended; callers treat that like `sent`. Throws PortError
 * when the answer may or may not have arrived.
 */
export interface Tokens {
  /** `output` has at most 256 KB as JSON. */
  succeed(token: string, output: Json): Promise<"sent" | "gone">;
  /** `error` has at most 256 characters, `cause` at most 32,768. */
  fail(token: string, error: string, cause: string): Promise<"sent" | "gone">;
}
/**
 * Executions of the state machine that supervises jobs, each named after its job. A name belongs to its execution for
 * 90 days.
 */
export interface Supervisions {
  /**
   * Starts an execution. `created` is false when there is an execution of this name and input. Throws
   * `idempotency_conflict` when there is one with another input.
   */
  start(name: string, input: Json): Promise<{ readonly created: boolean }>;
  /** Returns the execution of this name while it runs. `startedAt` is in milliseconds since the epoch. */
  running(name: string): Promise<{ readonly input: Json; readonly startedAt: number } | undefined>;
}
/**
 * Executions of state machines that tasks name. `machine` is a name or an ARN. The `name` of an execution is unique in
 * its machine, so a second start of the same name means the same execution. Every call may be repeated for ever.
 */
export interface Executions {
  /**
   * Starts an execution. `exists`: it was started before, and may have ended. `refused`: the machine can never be
   * started in this way.
   */
  start(
    machine: string,
    name: string,
    input: Json,
  ): Promise<"started" | "exists" | { readonly refused: ExecutionError }>;
  /** Returns how an execution ended, which never changes. Returns undefined while it runs, and when there is none. */
  endOf(
    machine: string,
    name: string,
  ): Promise<{ readonly output: Json } | { readonly failed: ExecutionError } | undefined>;
  /** Ends an execution if it runs. */
  stop(machine: string, name: string, cause: string): Promise<void>;
}
/** `error` is the name by which a state machine catches it. `cause` is for people. */
export interface ExecutionError {
  readonly error: string;
  readonly cause: string;
}
export interface FailedRun {
  readonly runId: string;
  readonly task?: string;
  readonly error?: { readonly name: string; readonly message: string };
}
export interface LoggedLine {
  readonly runId: string;
  readonly task: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields?: JsonObject;
}
/** Counts repairs, ends, and messages that were given up. Only the first write of an end calls it. */
export interface Watch {
  /**
   * Is called when work below a group was resent or followed up again. `times` counts earlier resends without an
   * effect. From 2 on the work looks stuck.
   */
  repaired(gid: string, kind: "sent" | "followed", times: number): void;
  /** Is called when a message was put with the dead letters. */
  gaveUp(queue: string, reason: string): void;
  /** Is called when task runs have failed for good. Cancelled runs do not count. */
  runsFailed(runs: readonly FailedRun[]): void;
  jobEnded(state: JobState, jobId: string): void;
  /** Is called for each line that a run logs, when it does. */
  logged?(line: LoggedLine): void;
  /** Is called when something of a task was counted. `site` is empty for work of the engine's own queue. */
  counted?(metric: TaskMetric, task: string, site: string, by: number): void;
  /** Is called when it becomes known, or changes, whether runs of a task are quick in this process. */
  taskSpeed?(task: string, quick: boolean): void;
}

/** Times of schedules, and what they start. Nothing here is remote. */
export interface SchedulePorts {
  /**
   * Returns the first time after `after`, in milliseconds since the epoch; undefined when there is none. `anchor` is
   * where intervals without a start begin. Throws `invalid_schedule`.
   */
  readonly nextTime: (when: When, anchor: number, after: number) => number | undefined;
  /** Returns a time like `2026-03-29T01:00:00.000Z`. */
  readonly timeText: (at: number) => string;
  /** Returns the canvas of one start of a workflow. Throws FanfoldError. */
  readonly start: (workflow: string, fields: JsonObject) => ScheduledStart;
}
export interface ScheduledStart {
  readonly canvas: Canvas;
  readonly parameters: JsonObject;
  readonly timeoutSeconds?: number;
}

/**
 * Why a call of a port failed. `throttled`: not applied, try later. `ambiguous`: applied or not. `outage`: the service
 * cannot be reached. `unwritable`: not applied, and nothing is until somebody makes room or lets it be written.
 */
export type PortFailure = "throttled" | "ambiguous" | "outage" | "unwritable";
export class PortError extends Error {
  readonly kind: PortFailure;
  constructor(kind: PortFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "PortError";
    this.kind = kind;
  }
}
