import { FanfoldError } from "../core/errors.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { DEFAULT_QUEUE, formatQueueName, parseQueueName } from "../core/names/queue-name.ts";
import { isInstance, OutcomeError } from "../core/task/error-data.ts";
import type { TaskCall, TaskOutcome } from "../core/task/invocation.ts";
import type { AnyTask } from "./any-task.ts";
import { TaskError } from "./errors.ts";
import { MemoryReports } from "./memory-reports.ts";
import { runAttempt } from "./run-attempt.ts";

/**
 * Runs a task in this process without an engine. Returns the value as an engine would store it. Throws what the task
 * throws.
 */
export async function runInline(task: AnyTask, args: readonly Json[], kwargs: JsonObject): Promise<Json> {
  if (task.info.dependsOn) throw needsEngine(task, "depends on other runs");
  return valueOf(task, await attemptInline(task, args, kwargs));
}

async function attemptInline(task: AnyTask, args: readonly Json[], kwargs: JsonObject): Promise<TaskOutcome> {
  try {
    return await runAttempt(task, inlineCall(task, args, kwargs));
  } catch (thrown) {
    if (isInstance(thrown, OutcomeError)) return thrown.outcome;
    throw thrown;
  }
}

function valueOf(task: AnyTask, outcome: TaskOutcome): Json {
  if (outcome.kind === "skipped") return outcome.value;
  if (outcome.kind === "success" && outcome.spawned === undefined) return outcome.value;
  if (outcome.kind === "success") throw needsEngine(task, "runs other tasks");
  if (outcome.kind === "execution") throw needsEngine(task, "is an execution of a state machine");
  if (outcome.kind === "stream") throw needsEngine(task, "streams");
  if (outcome.kind === "deferred") throw needsEngine(task, "waits for an event or a run");
  const { name, message, reason, retryable } = outcome.error;
  const error = new TaskError(message, {
    ...(reason !== undefined && { reason }),
    ...(retryable !== undefined && { retryable }),
  });
  error.name = name;
  throw error;
}

function needsEngine(task: AnyTask, what: string): FanfoldError {
  return new FanfoldError(
    "engine_unavailable",
    `${task.name} ${what}, which takes an engine: submit it instead of running it inline`,
  );
}

function inlineCall(task: AnyTask, args: readonly Json[], kwargs: JsonObject): TaskCall {
  return {
    jobId: "inline",
    runId: "inline",
    groupId: "inline",
    index: 0,
    step: 0,
    attempt: 1,
    round: 0,
    task: task.name,
    args,
    kwargs: { ...kwargs },
    stamps: {},
    headers: {},
    priority: undefined,
    site: "inline",
    queue: formatQueueName(parseQueueName(task.info.queue ?? DEFAULT_QUEUE, { site: "inline" })),
    startedAt: Date.now(),
    deadline: Number.MAX_SAFE_INTEGER,
    signal: new AbortController().signal,
    cursor: undefined,
    deps: {},
    services: {
      results() {
        throw needsEngine(task, "reads the results of a group");
      },
      event() {
        throw needsEngine(task, "waits for an event");
      },
      dependency() {
        throw needsEngine(task, "depends on other runs");
      },
      putBlob() {
        throw needsEngine(task, "puts a blob");
      },
      openBlob() {
        throw needsEngine(task, "opens a blob");
      },
      // What an inline run streams is counted, and not kept.
      reportStream: async () => new MemoryReports(),
      load() {
        throw needsEngine(task, "asks for the load of other tasks");
      },
      reports() {
        throw needsEngine(task, "reads what another run has streamed");
      },
      leave() {
        // An inline run is not retried.
      },
      log() {
        // An inline run stores nothing, so its log is dropped.
      },
    },
  };
}
