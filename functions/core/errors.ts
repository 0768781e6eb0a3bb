import type { JsonObject } from "./json.ts";

/**
 * Every error of Fanfold has a stable code. Messages say what to do next and may change; tests and clients match on codes.
 * docs/errors.md lists them all.
 */
export const ERROR_CODES = [
  "invalid_json",
  "invalid_canvas",
  "invalid_request",
  "invalid_queue_name",
  "invalid_configuration",
  "unknown_task",
  "unknown_workflow",
  "invalid_parameters",
  "payload_too_large",
  "unsupported_media_type",
  "too_deep",
  "too_many_children",
  "too_many_stamps",
  "results_too_large",
  "idempotency_conflict",
  "page_conflict",
  "input_sealed",
  "job_not_found",
  "job_unfinished",
  "run_not_found",
  "not_found",
  "unauthorized",
  "forbidden_origin",
  "method_not_allowed",
  "data_folder_in_use",
  "data_folder_damaged",
  "task_timeout",
  "task_killed",
  "dead_letter",
  "execution_failed",
  "executions_unavailable",
  "lease_lost",
  "waiting_inside_task",
  "tracking_too_thin",
  "event_timeout",
  "engine_unavailable",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export class FanfoldError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** Names the field (`field`: a JSON pointer) and whatever else helps. */
  readonly details: JsonObject;
  constructor(code: ErrorCode, message: string, options: { details?: JsonObject; retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FanfoldError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

export function assertNever(value: never): never {
  throw new FanfoldError("internal", `unexpected value ${JSON.stringify(value)}`);
}
