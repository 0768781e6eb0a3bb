import type { Json } from "../core/json.ts";
import type { ErrorData } from "../core/task/invocation.ts";

/** Options of TaskError. */
export interface TaskErrorOptions {
  /** `false` ends the run at once. Otherwise the retry policy of the task decides. */
  readonly retryable?: boolean;
  /** Stable, machine-readable reason, for instance `not_found`. Failures are listed by it. At most 128 characters count. */
  readonly reason?: string;
  /** What people and programs should know about this failure. Above 1,000 characters of JSON it is kept as cut text. */
  readonly details?: Json;
  readonly cause?: unknown;
}

/**
 * A failure that can control its retries. Any other error that a task throws is a failure too. Its name and message
 * become data, and the retry policy of the task decides.
 * @example throw new TaskError("the file is missing", { retryable: false, reason: "not_found" });
 */
export class TaskError extends Error {
  readonly retryable?: boolean;
  readonly reason?: string;
  readonly details?: Json;
  constructor(message: string, options: TaskErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TaskError";
    if (options.retryable !== undefined) this.retryable = options.retryable;
    if (options.reason !== undefined) this.reason = options.reason;
    if (options.details !== undefined) this.details = options.details;
  }
}

/**
 * Ends the run as `broken`, because it can never succeed. The run is not retried. A retry of all failures of a job may
 * leave broken runs out. `reason` is stable and machine-readable; failures are listed by it.
 * @example if (version > 3) throw new TaskBroken(`cannot read format ${version}`, "unknown_format");
 */
export class TaskBroken extends Error {
  readonly reason?: string;
  readonly retryable = false;
  readonly details?: Json;
  constructor(message: string, reason?: string, options: Pick<TaskErrorOptions, "details" | "cause"> = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TaskBroken";
    if (reason !== undefined) this.reason = reason;
    if (options.details !== undefined) this.details = options.details;
  }
}
const BROKEN = Symbol.for("fanfold.broken");
Object.defineProperty(TaskBroken.prototype, BROKEN, { value: true });
/** Whether it is a TaskBroken of any copy of the package: a project may load one by `import` and one by `require`. */
export function isTaskBroken(thrown: unknown): thrown is TaskBroken {
  try {
    return typeof thrown === "object" && thrown !== null && BROKEN in thrown;
  } catch {
    return false;
  }
}

/** Returns the error for wrong arguments. It is not retryable, since the arguments stay the same. */
export function typeError(message: string): ErrorData {
  return { name: "TypeError", message, reason: "invalid_arguments", retryable: false };
}
