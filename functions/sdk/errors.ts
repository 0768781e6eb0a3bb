import type { ErrorData } from "../core/task/invocation.ts";

/** Options of TaskError. */
export interface TaskErrorOptions {
  /** `false` ends the run at once. Otherwise the retry policy of the task decides. */
  readonly retryable?: boolean;
  /** Stable, machine-readable reason, for instance `not_found`. */
  readonly reason?: string;
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
  constructor(message: string, options: TaskErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TaskError";
    if (options.retryable !== undefined) this.retryable = options.retryable;
    if (options.reason !== undefined) this.reason = options.reason;
  }
}

/**
 * Ends the run as `broken`, because it can never succeed. The run is not retried. A retry of all failures of a job may
 * leave broken runs out.
 * @example if (version > 3) throw new TaskBroken(`cannot read format ${version}`);
 */
export class TaskBroken extends Error {
  readonly reason?: string;
  readonly retryable = false;
  constructor(message: string, options: Omit<TaskErrorOptions, "retryable"> = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TaskBroken";
    if (options.reason !== undefined) this.reason = options.reason;
  }
}

/** Returns the error for wrong arguments. It is not retryable, since the arguments stay the same. */
export function typeError(message: string): ErrorData {
  return { name: "TypeError", message, reason: "invalid_arguments", retryable: false };
}
