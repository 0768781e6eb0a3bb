import { existsSync } from "node:fs";
import { config } from "../fanfold.config.ts";
import { createApp } from "../functions/api/app.ts";
import { problemOf } from "../functions/api/problem.ts";
import { noSecurity, type Security } from "../functions/api/security.ts";
import { createClient, type Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { formatQueueName } from "../functions/core/names/queue-name.ts";
import { loadTasksOf } from "../functions/embedded/load-tasks.ts";
import type { QueueThreads } from "../functions/embedded/queue-shares.ts";
import { startRuntime, type Runtime, type RuntimeOptions } from "../functions/embedded/runtime.ts";
import { PortError } from "../functions/engine/ports.ts";
import { queuesOf, type Settings } from "../functions/sdk/config.ts";
import { checkQueues } from "../functions/sdk/module.ts";
import { moduleOfConfig, version } from "./repository.ts";

export interface LocalOptions extends Pick<RuntimeOptions, "dataFolder" | "workers" | "concurrency" | "durability"> {
  /** Path of the module that exports tasks and workflows. Default: that of fanfold.config.ts. */
  readonly tasks?: string | undefined;
}
const DAY = 86_400;
/** An engine in this process, and the API in front of it. */
export interface Local {
  readonly runtime: Runtime;
  readonly app: ReturnType<typeof createApp>;
  /** Calls the app directly, without a network. */
  readonly client: Client;
}

export async function startLocal(options: LocalOptions, security: Security = noSecurity()): Promise<Local> {
  const tasksModule = options.tasks ?? moduleOfConfig(config.tasks);
  const queues = queuesOf(config);
  const taskNames = await namesOfTasks(tasksModule, queues);
  const runtime = await startRuntime({
    dataFolder: options.dataFolder,
    tasksModule,
    ...(options.workers !== undefined && { workers: options.workers }),
    ...(options.durability !== undefined && { durability: options.durability }),
    concurrency: options.concurrency ?? config.concurrency,
    queues: queueThreads(config),
    ...(config.recycle && { recycle: config.recycle }),
    engine: {
      site: config.site,
      queues,
      schedules: config.schedules,
      defaultJobTimeoutSeconds: config.jobTimeoutDays * DAY,
      retentionSeconds: config.retentionDays * DAY,
    },
  });
  const { engine, workflows, registry } = runtime;
  const report = (error: unknown): void => {
    // The runtime has said once what its disk lacks. Every refused request would say it again.
    if (!STATED.has(problemOf(error).code)) process.stderr.write(`fanfold error: ${reported(error)}\n`);
  };
  const app = createApp({
    engine,
    workflows,
    registry: { info: (task) => registry.info(task), names: () => taskNames },
    security,
    version: version(),
    health: () => runtime.health(),
    report,
  });
  return { runtime, app, client: createClient({ url: "http://127.0.0.1", fetch: (request) => app.fetch(request) }) };
}

/** Returns the threads and weights of the configured queues, by their full names. */
export function queueThreads({ sites }: Pick<Settings, "sites">): QueueThreads {
  return {
    sites: Object.fromEntries(sites.flatMap(({ name, threads }) => (threads === undefined ? [] : [[name, threads]]))),
    queues: Object.fromEntries(
      sites.flatMap(({ name: site, queues }) =>
        queues.map(({ name: queue, function: kind, threads, weight }) => [
          formatQueueName({ site, queue, function: kind }),
          { ...(threads !== undefined && { threads }), ...(weight !== undefined && { weight }) },
        ]),
      ),
    ),
  };
}

const STATED: ReadonlySet<string> = new Set(["disk_full", "data_folder_unusable"]);
/** Returns a failure as text. Only a bug needs its stack. */
function reported(error: unknown): string {
  if (error instanceof FanfoldError && error.code !== "internal") return `${error.message} (${error.code})`;
  if (error instanceof PortError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Returns the names of all tasks. What is wrong with them is said here, before anything is started. */
async function namesOfTasks(path: string, queues: readonly string[]): Promise<readonly string[]> {
  if (!existsSync(path))
    throw new FanfoldError("invalid_request", `--tasks: there is no file ${path}`, { details: { field: "--tasks" } });
  const { tasks } = await loadTasksOf(path);
  checkQueues(tasks, config.site, queues);
  return tasks.map((task) => task.name);
}
