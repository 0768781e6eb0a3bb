import type { ErrorData } from "../core/task/invocation.ts";

export interface TaskErrorOptions {
  /** `false` ends the run at once; otherwise the task's retry policy decides. */
  readonly retryable?: boolean;
  /** Stable machine-readable reason, for instance `not_found`. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/**
 * A failure with a say in what happens next. Any other error thrown by a task is a failure too: its name and message become data, and the task's
 * retry policy decides.
 * @example throw new TaskError("the file is gone", { retryable: false, reason: "not_found" });
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
 * The run can never succeed, whatever is tried: it ends as `broken` and is never retried, not even by a retry of the whole job's failures that
 * leaves broken runs out.
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

/** Bad arguments do not get better by trying again. */
export function typeError(message: string): ErrorData {
  return { name: "TypeError", message, reason: "invalid_arguments", retryable: false };
}
