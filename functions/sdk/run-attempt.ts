import * as z from "zod/v4/core";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { ItemCounts } from "../core/task/item-counts.ts";
import { errorData, OutcomeError } from "../core/task/error-data.ts";
import type { MaybePromise, TaskCall, TaskOutcome } from "../core/task/invocation.ts";
import { andThen } from "../core/task/maybe-promise.ts";
import type { AnyTask } from "./any-task.ts";
import { AttemptEffects } from "./attempt-effects.ts";
import { createContext } from "./create-context.ts";
import { withCall } from "./current-task.ts";
import { typeError } from "./errors.ts";
import { AttemptWaits } from "./attempt-waits.ts";
import { processSupplies, type Supplies } from "./resource-pool.ts";
import { describeIssue } from "./schema-issue.ts";
import { streamItems } from "./stream-items.ts";

/**
 * Runs user code once, synchronously when it awaits nothing. Throws (or rejects with) what user code throws, and
 * `outcomeOf` turns that into an outcome. A missing event decides the outcome, even when user code caught the error
 * that reported it.
 */
export function runAttempt(
  task: AnyTask,
  call: TaskCall,
  args: readonly Json[] = call.args,
  supplies = processSupplies,
): MaybePromise<TaskOutcome> {
  const { kwargs, args: checks } = task.definition;
  return kwargs === undefined && checks === undefined
    ? runOnce(task, call, { args, kwargs: call.kwargs }, supplies)
    : runChecked(task, call, args, supplies);
}
async function runChecked(
  task: AnyTask,
  call: TaskCall,
  args: readonly Json[],
  supplies: Supplies,
): Promise<TaskOutcome> {
  return runOnce(task, call, await checkCall(task, call, args), supplies);
}
interface Arguments {
  readonly args: readonly unknown[];
  readonly kwargs: JsonObject;
}
/** Returns the arguments of a call as the schemas of its task make them. Throws an outcome when they do not fit. */
export async function checkCall(task: AnyTask, call: TaskCall, args: readonly Json[] = call.args): Promise<Arguments> {
  const { definition } = task;
  const kwargs =
    definition.kwargs === undefined ? call.kwargs : await checkKwargs(task, definition.kwargs, call.kwargs);
  return { args: definition.args === undefined ? args : await checkArgs(task, definition.args, args), kwargs };
}

function runOnce(
  task: AnyTask,
  call: TaskCall,
  { args, kwargs }: Arguments,
  supplies: Supplies,
): MaybePromise<TaskOutcome> {
  const { definition, info } = task;
  const waits = new AttemptWaits(call.services);
  const effects = new AttemptEffects(definition.policy);
  const end = (returned: unknown): TaskOutcome =>
    isAsyncIterable(returned) ? stream(task, call, returned, effects, waits) : success(task, returned, effects);
  let ended: MaybePromise<TaskOutcome>;
  try {
    const ctx = createContext(call, kwargs, info.streamsResults, { effects, waits, supplies, log: definition.log });
    const returned: unknown = withCall(call, () => definition.run(ctx, ...args));
    ended = andThen(isThenable(returned) ? Promise.resolve(returned) : returned, end);
  } catch (thrown) {
    if (!waits.open) throw thrown;
    ended = Promise.reject(thrown as Error);
  }
  return ended instanceof Promise || waits.open ? afterWaits(ended, waits) : ended;
}
async function afterWaits(ended: MaybePromise<TaskOutcome>, waits: AttemptWaits): Promise<TaskOutcome> {
  let outcome: TaskOutcome | undefined;
  try {
    outcome = await ended;
  } catch (thrown) {
    outcome = waits.open ? await waits.deferral() : undefined;
    if (outcome === undefined) throw thrown;
  }
  return (waits.open ? await waits.deferral() : undefined) ?? outcome;
}

/** What a generator has that tells, once it has ended, which items its task has reported itself. */
export const COUNTED = Symbol.for("fanfold.counted");

function stream(
  task: AnyTask,
  call: TaskCall,
  returned: AsyncIterable<unknown>,
  effects: AttemptEffects,
  waits: AttemptWaits,
): TaskOutcome {
  if (effects.spawned("own") !== undefined)
    throw new FanfoldError("invalid_request", `${task.name} has spawned children and streams: yield them all`);
  if (!effects.none)
    throw new FanfoldError("invalid_request", `${task.name} has counted and streams: let its children count`);
  effects.startStreaming();
  const counted = (returned as { readonly [COUNTED]?: () => Partial<ItemCounts> | undefined })[COUNTED];
  return {
    kind: "stream",
    items: streamItems(returned[Symbol.asyncIterator](), call, waits),
    policy: task.definition.policy,
    ...(counted && task.info.paths?.countsTowardsJob && { counted }),
  };
}
function success(task: AnyTask, returned: unknown, effects: AttemptEffects): TaskOutcome {
  const value = task.info.ignoreResult ? null : resultJson(task, returned);
  const items = itemsOf(task, returned);
  if (effects.none) return { kind: "success", value, ...items };
  const spawned = effects.spawned(returned === undefined ? "group" : "own");
  const { counters } = effects;
  return {
    kind: "success",
    value,
    ...(spawned !== undefined && { spawned }),
    ...(counters !== undefined && { counters }),
    ...items,
  };
}
/** Returns the number of items in each state, if the task has any that count. Its value is then a payload. */
function itemsOf({ info }: AnyTask, returned: unknown): { readonly items?: Partial<ItemCounts> } {
  return info.paths?.countsTowardsJob === true ? { items: (returned as Payload).status.summary } : {};
}
interface Payload {
  readonly status: { readonly summary: Partial<ItemCounts> };
}

/** Returns the value of a run as JSON. Throws an outcome for what is none. */
export function resultJson(task: AnyTask, returned: unknown): Json {
  try {
    return toJson(returned, `the result of ${task.name}`);
  } catch (error) {
    throw new OutcomeError({ kind: "failed", error: { ...errorData(error), retryable: false } });
  }
}

/**
 * Checks keyword arguments. Keys that the schema does not name pass through, because a newer caller may know more than
 * an older task.
 */
async function checkKwargs(task: AnyTask, schema: z.$ZodObject, kwargs: JsonObject): Promise<JsonObject> {
  const checked = await z.safeParseAsync(schema, kwargs);
  if (!checked.success) throw refused(task, "kwargs", checked.error);
  return { ...kwargs, ...(checked.data as JsonObject) };
}
async function checkArgs(task: AnyTask, schema: z.$ZodType, args: readonly Json[]): Promise<readonly unknown[]> {
  const checked = await z.safeParseAsync(schema, args);
  if (!checked.success) throw refused(task, "args", checked.error);
  if (!Array.isArray(checked.data))
    throw new FanfoldError("invalid_request", `the args of ${task.name} must be a z.tuple`);
  return checked.data;
}
function refused(task: AnyTask, part: string, error: z.$ZodError): OutcomeError {
  const { field, message } = describeIssue(error, `/${part}`);
  return new OutcomeError({
    kind: "failed",
    error: typeError(`${task.name} was called with wrong arguments: ${field}: ${message}`),
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === "object" && value !== null) || typeof value === "function") &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === "function"
  );
}
