import { FanfoldError } from "../../core/errors.ts";
import type { TaskInfo, TaskRegistry } from "../../core/task/invocation.ts";
import { createRunner, type Workflows } from "../../sdk/index.ts";
import type { HostedCode } from "../engine-host.ts";
import { NotLoaded, TasksThread } from "./tasks-thread.ts";

/** Throws what is wrong with tasks that could be loaded. */
export type CheckTasks = (tasks: readonly { readonly name: string; readonly info: TaskInfo }[]) => void;

/** The tasks and workflows of a module, which are replaced when it is loaded again. Worker processes run the tasks. */
export class LiveTasks implements HostedCode {
  readonly path: string;
  readonly #check: CheckTasks;
  #thread: TasksThread;
  #infos: ReadonlyMap<string, TaskInfo>;
  #watched: ReadonlySet<string>;
  readonly runner = createRunner([]);
  readonly registry: TaskRegistry = {
    info: (task) => this.#infos.get(task),
    names: () => this.taskNames,
    hasBulk: () => [...this.#infos.values()].some(({ bulk }) => bulk !== undefined),
  };
  readonly workflows: Workflows = {
    list: () => this.#thread.described.workflows,
    start: (name, fields) => this.#thread.start(name, fields),
  };

  private constructor(path: string, check: CheckTasks, thread: TasksThread) {
    this.path = path;
    this.#check = check;
    this.#thread = thread;
    this.#infos = infosOf(thread);
    this.#watched = new Set(thread.files);
  }
  /** @throws FanfoldError `invalid_tasks`, `invalid_request`, and what `check` throws */
  static async load(path: string, check: CheckTasks): Promise<LiveTasks> {
    try {
      return new LiveTasks(path, check, await checkedThread(path, check));
    } catch (error) {
      throw causeOf(error);
    }
  }
  get taskNames(): readonly string[] {
    return [...this.#infos.keys()];
  }
  /** Absolute paths of the files that the module imports, also in the state that could not be loaded. */
  get files(): ReadonlySet<string> {
    return this.#watched;
  }
  /** Loads the module again. When that fails the old one stays. Throws as `load` does. */
  async reload(): Promise<void> {
    try {
      const thread = await checkedThread(this.path, this.#check);
      const old = this.#thread;
      this.#thread = thread;
      this.#infos = infosOf(thread);
      this.#watched = new Set(thread.files);
      await old.end();
    } catch (error) {
      if (error instanceof NotLoaded) this.#watched = new Set([...this.#watched, ...error.files]);
      throw causeOf(error);
    }
  }
  async end(): Promise<void> {
    await this.#thread.end();
  }
}
async function checkedThread(path: string, check: CheckTasks): Promise<TasksThread> {
  const thread = await TasksThread.load(path);
  try {
    check(thread.described.tasks.map((info) => ({ name: info.name, info })));
    return thread;
  } catch (error) {
    await thread.end();
    throw new NotLoaded(error, thread.files);
  }
}
function infosOf({ described }: TasksThread): ReadonlyMap<string, TaskInfo> {
  return new Map(described.tasks.map((info) => [info.name, info]));
}
/** Code may throw anything, and end its thread. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof NotLoaded)) return error;
  const { cause } = error;
  if (cause instanceof FanfoldError) return cause;
  return new FanfoldError("invalid_tasks", cause instanceof Error ? cause.message : String(cause), { cause });
}
