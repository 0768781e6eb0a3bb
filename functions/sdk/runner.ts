import type { TaskCall, TaskOutcome, TaskRegistry, TaskRunner } from "../core/invocation.ts";
import { raceAbort } from "./abort-race.ts";
import { runAttempt } from "./attempt.ts";
import { outcomeOf } from "./outcome-of.ts";
import { tasksByName, type AnyTask } from "./task.ts";

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

async function runCall(task: AnyTask | undefined, call: TaskCall): Promise<TaskOutcome> {
  if (task === undefined) {
    const message = `this worker has no task ${call.task}`;
    return { kind: "broken", error: { name: "FanfoldError", message, reason: "unknown_task", retryable: false } };
  }
  try {
    return await raceAbort(call.signal, () => runAttempt(task, call));
  } catch (thrown) {
    return outcomeOf(thrown, call.signal);
  }
}
