import { FanfoldError, type ErrorCode } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { PortError } from "../engine/ports.ts";

/**
 * Status and title of each code, as docs/errors.md lists them. Codes that belong on runs only have status 500, because
 * here they would be a bug.
 */
export const PROBLEMS: Readonly<Record<ErrorCode, readonly [status: number, title: string]>> = {
  invalid_json: [400, "Not valid JSON"],
  invalid_canvas: [400, "Not a canvas"],
  invalid_request: [400, "Invalid request"],
  invalid_queue_name: [400, "Invalid queue name"],
  invalid_configuration: [500, "Invalid configuration"],
  invalid_tasks: [500, "Invalid tasks"],
  invalid_schedule: [400, "Invalid schedule"],
  invalid_payload: [500, "Invalid payload of a path task"],
  cannot_stream: [400, "The task does not stream its results"],
  not_streamed: [500, "Results not streamed"],
  stream_idle: [500, "Stream idle"],
  stream_overflow: [500, "Stream overflow"],
  no_next_step: [500, "No next step"],
  never_sealed: [500, "Never sealed"],
  replay_differs: [500, "Replay differs"],
  too_many_paths: [500, "Too many items for a list"],
  unknown_queue: [400, "Unknown queue"],
  unknown_task: [404, "Unknown task"],
  unknown_workflow: [404, "Unknown workflow"],
  invalid_parameters: [400, "Invalid workflow parameters"],
  payload_too_large: [413, "Payload too large"],
  unsupported_media_type: [415, "Unsupported media type"],
  too_deep: [400, "Nested too deeply"],
  too_many_children: [400, "Too many children"],
  budget_exceeded: [500, "Budget exceeded"],
  too_many_stamps: [400, "Too many revoked stamps"],
  results_too_large: [413, "Results too large"],
  blob_not_found: [404, "No such blob"],
  blob_mismatch: [400, "Not the announced content"],
  upload_elsewhere: [409, "The content goes elsewhere"],
  metrics_elsewhere: [409, "The metrics are elsewhere"],
  idempotency_conflict: [409, "Idempotency-Key used with another body"],
  page_conflict: [409, "Input page exists with other content"],
  input_sealed: [409, "Input is sealed"],
  input_incomplete: [409, "Input pages are missing or left over"],
  wrong_token: [409, "Not the token of the run"],
  job_not_found: [404, "No such job"],
  job_unfinished: [409, "The job has not ended yet"],
  job_over: [409, "The job cannot be opened again"],
  job_ended: [409, "The job has ended"],
  pause_in_config: [409, "The configuration has this pause"],
  nothing_to_retry: [409, "Nothing to retry"],
  run_live: [409, "The run is still executed"],
  link_not_retried: [409, "A link is not retried alone"],
  no_identity: [400, "No run can be shared by this key"],
  not_listed: [409, "The runs of this task are not listed"],
  shared_run: [409, "Jobs share this run"],
  parents_missing: [400, "A node of a graph names no parents"],
  parent_unknown: [400, "A node follows one that is not in its graph"],
  parent_duplicate: [400, "A node names a parent twice"],
  parent_foreign: [400, "A node follows one of another graph"],
  parent_cycle: [400, "The nodes of a graph wait for each other"],
  too_many_dependencies: [400, "Too many dependencies"],
  dependency_cycle: [409, "Runs wait for each other"],
  dependency_has_error: [409, "A dependency has failed"],
  run_not_ended: [409, "The run has not ended"],
  run_not_found: [404, "No such run"],
  group_not_found: [404, "No such group"],
  group_expired: [410, "Group has expired"],
  not_found: [404, "Not found"],
  unauthorized: [401, "Unauthorized"],
  forbidden_origin: [403, "Forbidden origin"],
  method_not_allowed: [405, "Method not allowed"],
  data_folder_in_use: [409, "Data folder in use"],
  data_folder_damaged: [500, "Data folder damaged"],
  data_folder_unusable: [503, "Data folder unusable"],
  disk_full: [503, "Disk full"],
  task_timeout: [500, "Task timeout"],
  task_killed: [500, "Task killed its process"],
  schedule_not_found: [404, "No such schedule"],
  schedule_in_config: [409, "The configuration has this schedule"],
  dead_letter_not_found: [404, "No such dead letter"],
  dead_letter: [500, "Message given up"],
  execution_failed: [500, "The execution of a state machine failed"],
  executions_unavailable: [500, "No state machines here"],
  invalid_limit_key: [500, "Invalid limit key"],
  invalid_bulk_outcome: [500, "Invalid outcome of a bulk task"],
  resource_unavailable: [500, "Resource unavailable"],
  secret_unavailable: [500, "Secret unavailable"],
  missing_environment: [500, "Missing environment"],
  lease_lost: [500, "Lease lost"],
  waiting_inside_task: [500, "Waiting inside a task"],
  outside_task: [500, "Outside of a task"],
  tracking_too_thin: [500, "Tracking too thin"],
  event_timeout: [500, "The event did not come in time"],
  engine_unavailable: [503, "Engine unavailable"],
  degraded: [503, "Degraded"],
  server_busy: [503, "Server busy"],
  request_timeout: [408, "Request timeout"],
  headers_too_large: [431, "Headers too large"],
  internal: [500, "Internal error"],
};

/**
 * Problem details (RFC 9457). `field` is a JSON pointer into the body, `?name` for a query parameter, `{name}` for a
 * part of the path, or the name of a header.
 */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly field?: string;
  /** Further data, for instance `suggestion`: the known name nearest to an unknown one. */
  readonly details?: JsonObject;
}

/**
 * Returns problem details for any thrown value. Only a FanfoldError is written for strangers, so the details of other
 * errors are hidden.
 */
export function problemOf(thrown: unknown): Problem {
  const error = publicError(thrown);
  const [status, title] = PROBLEMS[error.code];
  const { field, ...rest } = error.details;
  return {
    type: `urn:fanfold:error:${error.code}`,
    title,
    status,
    // Messages may quote the request, so their length is limited.
    detail: error.message.slice(0, LIMITS.errorMessageCharacters),
    code: error.code,
    retryable: error.retryable,
    ...(typeof field === "string" && field !== "" && { field }),
    ...(Object.keys(rest).length > 0 && { details: rest }),
  };
}

function publicError(thrown: unknown): FanfoldError {
  if (thrown instanceof FanfoldError && thrown.code !== "internal") return thrown;
  if (thrown instanceof PortError) {
    // A store that knows what to do says so.
    if (thrown.cause instanceof FanfoldError) return publicError(thrown.cause);
    return new FanfoldError(
      "engine_unavailable",
      "the store or a queue cannot be reached at the moment; retry with back-off, nothing was lost",
      {
        retryable: true,
      },
    );
  }
  return new FanfoldError("internal", "something went wrong inside Fanfold; its log has the details");
}

/** Returns the response for any thrown value. */
export function problemResponse(thrown: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const problem = problemOf(thrown);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "Content-Type": "application/problem+json",
      ...(problem.status === 401 && { "WWW-Authenticate": 'Bearer realm="fanfold"' }),
      ...(problem.status === 503 && { "Retry-After": "1" }),
      ...headers,
    },
  });
}
