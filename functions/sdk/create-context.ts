import { errorData, OutcomeError } from "../core/error-data.ts";
import { FanfoldError } from "../core/errors.ts";
import type { GroupHandle, TaskCall, TaskOutcome } from "../core/invocation.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { toJson } from "../core/json-check.ts";
import { LIMITS } from "../core/limits.ts";
import type { AttemptEffects } from "./attempt-effects.ts";
import { canvasOf } from "./canvas-builder.ts";
import { TaskError } from "./errors.ts";
import type { EventWaits } from "./event-waits.ts";
import type { CursorItem, SpawnedChildren, TaskContext, TaskLog } from "./task-context.ts";

type LogLevel = "debug" | "info" | "warn" | "error";

const SPAWNED: SpawnedChildren = Object.freeze({
  result(): never {
    throw new FanfoldError(
      "waiting_inside_task",
      "a task must not wait for other runs: it would hold the worker they may need. Use ctx.spawnWithCallback(children, callback), " +
        "ctx.replace(canvas), or let the next step of a chain or the body of a chord receive the results",
    );
  },
});

/** The context of one attempt. Plain functions, so that tasks may take it apart: `({ spawn, log }, path) => ..`. */
export function createContext(call: TaskCall, kwargs: JsonObject, streamsResults: boolean, effects: AttemptEffects, waits: EventWaits): TaskContext {
  const end = (outcome: TaskOutcome): never => {
    throw new OutcomeError(outcome);
  };
  return {
    jobId: call.jobId,
    runId: call.runId,
    attempt: call.attempt,
    round: call.round,
    site: call.site,
    queue: call.queue,
    deadline: call.deadline,
    signal: call.signal,
    kwargs,
    stamps: call.stamps,
    headers: call.headers,
    priority: call.priority,
    member: { group: call.groupId, index: call.index },
    log: createLog(call),
    cursor: call.cursor,
    group: streamsResults ? groupHandle(call.args[0]) : undefined,
    results: () => call.services.results(),
    count: (name, by = 1) => effects.count(name, by),
    spawn(children, options = {}) {
      effects.spawn(children, options.policy);
      return SPAWNED;
    },
    spawnWithCallback(children, callback, options = {}) {
      effects.spawnWithCallback(children, callback, options.policy);
      return SPAWNED;
    },
    addToChord: (canvas) => effects.addToChord(canvas),
    replace(canvas) {
      effects.notStreaming("be replaced");
      if (effects.spawned("own") !== undefined) throw new FanfoldError("invalid_request", "a run that has spawned children cannot be replaced as well");
      const spawned = { children: [canvasOf(canvas)], policy: "allSuccess", value: "replace" } as const;
      return end({ kind: "success", value: null, spawned, ...(effects.counters !== undefined && { counters: effects.counters }) });
    },
    retry({ error, delaySeconds } = {}) {
      if (delaySeconds !== undefined && !(delaySeconds >= 0 && Number.isFinite(delaySeconds))) {
        throw new FanfoldError("invalid_request", "delaySeconds must be a number of seconds, 0 or more", { details: { field: "/delaySeconds" } });
      }
      const data = errorData(error ?? new TaskError("the task asked to be retried", { reason: "retry" }));
      return end({ kind: "retry", error: data, ...(delaySeconds !== undefined && { delaySeconds }) });
    },
    waitForEvent: <Value>(name: string, { timeoutSeconds }: { readonly timeoutSeconds?: number } = {}) => waits.wait(name, timeoutSeconds) as Promise<Value>,
    skip: (value) => end({ kind: "skipped", value: toJson(value, "the value of skip") }),
    fail: (error, { retryable } = {}) => end({ kind: "failed", error: { ...errorData(error), ...(retryable !== undefined && { retryable }) } }),
    at: (cursor, item): CursorItem => ({ cursor: toJson(cursor, "the cursor"), item }),
  };
}

function groupHandle(value: Json | undefined): GroupHandle | undefined {
  const handle = value as Partial<GroupHandle> | null | undefined;
  return typeof handle === "object" && handle !== null && typeof handle.group === "string" ? (handle as GroupHandle) : undefined;
}

function createLog(call: TaskCall): TaskLog {
  const at = (level: LogLevel) => (message: string, fields?: JsonObject) => {
    const line = String(message).slice(0, LIMITS.logLineCharacters).toWellFormed();
    call.services.log(level, line, ...(fields === undefined ? [] : [logFields(fields)]));
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A line of the log is not worth a run: what is not JSON is said to be so. */
function logFields(fields: JsonObject): JsonObject {
  try {
    return toJson(fields, "", { maxBytes: LIMITS.inlineBytes }) as JsonObject;
  } catch (error) {
    return { dropped: errorData(error).message };
  }
}
