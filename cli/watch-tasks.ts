import { messageOf } from "../functions/host/log.ts";
import type { Activity } from "../functions/embedded/engine-host.ts";
import type { Engine } from "../functions/engine/contract.ts";
import type { Runtime } from "../functions/embedded/runtime.ts";
import { provideEnvironment } from "../functions/embedded/local-environment.ts";
import { LiveTasks } from "../functions/embedded/reload/live-tasks.ts";
import { FileWatch } from "../functions/embedded/reload/watch-files.ts";
import { checkQueues } from "../functions/sdk/module.ts";
import { queuesOf } from "../functions/sdk/queue-settings.ts";
import { formatCounted, formatDuration, oneLine } from "./format.ts";
import { doneRuns, failedRuns } from "./progress.ts";
import { loadProject, type Project } from "./project.ts";
import { shortPath } from "./repository.ts";
import type { Terminal } from "./terminal.ts";

/** A project whose tasks are loaded again when a file that they import changes. */
export interface LiveProject {
  readonly project: Project;
  readonly live: LiveTasks;
}

/** Loads the project with its tasks, and throws what is wrong with them. */
export async function loadLiveProject(tasks: string | undefined): Promise<LiveProject> {
  const project = await loadProject(tasks);
  provideEnvironment(project.settings);
  const { site } = project.settings;
  const known = queuesOf(project.settings);
  const live = await LiveTasks.load(project.tasksModule, (found) => checkQueues(found, site, known));
  return { project, live };
}

/** Loads the tasks again after each change, one change at a time. The worker processes of the old code stay until new tasks are loaded. */
export function watchTasks(
  { project: { file }, live }: LiveProject,
  terminal: Terminal,
  { renewWorkers, keepWorkers }: Pick<Runtime, "renewWorkers" | "keepWorkers">,
): FileWatch {
  let last: Promise<void> = Promise.resolve();
  const watch = new FileWatch((changed) => {
    last = last.then(() => load(changed));
  });
  const set = (failed: boolean): void =>
    watch.set(new Set([...live.files, ...(file === undefined ? [] : [file])]), { any: failed });
  const load = async (changed: readonly string[]): Promise<void> => {
    if (file !== undefined && changed.includes(file))
      terminal.say(`not loaded  ${shortPath(file)}: settings are read at the start; stop and start again`);
    const code = changed.filter((each) => each !== file);
    if (code.length === 0) return;
    const names = code.map(shortPath).join(", ");
    try {
      await live.reload();
      renewWorkers();
      terminal.say(
        `loaded  ${names}: ${formatCounted(live.taskNames.length, "task")}; runs under way end on the code of before`,
      );
      set(false);
    } catch (error) {
      keepWorkers();
      terminal.say(
        `${terminal.paintStatus("red", "not loaded")}  ${names}: ${messageOf(error)}\n    the code of before goes on`,
      );
      set(true);
    }
  };
  set(false);
  return watch;
}

/** Says what happens to work, a line each: the end of a job, the failure of a run, what a run logs. */
export function activityLines(terminal: Terminal, engine: () => Pick<Engine, "job">): (activity: Activity) => void {
  return (activity) => {
    if (activity.kind === "jobEnded") void sayJob(terminal, engine(), activity.jobId);
    else if (activity.kind === "runFailed") {
      const { runId, task = "", error } = activity;
      terminal.say(
        `${terminal.paintStatus("red", "failed")}  ${runId}  ${task}  ${oneLine(`${error?.name ?? "Error"}: ${error?.message ?? ""}`)}`,
      );
    } else {
      const { level, runId, task, message, fields } = activity;
      terminal.say(
        `${level}  ${runId}  ${task}  ${oneLine(fields ? `${message} ${JSON.stringify(fields)}` : message)}`,
      );
    }
  };
}
async function sayJob(terminal: Terminal, engine: Pick<Engine, "job">, jobId: string): Promise<void> {
  const job = await engine.job(jobId).catch(() => undefined);
  if (job === undefined) return;
  const failed = failedRuns(job);
  const runs = `${formatCounted(doneRuns(job), "run")}${failed === 0 ? "" : `, ${failed} failed`}`;
  const seconds = ((job.endedAt ?? job.createdAt) - job.createdAt) / 1_000;
  terminal.say(`job  ${jobId}  ${job.workflow ?? "canvas"}  ${job.state}: ${runs}, ${formatDuration(seconds)}`);
}
