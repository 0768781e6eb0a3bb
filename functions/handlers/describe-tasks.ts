import { writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod/v4/core";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { JsonObject } from "../core/json.ts";
import { formatQueueName, parseQueueName, requireQueue } from "../core/names/queue-name.ts";
import type { NamedSchedule } from "../core/schedule/schedule.ts";
import type { AnyTask } from "../sdk/any-task.ts";
import { type Exports, importTasks, loadTaskModule } from "../sdk/module.ts";
import { checkSchedules } from "./check-schedules.ts";
import { loadTasks, type RegistryData, type RegistryTask } from "./deployed-code.ts";
import { loadWorkflows } from "./load-workflows.ts";

/** A site, and how the module of its tasks is loaded. */
interface Site {
  readonly site: string;
  readonly path: string;
  readonly load: () => Promise<Exports>;
}
/** What bundling reads: the tasks, or what is wrong with them. */
type Description =
  | { readonly registry: RegistryData }
  | { readonly error: Pick<FanfoldError, "code" | "message" | "details"> };

/**
 * Writes the description of a deployment's tasks to a file, and ends the process, which a module may keep open.
 * Bundling runs this in a process of its own.
 */
export async function writeDescription(
  file: string,
  sites: readonly Site[],
  queues: readonly string[] | undefined,
  schedules: readonly NamedSchedule[],
): Promise<void> {
  const description = await describeSites(sites, queues, schedules);
  writeFileSync(file, JSON.stringify(description));
  process.exit(0);
}
async function describeSites(
  sites: readonly Site[],
  queues: readonly string[] | undefined,
  schedules: readonly NamedSchedule[],
): Promise<Description> {
  try {
    const loaded = [];
    for (const { site, path, load } of sites) {
      loaded.push({ site, exports: await importTasks(path, load) });
    }
    const registry = describeTasks(loaded, queues);
    const modules = loaded.map(({ exports }) => exports);
    const names = sites.map(({ site }) => site);
    checkSchedules(schedules, loadWorkflows(modules), loadTasks({ modules: [], registry }).registry, names);
    return { registry };
  } catch (error) {
    if (!(error instanceof FanfoldError)) throw error;
    const { code, message, details } = error;
    return { error: { code, message, details } };
  }
}

/**
 * Describes the tasks of a deployment, in order of name. `sites` begins with the default site. A task that names no
 * site belongs to the first site that has it. Without `queues`, every queue exists.
 * @throws FanfoldError `invalid_request` when two sites mean different tasks by one name, or two workflows of a site
 * have one name
 */
export function describeTasks(
  sites: readonly { readonly site: string; readonly exports: Exports }[],
  queues?: readonly string[],
): RegistryData {
  const byName = new Map<string, { readonly task: AnyTask; readonly described: RegistryTask }>();
  for (const { site, exports } of sites) {
    for (const task of loadTaskModule(exports).tasks) {
      const other = byName.get(task.name);
      if (other === undefined) byName.set(task.name, { task, described: describe(task, site) });
      else if (!isDeepStrictEqual(other.task.info, task.info)) throw twice(task.name);
    }
  }
  const tasks = [...byName.values()].map(({ described }) => described);
  if (queues !== undefined) for (const { name, queue } of tasks) requireQueue(queue, queues, `task ${name}`);
  return { v: 1, tasks: tasks.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

function describe({ info, definition }: AnyTask, site: string): RegistryTask {
  const queue = parseQueueName(info.queue ?? "default", { site });
  const described = { ...info, queue: formatQueueName(queue) };
  if (definition.kwargs === undefined) return described;
  return {
    ...described,
    kwargsSchema: toJson(z.toJSONSchema(definition.kwargs, { io: "input", unrepresentable: "any" }), "") as JsonObject,
  };
}
function twice(task: string): FanfoldError {
  return new FanfoldError(
    "invalid_request",
    `two sites define the task ${task} with different settings: give them the same ones, or different names`,
    {
      details: { task },
    },
  );
}
