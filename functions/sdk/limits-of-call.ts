import { FanfoldError } from "../core/errors.ts";
import type { TaskCall } from "../core/task/invocation.ts";
import { keyProblem, type RunLimits } from "../core/task/run-limits.ts";
import type { AnyTask } from "./any-task.ts";
import type { KeyContext, LimitKey } from "./limit-settings.ts";

/**
 * Returns the limits of one call, with their keys. Throws what a function that makes a key throws, and
 * `invalid_limit_key` for a key that is none.
 */
export function limitsOfCall(task: AnyTask | undefined, call: TaskCall): RunLimits {
  if (!task) return {};
  const { rateLimit, concurrency, locks } = task.definition.limits;
  const keyOf = (key: LimitKey, field: string): string => makeKey(task.name, key, call, field);
  return {
    ...(rateLimit && { rateLimit: { ...rateLimit, key: keyOf(rateLimit.key ?? task.name, "rateLimit") } }),
    ...(concurrency && { concurrency: { ...concurrency, key: keyOf(concurrency.key ?? task.name, "concurrency") } }),
    ...(locks && { locks: locks.map((lock) => ({ ...lock, key: keyOf(lock.key, "locks") })) }),
  };
}
function makeKey(task: string, key: LimitKey, { jobId, kwargs, stamps, args }: TaskCall, field: string): string {
  if (typeof key === "string") return key;
  const made: unknown = (key as (ctx: KeyContext, ...given: readonly unknown[]) => unknown)(
    { jobId, kwargs, stamps },
    ...args,
  );
  const problem = keyProblem(made);
  if (problem === undefined) return made as string;
  throw new FanfoldError("invalid_limit_key", `the key of ${field} of ${task} ${problem}`, {
    details: { field, task },
  });
}
