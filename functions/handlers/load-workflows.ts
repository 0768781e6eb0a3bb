import { createWorkflows, isWorkflow, type Workflows } from "../sdk/workflow.ts";
import type { Exports } from "./deployed-code.ts";

/** The workflows of all sites; sites that share a module share its workflows. */
export function loadWorkflows(modules: readonly Exports[]): Workflows {
  return createWorkflows(new Set(modules.flatMap((exports) => Object.values(exports)).filter(isWorkflow)));
}
