import { type AnyTask, isTask } from "./any-task.ts";
import { tasksByName } from "./task.ts";
import { createWorkflows, isWorkflow, type Workflow } from "./workflow.ts";

/** What a module of tasks brings. */
export interface TaskModule {
  readonly tasks: readonly AnyTask[];
  readonly workflows: readonly Workflow[];
}

/**
 * Collects the tasks and workflows among a module's exports; everything else in it is left alone, and one that is exported twice counts once.
 * @throws FanfoldError `invalid_request` when two of a kind have the same name.
 * @example const { tasks, workflows } = loadTaskModule(await import("./tasks/index.ts"));
 */
export function loadTaskModule(exports: { readonly [name: string]: unknown }): TaskModule {
  const values = [...new Set(Object.values(exports))];
  const tasks = values.filter(isTask);
  const workflows = values.filter(isWorkflow);
  tasksByName(tasks);
  createWorkflows(workflows);
  return { tasks, workflows };
}
