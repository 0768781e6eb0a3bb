import type { JsonObject } from "../core/json.ts";
import type { TaskInfo, TaskRegistry, TaskRunner } from "../core/task/invocation.ts";
import { isTask } from "../sdk/any-task.ts";
import { createRunner } from "../sdk/runner.ts";
import { tasksByName } from "../sdk/task.ts";

/** A task as data: what the engine must know of it, and for people the JSON Schema of its keyword arguments. */
export interface RegistryTask extends TaskInfo {
  /** Always given, in full: the site that has the code is decided when the deployment is bundled. */
  readonly queue: string;
  readonly kwargsSchema?: JsonObject;
}
/** All tasks of a deployment, whichever site has their code. Written when a deployment is bundled. */
export interface RegistryData {
  readonly v: 1;
  readonly tasks: readonly RegistryTask[];
}
export type Exports = { readonly [name: string]: unknown };

/** What a bundled function was made of: the modules of its site, and the registry of the deployment. */
export interface DeployedCode {
  readonly modules: readonly Exports[];
  /** RegistryData, as JSON gives it. */
  readonly registry: unknown;
}

/** Knows every task of the deployment; runs those whose code is here, and leaves the others to workers that have them. */
export function loadTasks({ modules, registry }: DeployedCode): {
  readonly registry: TaskRegistry & { names(): readonly string[] };
  readonly runner: TaskRunner;
} {
  const { tasks } = registry as RegistryData;
  const known = new Map(tasks.map((task) => [task.name, task]));
  const here = tasksByName([...new Set(modules.flatMap((exports) => Object.values(exports)))].filter(isTask));
  return {
    registry: {
      info: (task) => known.get(task),
      has: (task) => here.has(task),
      names: () => [...known.keys()],
    },
    runner: createRunner(here.values()),
  };
}
