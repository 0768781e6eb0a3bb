import type { Canvas } from "../core/canvas/canvas.ts";
import type { JsonObject } from "../core/json.ts";
import type { TaskRegistry } from "../core/task/invocation.ts";
import type { Engine, Submitted } from "../engine/contract.ts";
import type { Security } from "./security.ts";

/** The workflows that the API can start, as the sdk's `createWorkflows` gives them. */
export interface Workflows {
  list(): readonly WorkflowInfo[];
  /** Throws `unknown_workflow`, or `invalid_parameters` with `details.field` below the fields. */
  start(name: string, fields: JsonObject): StartedWorkflow;
}
export interface WorkflowInfo {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the fields that `start` takes. */
  readonly parametersSchema: JsonObject;
}
export interface StartedWorkflow {
  readonly canvas: Canvas;
  /** The fields as they were understood, defaults included. */
  readonly parameters: JsonObject;
  readonly timeoutSeconds?: number;
  /** By a state machine, where there is one. */
  readonly supervised?: true;
}
/** A registry that may also say what it knows, for hints. */
export interface TaskCatalog extends TaskRegistry {
  names?(): readonly string[];
}

/** What a supervised start hands on: everything that the job is made of, decided. */
export interface SupervisedStart {
  readonly jobId: string;
  readonly workflow: string;
  readonly fields: JsonObject;
  readonly principal: string;
  readonly timeoutSeconds?: number;
}
export interface Supervisor {
  /** Idempotent by job id. Throws `idempotency_conflict` when that id was started with something else. */
  start(start: SupervisedStart): Promise<Submitted>;
  /** A job that was started, and that its supervisor may not have submitted yet: as it was started, and when (milliseconds since the epoch). */
  pending(jobId: string): Promise<(Required<SupervisedStart> & { readonly startedAt: number }) | undefined>;
}

export interface Dependencies {
  readonly engine: Engine;
  readonly workflows: Workflows;
  readonly registry: TaskCatalog;
  readonly security: Security;
  readonly version: string;
  /** Where errors go that the caller is not told about. */
  readonly report?: (error: unknown) => void;
  /** Where an answer must be given in one piece: streams end at so many bytes (as part of a JSON document), and say where the rest is. */
  readonly answerBytes?: number;
  /** Starts jobs that a state machine supervises. Absent: this server has none. */
  readonly supervisor?: Supervisor;
  /** How often a followed stream looks for something new. Default 500. */
  readonly pollMilliseconds?: number;
}
