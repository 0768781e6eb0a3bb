import type { AnyTask } from "../../sdk/any-task.ts";
import type { TestEngine } from "./test-engine.ts";

/**
 * Throws unless one run of the task has succeeded, and no other has begun. A run may have had several attempts, as after
 * a crash: make what a callback does repeatable, or key it by `ctx.runId`.
 * @example expectCallbackOnce(engine, total);
 */
export function expectCallbackOnce(engine: Pick<TestEngine, "attemptsOf">, task: AnyTask | string): void {
  const attempts = engine.attemptsOf(task);
  const runs = [...new Set(attempts.map(({ runId }) => runId))];
  const name = typeof task === "string" ? task : task.name;
  if (runs.length !== 1)
    throw new Error(`the callback ${name} was called ${runs.length} times${runs.length ? `: ${runs.join(", ")}` : ""}`);
  if (!attempts.some(({ outcome }) => outcome === "success"))
    throw new Error(`the callback ${name} has begun and not succeeded: ${attempts.at(-1)?.outcome ?? "it was lost"}`);
}
