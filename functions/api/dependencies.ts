import type { Canvas } from "../core/canvas/canvas.ts";
import type { JsonObject } from "../core/json.ts";
import type { TaskRegistry } from "../core/task/invocation.ts";
import type { Engine, Submitted } from "../engine/contract.ts";
import type { BlobLinks, QueueDepth } from "../engine/ports.ts";
import type { Security } from "./security.ts";

/** The workflows that the API can start, as `createWorkflows` of the sdk returns them. */
export interface Workflows {
  list(): readonly WorkflowInfo[];
  /**
   * Returns the canvas of one start. Throws `unknown_workflow`, or `invalid_parameters` with `details.field` below the
   * fields.
   */
  start(name: string, fields: JsonObject): StartedWorkflow;
}
export interface WorkflowInfo {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the fields that `start` accepts. */
  readonly parametersSchema: JsonObject;
}
export interface StartedWorkflow {
  readonly canvas: Canvas;
  /** The fields after parsing, defaults included. */
  readonly parameters: JsonObject;
  readonly timeoutSeconds?: number;
  /** Set only when a state machine should start the job, if the deployment has one. */
  readonly supervised?: true;
}

/** A supervised start: everything that determines the job. */
export interface SupervisedStart {
  readonly jobId: string;
  readonly workflow: string;
  readonly fields: JsonObject;
  readonly principal: string;
  readonly timeoutSeconds?: number;
}
export interface Supervisor {
  /**
   * Starts a state machine for the job. Idempotent by job id. Throws `idempotency_conflict` when the id was started
   * with other content.
   */
  start(start: SupervisedStart): Promise<Submitted>;
  /**
   * Returns a started job that its supervisor may not have submitted yet, with the time of its start in milliseconds
   * since the epoch. Returns undefined when there is none.
   */
  pending(jobId: string): Promise<(Required<SupervisedStart> & { readonly startedAt: number }) | undefined>;
}

/** What a server knows of itself. A part that it cannot know is absent. */
export interface Health {
  /** Whether work can be stored. */
  readonly store: { readonly writable: true } | { readonly writable: false; readonly why: string };
  /** Processes that run tasks. Absent where none is kept, as on AWS. */
  readonly workers?: { readonly total: number; readonly ready: number; readonly restarts: number };
  /** Places for running batches in all workers together. */
  readonly slots?: { readonly total: number; readonly busy: number };
  readonly queues: { readonly [queue: string]: QueueHealth };
}
export interface QueueHealth extends QueueDepth {
  /** Seconds since the oldest ready message was sent, its delay included. Absent when there is none, and on AWS. */
  readonly oldestSeconds?: number;
  /** Runs of the queue that hold a lease. Absent where nobody keeps the leases of all processes, as on AWS. */
  readonly started?: number;
}

/** What the routes need. */
export interface Dependencies {
  readonly engine: Engine;
  readonly workflows: Workflows;
  readonly registry: TaskRegistry;
  readonly security: Security;
  readonly version: string;
  /** Returns what the server knows of itself. It is called without a token, so it must be cheap. */
  readonly health: () => Promise<Health>;
  /** Returns the metrics of the server in the text form of Prometheus. Absent where metrics go elsewhere, as on AWS. */
  readonly metrics?: () => Promise<string>;
  /** Receives errors that the caller is not told the details of. */
  readonly report?: (error: unknown) => void;
  /**
   * Largest answer in bytes (as part of a JSON document), for transports that send an answer in one piece. A stream
   * then ends there and names the next part.
   */
  readonly answerBytes?: number;
  /** Bytes of all bodies that are read at once. Default 128 MB. */
  readonly bodyBytes?: number;
  /** Where content of blobs is sent and fetched. Absent on a server that carries it itself. */
  readonly blobLinks?: BlobLinks;
  /** Starts jobs that a state machine supervises. Absent on a server without state machines. */
  readonly supervisor?: Supervisor;
  /** Milliseconds between reads of a followed stream. Default 500. */
  readonly pollMilliseconds?: number;
}
