import type { Exports } from "../sdk/module.ts";
import { createWorkflows, isWorkflow, type Workflows } from "../sdk/workflow.ts";

/** Returns the workflows of all sites. Sites that share a module share its workflows. */
export function loadWorkflows(modules: readonly Exports[]): Workflows {
  return createWorkflows(new Set(modules.flatMap((exports) => Object.values(exports)).filter(isWorkflow)));
}
