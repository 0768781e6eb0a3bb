import * as z from "zod/v4/core";
import { errorData, OutcomeError } from "../core/error-data.ts";
import { FanfoldError } from "../core/errors.ts";
import type { TaskCall, TaskOutcome } from "../core/invocation.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { toJson } from "../core/json-check.ts";
import { createAttemptEffects, type AttemptEffects } from "./attempt-effects.ts";
import { createContext } from "./create-context.ts";
import { typeError } from "./errors.ts";
import { createEventWaits, type EventWaits } from "./event-waits.ts";
import { describeIssue } from "./schema-issue.ts";
import { streamItems } from "./stream-items.ts";
import type { AnyTask } from "./task.ts";

/** Runs user code once. Throws what it throws; `outcomeOf` makes that an outcome. An event that is missing decides, whatever became of the error that said so. */
export async function runAttempt(task: AnyTask, call: TaskCall): Promise<TaskOutcome> {
  const waits = createEventWaits(call.services);
  let outcome: TaskOutcome | undefined;
  try {
    outcome = await runOnce(task, call, waits);
  } catch (thrown) {
    outcome = await waits.deferral();
    if (outcome === undefined) throw thrown;
  }
  return (await waits.deferral()) ?? outcome;
}

async function runOnce(task: AnyTask, call: TaskCall, waits: EventWaits): Promise<TaskOutcome> {
  const { definition, info } = task;
  const kwargs = definition.kwargs === undefined ? call.kwargs : await checkKwargs(task, definition.kwargs, call.kwargs);
  const args = definition.args === undefined ? call.args : await checkArgs(task, definition.args, call.args);
  const effects = createAttemptEffects(definition.policy);
  const context = createContext(call, kwargs, info.streamsResults, effects, waits);
  const returned: unknown = await definition.run(context, ...args);
  if (isAsyncIterable(returned)) {
    if (effects.spawned("own") !== undefined) throw new FanfoldError("invalid_request", `${task.name} has spawned children and streams: yield them all`);
    effects.startStreaming();
    return { kind: "stream", items: streamItems(returned[Symbol.asyncIterator](), call.signal, waits), policy: definition.policy };
  }
  return { ...success(task, returned, effects), ...(effects.counters !== undefined && { counters: effects.counters }) };
}

function success(task: AnyTask, returned: unknown, effects: AttemptEffects): TaskOutcome & { kind: "success" } {
  const spawned = effects.spawned(returned === undefined ? "group" : "own");
  return { kind: "success", value: task.info.ignoreResult ? null : resultJson(task, returned), ...(spawned !== undefined && { spawned }) };
}

function resultJson(task: AnyTask, returned: unknown): Json {
  try {
    return toJson(returned, `the result of ${task.name}`);
  } catch (error) {
    throw new OutcomeError({ kind: "failed", error: { ...errorData(error), retryable: false } });
  }
}

/** Keys that the schema does not name pass through: a newer caller may know more than an older task. */
async function checkKwargs(task: AnyTask, schema: z.$ZodObject, kwargs: JsonObject): Promise<JsonObject> {
  const checked = await z.safeParseAsync(schema, kwargs);
  if (!checked.success) throw refused(task, "kwargs", checked.error);
  return { ...kwargs, ...(checked.data as JsonObject) };
}
async function checkArgs(task: AnyTask, schema: z.$ZodType, args: readonly Json[]): Promise<readonly unknown[]> {
  const checked = await z.safeParseAsync(schema, args);
  if (!checked.success) throw refused(task, "args", checked.error);
  if (!Array.isArray(checked.data)) throw new FanfoldError("invalid_request", `the args of ${task.name} must be a z.tuple`);
  return checked.data;
}
function refused(task: AnyTask, part: string, error: z.$ZodError): OutcomeError {
  const { field, message } = describeIssue(error, `/${part}`);
  return new OutcomeError({ kind: "failed", error: typeError(`${task.name} was called with wrong arguments: ${field}: ${message}`) });
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === "function";
}
