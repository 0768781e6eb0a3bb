import { AsyncLocalStorage } from "node:async_hooks";
import { FanfoldError } from "../core/errors.ts";
import type { TaskCall } from "../core/task/invocation.ts";

/** Follows the code of an attempt into timers and promises, so that code without a context finds its call. */
const calls = new AsyncLocalStorage<TaskCall>();

/** Runs code of an attempt. */
export function withCall<T>(call: TaskCall, code: () => T): T {
  return calls.run(call, code);
}
/** Returns the call whose code asks. Undefined outside of a task. */
export function callOfTask(): TaskCall | undefined {
  return calls.getStore();
}
/** Returns the call whose code asks. Throws `outside_task` with the name of what was asked for. */
export function requireCall(asked: string): TaskCall {
  const call = calls.getStore();
  if (call !== undefined) return call;
  throw new FanfoldError("outside_task", `${asked} was called outside of a task: call it in the code of a task`);
}

/**
 * Returns the site where the task runs that calls this.
 * @throws FanfoldError `outside_task`
 * @example currentSite(); // "london"
 */
export function currentSite(): string {
  return requireCall("currentSite()").site;
}
/**
 * Returns the queue of the task that calls this, in text form. `QueueName.current()` returns its parts.
 * @throws FanfoldError `outside_task`
 * @example currentQueue(); // "london.highpriority#custom"
 */
export function currentQueue(): string {
  return requireCall("currentQueue()").queue;
}
