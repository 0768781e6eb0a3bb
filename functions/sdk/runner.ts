import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { addCounts, type Counts } from "../core/plan/counts.ts";
import type { MaybePromise, TaskCall, TaskOutcome, TaskRegistry, TaskRunner } from "../core/task/invocation.ts";
import { raceAbort } from "./abort-race.ts";
import { installCapture } from "./console-capture.ts";
import type { AnyTask } from "./any-task.ts";
import { outcomeOf } from "./outcome-of.ts";
import { processSupplies, type Supplies } from "./resource-pool.ts";
import { runAttempt } from "./run-attempt.ts";
import { runBulk, runHook } from "./run-bulk.ts";
import { limitsOfCall } from "./limits-of-call.ts";
import { tasksByName } from "./task.ts";

/**
 * Returns the registry of these tasks, which tells the engine about them.
 * @throws FanfoldError `invalid_request` when two tasks have the same name
 * @example const registry = createRegistry([add]); registry.info("math.add")?.timeoutSeconds; // 900
 */
export function createRegistry(tasks: Iterable<AnyTask>): TaskRegistry {
  const byName = tasksByName(tasks);
  const hasBulk = [...byName.values()].some(({ info }) => info.bulk !== undefined);
  return { info: (task) => byName.get(task)?.info, names: () => [...byName.keys()], hasBulk: () => hasBulk };
}

/**
 * Returns a runner of these tasks. Every result of user code becomes an outcome. The outcome comes promptly once the
 * signal of the call aborts, even when user code ignores the signal. `supplies` says what `ctx.use` gives. Default: the
 * resources of the process.
 * @throws FanfoldError `invalid_request` when two tasks have the same name
 * @example const outcome = await createRunner([add]).run(call); // { kind: "success", value: 4 }
 */
export function createRunner(tasks: Iterable<AnyTask>, supplies: Supplies = processSupplies): TaskRunner {
  const byName = tasksByName(tasks);
  if ([...byName.values()].some(({ definition }) => definition.log.capturesConsole)) installCapture();
  return {
    run: (call) => runCall(byName.get(call.task), call, supplies),
    limits: (call) => limitsOfCall(byName.get(call.task), call),
    runBulk: async (call) => {
      const task = byName.get(call.task);
      return task?.definition.bulk
        ? runBulk(task, call, supplies)
        : { kind: "failed", outcome: unknownTask(call.task) };
    },
    runHook: async (name, hook, call) => {
      const task = byName.get(name);
      if (task) await runHook(task, hook, call, supplies);
    },
  };
}

function runCall(task: AnyTask | undefined, call: TaskCall, supplies: Supplies): MaybePromise<TaskOutcome> {
  if (task === undefined) return unknownTask(call.task);
  const { signal } = call;
  if (signal.aborted) return outcomeOf(signal.reason, signal);
  try {
    const running =
      call.each === undefined ? runAttempt(task, call, call.args, supplies) : runEach(task, call, call.each, supplies);
    return running instanceof Promise ? untilAborted(running, call) : running;
  } catch (thrown) {
    return outcomeOf(thrown, signal);
  }
}
function unknownTask(task: string): Extract<TaskOutcome, { readonly kind: "broken" }> {
  const message = `this worker has no task ${task}`;
  return { kind: "broken", error: { name: "FanfoldError", message, reason: "unknown_task", retryable: false } };
}
async function untilAborted(running: Promise<TaskOutcome>, call: TaskCall): Promise<TaskOutcome> {
  const { signal } = call;
  // If the signal aborted before the promise existed, nothing awaits the promise.
  running.catch(() => undefined);
  try {
    return await raceAbort(signal, () => running);
  } catch (thrown) {
    if (signal.aborted) call.services.leave(running);
    return outcomeOf(thrown, signal);
  }
}

async function runItem(task: AnyTask, call: TaskCall, args: readonly Json[], supplies: Supplies): Promise<TaskOutcome> {
  try {
    return await runAttempt(task, call, args, supplies);
  } catch (thrown) {
    return outcomeOf(thrown, call.signal);
  }
}
/** Runs one attempt that calls the task for each item. The first call that does not simply succeed ends the attempt. */
async function runEach(
  task: AnyTask,
  call: TaskCall,
  each: "map" | "starmap",
  supplies: Supplies,
): Promise<TaskOutcome> {
  if (task.info.bulk)
    throw new FanfoldError(
      "invalid_request",
      `${task.name} is a bulk task: it cannot run inside a ${each}; make it a group of signatures`,
    );
  const values: Json[] = [];
  let counters: Counts | undefined;
  let items: Counts | undefined;
  for (const item of call.args[0] as readonly Json[]) {
    call.signal.throwIfAborted();
    const outcome = await runItem(task, call, each === "map" ? [item] : (item as readonly Json[]), supplies);
    if (outcome.kind === "execution") {
      throw new FanfoldError(
        "invalid_request",
        `${task.name} is a state machine: it cannot run inside a ${each}; make it a group of signatures`,
      );
    }
    if (outcome.kind === "stream" || (outcome.kind === "success" && outcome.spawned)) {
      throw new FanfoldError(
        "invalid_request",
        `${task.name} has children of its own: it cannot run inside a ${each}; make it a group of signatures`,
      );
    }
    if (outcome.kind !== "success" && outcome.kind !== "skipped") return outcome;
    values.push(outcome.value);
    if (outcome.kind !== "success") continue;
    if (outcome.counters) counters = addCounts(counters, outcome.counters);
    if (outcome.items) items = addCounts(items, outcome.items as Counts);
  }
  return { kind: "success", value: values, ...(counters && { counters }), ...(items && { items }) };
}
