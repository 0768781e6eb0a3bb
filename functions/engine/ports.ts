import type { IndexName, Item, Key, Table, WriteOp, WriteResult } from "../core/items/item.ts";
import type { Band } from "../core/plan/band.ts";
import type { Json } from "../core/json.ts";
import type { TaskRegistry, TaskRunner } from "../core/task/invocation.ts";

/**
 * The ports of the engine. Their vocabulary is what DynamoDB, SQS and S3 can do atomically on one item, one message, one object:
 * no transactions, flat attributes, nothing that another implementation would have to fake. Any call may throw a PortError.
 */
export interface Ports {
  readonly store: Store;
  readonly queue: Queue;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly registry: TaskRegistry;
  readonly runner: TaskRunner;
  /** Answers whoever waits for a job's end. Absent: another process of the deployment has it, and is handed the end of such jobs. */
  readonly tokens?: Tokens;
  /** State machines that tasks name. Absent: the process that handles the engine's own queue has it, or nobody (EngineConfig.executions). */
  readonly executions?: Executions;
  /** Hears what the sweep had to repair, for metrics. */
  readonly watch?: Watch;
}

// ---------------------------------------------------------------- store

/** The data that the store port speaks is pure and lives in core, so that core can evaluate it. */
export { INDEXES } from "../core/items/item.ts";
export type { Attributes, Change, Condition, IndexName, Item, Key, PutOp, Table, UpdateOp, WriteOp, WriteResult } from "../core/items/item.ts";

export interface QueryOptions {
  /** Inclusive bounds of the sort key. */
  readonly from?: string;
  readonly to?: string;
  /** At most this many items; an implementation may return fewer (1 MB pages) and then gives a cursor. Default 1,000. */
  readonly limit?: number;
  /** From an earlier answer; undefined starts at the beginning. */
  readonly cursor?: string;
  /** `true`: from the greatest sort key downward. */
  readonly descending?: boolean;
}
export interface QueryResult {
  readonly items: readonly Item[];
  /** Present when more may follow. */
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
  get(key: Key, options?: { readonly consistent?: boolean }): Promise<Item | undefined>;
  /** In the order of `keys`; at most 100 per call; consistent. */
  getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]>;
  /** Consistent, in order of the sort key. */
  query(table: Table, partition: string, options?: QueryOptions): Promise<QueryResult>;
  queryIndex(query: IndexQuery): Promise<IndexResult>;
  write(op: WriteOp): Promise<WriteResult>;
  /** A result per op, in order. NOT atomic: ops are independent, may interleave with anybody's, and each may fail alone. A throw says nothing about any of them. */
  writeMany(ops: readonly WriteOp[]): Promise<readonly WriteResult[]>;
}

// ---------------------------------------------------------------- queue

export interface OutgoingMessage {
  /** Queue text form, see core/queue-name.ts, or ENGINE_QUEUE. */
  readonly queue: string;
  /** Fairness group: messages of one job do not delay those of another. */
  readonly jobId: string;
  readonly body: Json;
  /** Whole seconds, at most `maxDelaySeconds`. */
  readonly delaySeconds?: number;
  /** Priority band, absent for the middle one. A queue that serves no bands treats all messages alike. */
  readonly band?: Band;
}
/** What a worker loop received and hands to the engine. */
export interface ReceivedMessage {
  readonly queue: string;
  readonly body: Json;
  /** 1 at the first delivery. An estimate: never proof of anything. */
  readonly receives: number;
}
export interface Queue {
  readonly maxDelaySeconds: number;
  /** At least once, unordered. Throws unless every message was accepted (some may have been sent all the same). */
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

/** What the loop that received a message must do with it once the engine is through. */
export type Disposition =
  /** Acknowledge: all that follows from it has happened, or is owed by something durable. */
  | { readonly kind: "done" }
  /** Make it visible again after so many seconds. Never acknowledge. */
  | { readonly kind: "later"; readonly delaySeconds: number }
  /** It can never be handled (undecodable): keep it with the dead letters. */
  | { readonly kind: "dead"; readonly reason: string };

// ---------------------------------------------------------------- blobs, clock, ids

/** Large values. A name is written at most with one content (names carry attempt and round), so a second put is harmless. */
export interface Blobs {
  put(name: string, content: Uint8Array): Promise<void>;
  /** undefined: no such blob. */
  get(name: string): Promise<Uint8Array | undefined>;
}
export interface Clock {
  /** Milliseconds since the epoch; may be skewed against other processes by up to the engine's skew margin. */
  now(): number;
  /** Resolves after about so many milliseconds. The engine has no timers of its own. */
  pause(milliseconds: number): Promise<void>;
}
export interface Ids {
  /** A ULID: sortable by time, 26 characters, without `. ~ # !`. */
  job(): string;
  /** Unique for each call, never an id of an instance: it names the holder of a lease. */
  token(): string;
  /** Hex SHA-256 of the text. */
  hash(text: string): string;
  /** A number in [0, 1): jitter and shards. */
  random(): number;
}

// ---------------------------------------------------------------- tokens, watch

/**
 * Task tokens of Step Functions. A call may be repeated for ever: the first answer counts, and one to a token that was answered, has expired, or whose
 * execution has ended is `gone`, which is as good. Throws PortError when nobody can know whether it arrived.
 */
export interface Tokens {
  /** `output`: at most 256 KB as JSON. */
  succeed(token: string, output: Json): Promise<"sent" | "gone">;
  /** `error`: at most 256 characters; `cause`: at most 32,768. */
  fail(token: string, error: string, cause: string): Promise<"sent" | "gone">;
}
/** Executions of the state machine that supervises jobs, each named after its job. Names are unique: one that was used belongs to that execution for 90 days. */
export interface Supervisions {
  /** `created: false`: the name is taken, by an execution with this input. Throws `idempotency_conflict` when that input is another one. */
  start(name: string, input: Json): Promise<{ readonly created: boolean }>;
  /** The one of this name, while it runs. `startedAt`: milliseconds since the epoch. */
  running(name: string): Promise<{ readonly input: Json; readonly startedAt: number } | undefined>;
}
/**
 * Executions of state machines that tasks name: `machine` is a name or an ARN, an execution's `name` is unique in it, as above. Whoever starts the same
 * name twice means the same execution. Every call may be repeated for ever.
 */
export interface Executions {
  /** `exists`: it was started before, and may have ended. `refused`: the machine cannot be started so, now or later. */
  start(machine: string, name: string, input: Json): Promise<"started" | "exists" | { readonly refused: ExecutionError }>;
  /** undefined: it runs, or is not there. What has ended stays as it is. */
  endOf(machine: string, name: string): Promise<{ readonly output: Json } | { readonly failed: ExecutionError } | undefined>;
  /** Ends it, if it runs. */
  stop(machine: string, name: string, cause: string): Promise<void>;
}
/** `error`: the name by which a state machine catches it; `cause`: for people. */
export interface ExecutionError {
  readonly error: string;
  readonly cause: string;
}
export interface Watch {
  /** Work below this group was sent or followed up again. `times`: how often it was sent again before without an effect; from 2 on it looks stuck. */
  repaired(gid: string, kind: "sent" | "followed", times: number): void;
}

/** A port failed. `throttled`: not applied, try later. `ambiguous`: may or may not be applied. `outage`: not reachable. */
export class PortError extends Error {
  readonly kind: "throttled" | "ambiguous" | "outage";
  constructor(kind: "throttled" | "ambiguous" | "outage", message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "PortError";
    this.kind = kind;
  }
}
