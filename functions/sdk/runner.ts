import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import type { MaybePromise, TaskCall, TaskOutcome, TaskRegistry, TaskRunner } from "../core/task/invocation.ts";
import type { StopSignal } from "../core/task/stop-signal.ts";
import { raceAbort } from "./abort-race.ts";
import type { AnyTask } from "./any-task.ts";
import { outcomeOf } from "./outcome-of.ts";
import { runAttempt } from "./run-attempt.ts";
import { tasksByName } from "./task.ts";

/**
 * What the engine must know of these tasks.
 * @throws FanfoldError `invalid_request` when two tasks have the same name.
 */
export function createRegistry(tasks: Iterable<AnyTask>): TaskRegistry {
  const byName = tasksByName(tasks);
  return { info: (task) => byName.get(task)?.info };
}

/**
 * Runs these tasks. Whatever user code does becomes an outcome, and the outcome comes promptly once the call's signal aborts, even from code that
 * ignores it.
 * @throws FanfoldError `invalid_request` when two tasks have the same name.
 * @example const outcome = await createRunner([add]).run(call); // { kind: "success", value: 4 }
 */
export function createRunner(tasks: Iterable<AnyTask>): TaskRunner {
  const byName = tasksByName(tasks);
  return { run: (call) => runCall(byName.get(call.task), call) };
}

function runCall(task: AnyTask | undefined, call: TaskCall): MaybePromise<TaskOutcome> {
  if (task === undefined) {
    const message = `this worker has no task ${call.task}`;
    return { kind: "broken", error: { name: "FanfoldError", message, reason: "unknown_task", retryable: false } };
  }
  const { signal } = call;
  if (signal.aborted) return outcomeOf(signal.reason, signal);
  try {
    const running = call.each === undefined ? runAttempt(task, call) : runEach(task, call, call.each);
    return running instanceof Promise ? untilAborted(running, signal) : running;
  } catch (thrown) {
    return outcomeOf(thrown, signal);
  }
}
async function untilAborted(running: Promise<TaskOutcome>, signal: StopSignal): Promise<TaskOutcome> {
  // Left behind, if the signal aborted before there was a promise.
  running.catch(() => undefined);
  try {
    return await raceAbort(signal, () => running);
  } catch (thrown) {
    return outcomeOf(thrown, signal);
  }
}

async function runItem(task: AnyTask, call: TaskCall, args: readonly Json[]): Promise<TaskOutcome> {
  try {
    return await runAttempt(task, call, args);
  } catch (thrown) {
    return outcomeOf(thrown, call.signal);
  }
}
/** One attempt that calls the task for each item; the first call that does not simply succeed ends it. */
async function runEach(task: AnyTask, call: TaskCall, each: "map" | "starmap"): Promise<TaskOutcome> {
  const values: Json[] = [];
  const counters: Record<string, number> = {};
  for (const item of call.args[0] as readonly Json[]) {
    call.signal.throwIfAborted();
    const outcome = await runItem(task, call, each === "map" ? [item] : (item as readonly Json[]));
    if (outcome.kind === "execution") {
      throw new FanfoldError("invalid_request", `${task.name} is a state machine: it cannot run inside a ${each}; make it a group of signatures`);
    }
    if (outcome.kind === "stream" || (outcome.kind === "success" && outcome.spawned)) {
      throw new FanfoldError("invalid_request", `${task.name} has children of its own: it cannot run inside a ${each}; make it a group of signatures`);
    }
    if (outcome.kind !== "success" && outcome.kind !== "skipped") return outcome;
    values.push(outcome.value);
    if (outcome.kind === "success") for (const [name, by] of Object.entries(outcome.counters ?? {})) counters[name] = (counters[name] ?? 0) + by;
  }
  return { kind: "success", value: values, ...(Object.keys(counters).length > 0 && { counters }) };
}
