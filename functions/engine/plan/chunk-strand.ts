import type { Json, JsonObject } from "../../core/json.ts";
import type { Strand, TaskStep } from "../../core/plan/plan.ts";

/** Returns a strand whose first step, a path task, is given these items. */
export function withPaths(strand: Strand, paths: readonly Json[]): Strand {
  const [first, ...rest] = strand as readonly [TaskStep, ...Strand];
  return [{ ...first, kwargs: { ...first.kwargs, paths } as JsonObject }, ...rest];
}
