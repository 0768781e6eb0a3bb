import { FanfoldError } from "../core/errors.ts";
import type { TaskCall } from "../core/task/invocation.ts";

/** The part of Node's AsyncLocalStorage that is used here. */
interface Calls {
  run<T>(call: TaskCall, code: () => T): T;
  getStore(): TaskCall | undefined;
}
interface AsyncHooks {
  readonly AsyncLocalStorage: new () => Calls;
}
/** Where no task runs, as in a browser, there is no such module, and no call to find. */
const NO_CALLS: Calls = { run: (_call, code) => code(), getStore: () => undefined };
const CALLS = Symbol.for("fanfold.calls");
const shared = globalThis as {
  [CALLS]?: Calls;
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown };
};
/**
 * Follows the code of an attempt into timers and promises, so that code without a context finds its call. One for the
 * process, because a module of tasks may load another copy of this module than the worker does.
 */
const calls = (shared[CALLS] ??= createCalls());

function createCalls(): Calls {
  const hooks = shared.process?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
  return hooks ? new hooks.AsyncLocalStorage() : NO_CALLS;
}

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
