import { type AnyTask, isTask } from "./any-task.ts";
import { tasksByName } from "./task.ts";
import { createWorkflows, isWorkflow, type Workflow } from "./workflow.ts";

/** The tasks and workflows of a module. */
export interface TaskModule {
  readonly tasks: readonly AnyTask[];
  readonly workflows: readonly Workflow[];
}

/**
 * Returns the tasks and workflows among the exports of a module. Other exports are ignored. A task that is exported
 * twice counts once.
 * @throws FanfoldError `invalid_request` when two tasks, or two workflows, have the same name
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
