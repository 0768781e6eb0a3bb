import { isDeepStrictEqual } from "node:util";
import * as z from "zod/v4/core";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { JsonObject } from "../core/json.ts";
import { formatQueueName, parseQueueName } from "../core/names/queue-name.ts";
import type { AnyTask } from "../sdk/any-task.ts";
import { loadTaskModule } from "../sdk/module.ts";
import type { Exports, RegistryData, RegistryTask } from "./deployed-code.ts";

/**
 * Describes the tasks of a deployment, in order of name. `sites` begins with the default site. A task that names no
 * site belongs to the first site that has it. Bundling runs this in a process of its own.
 * @throws FanfoldError `invalid_request` when two sites mean different tasks by one name, or two workflows of a site
 * have one name
 */
export function describeTasks(sites: readonly { readonly site: string; readonly exports: Exports }[]): RegistryData {
  const byName = new Map<string, { readonly task: AnyTask; readonly described: RegistryTask }>();
  for (const { site, exports } of sites) {
    for (const task of loadTaskModule(exports).tasks) {
      const other = byName.get(task.name);
      if (other === undefined) byName.set(task.name, { task, described: describe(task, site) });
      else if (!isDeepStrictEqual(other.task.info, task.info)) throw twice(task.name);
    }
  }
  const tasks = [...byName.values()].map(({ described }) => described);
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
