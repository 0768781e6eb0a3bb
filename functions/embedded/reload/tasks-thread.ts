import { pathToFileURL } from "node:url";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { type ErrorCode, FanfoldError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { TaskInfo } from "../../core/task/invocation.ts";
import { entryPath } from "../../host/own-files.ts";
import type { StartedWorkflow, Workflows } from "../../sdk/workflow.ts";
import { threadReaders } from "../machine/read-typescript.ts";

/** What a module of tasks tells of itself, as data. */
export interface Described {
  readonly tasks: readonly TaskInfo[];
  readonly workflows: ReturnType<Workflows["list"]>;
}
export interface Call {
  readonly workflow: string;
  readonly fields: unknown;
}
export type Answer<T> =
  | { readonly value: T }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: JsonObject } };
export interface ThreadData {
  readonly tasksModule: string;
  readonly calls: MessagePort;
  readonly answered: Int32Array;
}
type FirstMessage = Answer<Described> & { readonly files: readonly string[] };

/** What is loaded into a thread before anything else: it is JavaScript, and no file. */
const FIRST = `const { readers, main } = (await import("node:worker_threads")).workerData;
for (const reader of readers) (await import(reader)).register();
await import(main);`;
/** Time for which the canvas of a workflow may keep its caller, and this process, waiting. */
const MOST_START_MS = 10_000;

/** A module could not be loaded. `files` are those that it had imported until then. */
export class NotLoaded extends Error {
  readonly files: readonly string[];
  constructor(cause: unknown, files: readonly string[]) {
    super("a module of tasks could not be loaded", { cause });
    this.files = files;
  }
}

/**
 * A module of tasks in a thread of its own. A process imports a file once, but each thread anew, with all that the file
 * imports. So a changed module is loaded beside the old one, and the old one ends with its thread. No task runs there:
 * the thread describes tasks, and makes the canvases of workflows.
 */
export class TasksThread {
  readonly described: Described;
  /** Absolute paths of what the module imports, and its own; files of packages are not among them. */
  readonly files: readonly string[];
  readonly #worker: Worker;
  readonly #calls: MessagePort;
  readonly #answered: Int32Array;

  private constructor(worker: Worker, calls: MessagePort, answered: Int32Array, first: Described, files: string[]) {
    this.#worker = worker;
    this.#calls = calls;
    this.#answered = answered;
    this.described = first;
    this.files = files;
  }
  /** @throws NotLoaded */
  static async load(tasksModule: string): Promise<TasksThread> {
    const { port1: calls, port2: called } = new MessageChannel();
    const answered = new Int32Array(new SharedArrayBuffer(4));
    const main = pathToFileURL(entryPath("functions/embedded/reload/tasks-main")).href;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(FIRST)}`), {
      workerData: { tasksModule, calls: called, answered, main, readers: threadReaders(tasksModule) },
      transferList: [called],
    });
    calls.unref();
    worker.unref();
    const first = await firstMessage(worker);
    if ("value" in first) return new TasksThread(worker, calls, answered, first.value, [...first.files]);
    await worker.terminate();
    throw new NotLoaded(errorOf(first.error), first.files);
  }
  /** Waits for the thread, because the start of a workflow is no promise. Throws what the workflow throws. */
  start(workflow: string, fields: unknown): StartedWorkflow {
    Atomics.store(this.#answered, 0, 0);
    this.#calls.postMessage({ workflow, fields } satisfies Call);
    if (Atomics.wait(this.#answered, 0, 0, MOST_START_MS) === "timed-out")
      throw new FanfoldError("internal", `workflow ${workflow} took more than 10 seconds to make its canvas`);
    const answer = receiveMessageOnPort(this.#calls)?.message as Answer<StartedWorkflow>;
    if ("error" in answer) throw errorOf(answer.error);
    return answer.value;
  }
  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
function firstMessage(worker: Worker): Promise<FirstMessage> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", (error) => reject(new NotLoaded(error, [])));
    worker.once("exit", (code) => reject(new NotLoaded(new Error(`its thread ended with ${code}`), [])));
  });
}
function errorOf({ code, message, details }: Extract<Answer<never>, { error: unknown }>["error"]): FanfoldError {
  return new FanfoldError(code, message, { details });
}
