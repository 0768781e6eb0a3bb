import { existsSync } from "node:fs";
import type { Security } from "../functions/api/security.ts";
import { FanfoldError } from "../functions/core/errors.ts";
import { loadTasksOf } from "../functions/embedded/load-tasks.ts";
import { provideEnvironment } from "../functions/embedded/local-environment.ts";
import { localApp, type LocalApp } from "../functions/embedded/local-app.ts";
import { startRuntime, type Runtime, type RuntimeOptions } from "../functions/embedded/runtime.ts";
import { runtimeSettings } from "../functions/embedded/runtime-settings.ts";
import { queuesOf } from "../functions/sdk/queue-settings.ts";
import { checkQueues, type TaskModule } from "../functions/sdk/module.ts";
import { loadProject, type Project } from "./project.ts";

export interface LocalOptions extends Pick<
  RuntimeOptions,
  "dataFolder" | "workers" | "firstWorkers" | "concurrency" | "durability" | "live" | "onActivity"
> {
  /** Path of the module that exports tasks and workflows. Default: that of fanfold.config.ts. */
  readonly tasks?: string | undefined;
  /** Default: that of the working folder. */
  readonly project?: Project;
  /** Throws when the tasks lack what the caller wants of them. It is called before anything is started. */
  readonly check?: (found: TaskModule) => Promise<void>;
}
/** An engine in this process, and the API in front of it. */
export interface Local extends LocalApp {
  readonly runtime: Runtime;
}

export async function startLocal(
  { tasks, project, check, ...options }: LocalOptions,
  security?: Security,
): Promise<Local> {
  const { settings, tasksModule } = project ?? (await loadProject(tasks));
  provideEnvironment(settings);
  // Tasks that can be loaded again are not loaded into this process, and have been checked.
  if (options.live === undefined) await check?.(await checkTasks(tasksModule, settings.site, queuesOf(settings)));
  const runtime = await startRuntime({ ...runtimeSettings(settings), ...options, tasksModule });
  const report = (text: string): void => void process.stderr.write(`fanfold error: ${text}\n`);
  return { runtime, ...localApp(runtime, report, security) };
}

/** What is wrong with the tasks is said here, before anything is started. */
async function checkTasks(path: string, site: string, queues: readonly string[]): Promise<TaskModule> {
  if (!existsSync(path))
    throw new FanfoldError(
      "invalid_request",
      `--tasks: there is no file ${path}, the module of tasks; fanfold.config.ts names it too`,
      { details: { field: "--tasks" } },
    );
  const found = await loadTasksOf(path);
  checkQueues(found.tasks, site, queues);
  return found;
}
