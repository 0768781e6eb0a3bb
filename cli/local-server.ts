import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { config } from "../fanfold.config.ts";
import { createApp } from "../functions/api/app.ts";
import { noSecurity, type Security } from "../functions/api/security.ts";
import { createClient, type Client } from "../functions/client/index.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { formatQueueName } from "../functions/core/names/queue-name.ts";
import type { QueueThreads } from "../functions/embedded/queue-shares.ts";
import { startRuntime, type Runtime, type RuntimeOptions } from "../functions/embedded/runtime.ts";
import type { Settings } from "../functions/sdk/config.ts";
import { loadTaskModule } from "../functions/sdk/index.ts";
import { version } from "./repository.ts";

export interface LocalOptions extends Pick<RuntimeOptions, "dataFolder" | "workers" | "concurrency" | "durability"> {
  /** Path of the module that exports tasks and workflows. */
  readonly tasks: string;
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
  const tasksModule = resolve(options.tasks);
  const taskNames = await namesOfTasks(tasksModule);
  const runtime = await startRuntime({
    dataFolder: options.dataFolder,
    tasksModule,
    ...(options.workers !== undefined && { workers: options.workers }),
    ...(options.durability !== undefined && { durability: options.durability }),
    concurrency: options.concurrency ?? config.concurrency,
    queues: queueThreads(config),
    engine: {
      site: config.site,
      defaultJobTimeoutSeconds: config.jobTimeoutDays * DAY,
      retentionSeconds: config.retentionDays * DAY,
    },
  });
  const { engine, workflows, registry } = runtime;
  const report = (error: unknown): void =>
    void process.stderr.write(`fanfold error: ${error instanceof Error ? error.stack : String(error)}\n`);
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

/**
 * Returns the names of all tasks. This call is the first to load the module, so it reports the module's errors plainly.
 */
async function namesOfTasks(path: string): Promise<readonly string[]> {
  if (!existsSync(path))
    throw new FanfoldError("invalid_request", `--tasks: there is no file ${path}`, { details: { field: "--tasks" } });
  try {
    return loadTaskModule((await import(pathToFileURL(path).href)) as { [name: string]: unknown }).tasks.map(
      (task) => task.name,
    );
  } catch (cause) {
    if (cause instanceof FanfoldError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FanfoldError("invalid_request", `--tasks: ${path} cannot be loaded: ${reason}`, {
      details: { field: "--tasks" },
      cause,
    });
  }
}
