import type { JsonObject } from "../core/json.ts";
import type { TaskInfo, TaskRegistry, TaskRunner } from "../core/task/invocation.ts";
import type { NamedSchedule } from "../core/schedule/schedule.ts";
import { isTask } from "../sdk/any-task.ts";
import type { Exports } from "../sdk/module.ts";
import { processPool, Supplies } from "../sdk/resource-pool.ts";
import { createRunner } from "../sdk/runner.ts";
import { type SecretSource, variableSecrets } from "../sdk/secrets.ts";
import { tasksByName } from "../sdk/task.ts";

/** A task as data: what the engine must know about it and, for people, the JSON Schema of its keyword arguments. */
export interface RegistryTask extends TaskInfo {
  /** The queue in full text form. Bundling decides which site has the code, so the site is always given. */
  readonly queue: string;
  readonly kwargsSchema?: JsonObject;
}
/** All tasks of a deployment, whichever site has their code. Bundling writes it. */
export interface RegistryData {
  readonly v: 1;
  readonly tasks: readonly RegistryTask[];
}
/** The parts of a bundled function: the modules of its site, and the registry of the deployment. */
export interface DeployedCode {
  readonly modules: readonly Exports[];
  /** RegistryData, as parsed from JSON. */
  readonly registry: unknown;
  /** The schedules of the configuration, in functions that compare or put them. */
  readonly schedules?: readonly NamedSchedule[];
  /** Sites whose work the configuration parks, in the function that compares them with the pauses. */
  readonly parkedSites?: readonly string[];
}

/**
 * Returns a registry that knows every task of the deployment, and a runner for the tasks whose code is here. Workers
 * that have the code run the other tasks.
 */
export function loadTasks(
  { modules, registry }: DeployedCode,
  secrets: SecretSource = variableSecrets(),
): {
  readonly registry: TaskRegistry & { names(): readonly string[] };
  readonly runner: TaskRunner;
} {
  const { tasks } = registry as RegistryData;
  const known = new Map(tasks.map((task) => [task.name, task]));
  const hasBulk = tasks.some(({ bulk }) => bulk !== undefined);
  const here = tasksByName([...new Set(modules.flatMap((exports) => Object.values(exports)))].filter(isTask));
  return {
    registry: {
      info: (task) => known.get(task),
      has: (task) => here.has(task),
      names: () => [...known.keys()],
      hasBulk: () => hasBulk,
    },
    runner: createRunner(here.values(), new Supplies(processPool, secrets)),
  };
}
