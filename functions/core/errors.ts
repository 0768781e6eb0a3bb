import type { JsonObject } from "./json.ts";

/**
 * All error codes of Fanfold. Codes are stable, and docs/errors.md lists them. Messages say what to do next and may
 * change, so tests and clients match on codes.
 */
export const ERROR_CODES = [
  "invalid_json",
  "invalid_canvas",
  "invalid_request",
  "invalid_queue_name",
  "invalid_configuration",
  "invalid_tasks",
  "invalid_schedule",
  "invalid_payload",
  "cannot_stream",
  "not_streamed",
  "stream_idle",
  "stream_overflow",
  "no_next_step",
  "never_sealed",
  "replay_differs",
  "too_many_paths",
  "unknown_queue",
  "unknown_task",
  "unknown_workflow",
  "invalid_parameters",
  "payload_too_large",
  "unsupported_media_type",
  "too_deep",
  "too_many_children",
  "parents_missing",
  "parent_unknown",
  "parent_duplicate",
  "parent_foreign",
  "parent_cycle",
  "budget_exceeded",
  "too_many_stamps",
  "results_too_large",
  "blob_not_found",
  "blob_mismatch",
  "upload_elsewhere",
  "metrics_elsewhere",
  "idempotency_conflict",
  "page_conflict",
  "input_sealed",
  "input_incomplete",
  "wrong_token",
  "job_not_found",
  "job_unfinished",
  "job_over",
  "job_ended",
  "pause_in_config",
  "nothing_to_retry",
  "run_live",
  "link_not_retried",
  "no_identity",
  "not_listed",
  "shared_run",
  "too_many_dependencies",
  "dependency_cycle",
  "dependency_has_error",
  "run_not_ended",
  "run_not_found",
  "group_not_found",
  "group_expired",
  "not_found",
  "unauthorized",
  "forbidden_origin",
  "method_not_allowed",
  "data_folder_in_use",
  "data_folder_damaged",
  "data_folder_unusable",
  "disk_full",
  "task_timeout",
  "task_killed",
  "dead_letter",
  "dead_letter_not_found",
  "schedule_not_found",
  "schedule_in_config",
  "execution_failed",
  "executions_unavailable",
  "resource_unavailable",
  "secret_unavailable",
  "missing_environment",
  "lease_lost",
  "invalid_limit_key",
  "invalid_bulk_outcome",
  "waiting_inside_task",
  "outside_task",
  "tracking_too_thin",
  "event_timeout",
  "engine_unavailable",
  "degraded",
  "server_busy",
  "request_timeout",
  "headers_too_large",
  "internal",
] as const;
/** One of the stable error codes, which docs/errors.md explains. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** The base of all errors that Fanfold throws. */
export class FanfoldError extends Error {
  /** Stable, machine-readable code. */
  readonly code: ErrorCode;
  /** `true` when the same call may succeed later. */
  readonly retryable: boolean;
  /** Further data. `field`, a JSON pointer, names the field that is wrong. */
  readonly details: JsonObject;
  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: JsonObject; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FanfoldError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/**
 * Throws `internal`. Placed in the default branch of a switch, it makes the compiler check that every case is handled.
 */
export function assertNever(value: never): never {
  throw new FanfoldError("internal", `unexpected value ${JSON.stringify(value)}`);
}

/** Runs `read`, and prefixes the fields that its errors name with `at`. */
export function under<T>(at: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (at === "" || !(error instanceof FanfoldError) || typeof error.details["field"] !== "string") throw error;
    const field = error.details["field"];
    const message = field !== "" && error.message.startsWith(field) ? `${at}${error.message}` : error.message;
    throw new FanfoldError(error.code, message, {
      details: { ...error.details, field: `${at}${field}` },
      retryable: error.retryable,
      cause: error,
    });
  }
}
