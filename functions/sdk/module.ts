import { FanfoldError } from "../core/errors.ts";
import { formatQueueName, parseQueueName, requireQueue } from "../core/names/queue-name.ts";
import { isFanfoldError } from "../core/task/error-data.ts";
import { type AnyTask, isTask } from "./any-task.ts";
import { tasksByName } from "./task.ts";
import { createWorkflows, isWorkflow, type Workflow } from "./workflow.ts";

/** What a module exports. */
export type Exports = { readonly [name: string]: unknown };
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
export function loadTaskModule(exports: Exports): TaskModule {
  const values = [...new Set(Object.values(exports))];
  const tasks = values.filter(isTask);
  const workflows = values.filter(isWorkflow);
  tasksByName(tasks);
  createWorkflows(workflows);
  return { tasks, workflows };
}

/**
 * Loads a module. An error of its code names the module and the line.
 * @throws FanfoldError `invalid_tasks`
 */
export async function importTasks(path: string, load: () => Promise<Exports>): Promise<Exports> {
  try {
    return await load();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const line = cause instanceof Error ? lineOf(cause) : undefined;
    throw new FanfoldError(
      "invalid_tasks",
      `the tasks of ${path} cannot be loaded: ${message}${line === undefined ? "" : `\n    at ${line}`}`,
      { details: { path, ...(isFanfoldError(cause) && { code: cause.code }) }, cause },
    );
  }
}
/** Returns the line that threw: the first of the stack that belongs to neither a package nor to Fanfold. */
function lineOf({ stack = "" }: Error): string | undefined {
  const lines = [...stack.matchAll(/(?:^|\bat |\()(?:async )?((?:file:\/\/)?\/[^\s()]+:\d+(?::\d+)?)\)?$/gm)];
  return lines.map(([, line = ""]) => line).find((line) => !/\/node_modules\/|\/functions\/(sdk|core)\//.test(line));
}

/**
 * Checks that a queue exists for each task. `site` is the site of queues that name none.
 * @throws FanfoldError `unknown_queue`
 */
export function checkQueues(
  tasks: readonly Pick<AnyTask, "name" | "info">[],
  site: string,
  known: readonly string[],
): void {
  for (const { name, info } of tasks)
    requireQueue(formatQueueName(parseQueueName(info.queue ?? "default", { site })), known, `task ${name}`);
}
