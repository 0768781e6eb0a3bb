import type { Dedupe } from "../../core/canvas/canvas.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { Context } from "../context.ts";

/** Returns what a step shares with others; undefined when it has a run of its own. */
export function dedupeOf({ registry }: Pick<Context, "registry">, { task, options }: TaskStep): Dedupe | undefined {
  const dedupe = options?.dedupe ?? registry.info(task)?.dedupe;
  return dedupe === "none" ? undefined : dedupe;
}
/** Whether a step declares dependencies, so that its run may have to wait before it starts. */
export const declaresAny = ({ registry }: Pick<Context, "registry">, { task, options }: TaskStep): boolean =>
  options?.dependsOn !== undefined || registry.info(task)?.dependsOn !== undefined;
