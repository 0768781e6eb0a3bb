import { fileURLToPath } from "node:url";
import type { BatchedStart, StartOutcome } from "../client/batch.ts";
import type { Client, StartedJob } from "../client/client.ts";
import type { ReadOptions } from "../client/options.ts";
import type { Job, StartOptions } from "../client/types.ts";
import type { AnyWorkflow, FieldsOf, FieldsThen, ValueOfWork, WorkflowName } from "../client/work.ts";
import type { JsonObject } from "../core/json.ts";
import { type Log, stderrLog } from "../host/log.ts";
import type { CanvasSource, TaskLike, Whole } from "../sdk/builder-types.ts";
import { canvasOf } from "../sdk/canvas-builder.ts";
import type { Settings } from "../sdk/config.ts";
import type { Exports } from "../sdk/module.ts";
import type { Workflow } from "../sdk/workflow.ts";
import type { Durability } from "./lmdb/commit-gatherer.ts";

/** Options of an engine in the caller's process. */
export interface FanfoldOptions<Module extends Exports | string | URL = Exports | string | URL> {
  /**
   * Tasks and workflows. What a module exports (`import * as tasks`) runs in this process: code that blocks then delays
   * everything. The path or URL of a module is run by worker processes.
   */
  readonly tasks: Module;
  /** Folder of all state. It is made when it does not exist, and has one engine at a time. */
  readonly data: string;
  /** Worker processes, only with the path of a module. Default: one per core. */
  readonly workers?: number;
  /** Runs at once, of each worker process or of this process. Default 32. */
  readonly concurrency?: number;
  /**
   * What an acknowledged write survives. With `process` (default) that is `kill -9`, with `power` also a power cut,
   * which is slower.
   */
  readonly durability?: Durability;
  /**
   * Sites, queues and times, as `defineConfig` returns them, and what tasks need: variables and secrets that they name
   * must be set. Default: one site, one queue.
   */
  readonly settings?: Settings;
  /** Default: warnings and errors to stderr. */
  readonly log?: Log;
}

/** One start of many with options: a canvas, or a workflow with its fields. */
export type BatchedWork = StartOptions &
  ({ readonly work: CanvasSource } | { readonly workflow: string | Workflow; readonly fields?: JsonObject });

/** An engine in the caller's process. */
export interface Fanfold<Module = unknown> {
  /** All other calls: runs, results, events, cancel, retry, approvals. It calls the engine without a network. */
  readonly client: Client<Module>;
  /** Starts a canvas. It must miss no arguments. */
  submit<Work extends CanvasSource | TaskLike>(
    work: Work & Whole<Work>,
    options?: StartOptions,
  ): Promise<StartedJob<ValueOfWork<Module, Work>>>;
  /**
   * Starts many jobs, many at a time, so each takes a fraction of the time of `submit`. Returns an outcome for each, in
   * order: its job, or the error that `submit` would have thrown. Each outcome has the key with which the start may be
   * repeated.
   * @example const outcomes = await fanfold.submitMany(orders.map((id) => ({ work: pay.s(id), idempotencyKey: id })));
   */
  submitMany(works: Iterable<CanvasSource | BatchedWork>): Promise<readonly StartOutcome[]>;
  /** Starts a workflow. Its fields and the value of its job are typed by it. */
  start: Client<Module>["start"];
  /**
   * Starts a canvas or a workflow and returns the value of its job, as JSON gives it: a list of values when it ends in a
   * group.
   * @throws ResultError with the name and message of the error that ended the job. Without such an error the name is
   * `JobCancelled` or `JobTimedOut`.
   * @example await fanfold.run(add.s(2, 2)); // 4
   */
  run<const Work extends CanvasSource | TaskLike | WorkflowName<Module> | AnyWorkflow>(
    work: Work & Whole<Work>,
    ...given: Work extends string | AnyWorkflow
      ? FieldsThen<FieldsOf<Module, Work>, StartOptions>
      : [options?: StartOptions]
  ): Promise<ValueOfWork<Module, Work>>;
  /** Returns one job, or throws `job_not_found`. */
  get(jobId: string): Promise<Job>;
  /** Returns the job once it has ended. */
  wait(jobId: string, options?: ReadOptions): Promise<Job>;
  /** Yields the job whenever it has changed, and last when it has ended. */
  watch(jobId: string, options?: ReadOptions): AsyncGenerator<Job, void, undefined>;
  /**
   * Waits up to `graceSeconds` (default 10) for running tasks, then ends. Unfinished jobs continue at the next start.
   * Idempotent.
   */
  stop(options?: { readonly graceSeconds?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an engine in this process on a data folder. Jobs that an earlier start left unfinished continue.
 * @throws FanfoldError `data_folder_in_use`, `data_folder_damaged`, `data_folder_unusable`, `disk_full`, `invalid_tasks`,
 * `missing_environment`
 * @example
 * const fanfold = await startFanfold({ tasks, data: ".fanfold/data" });
 * const value = await fanfold.run(add.s(2, 2));
 * await fanfold.stop();
 */
export async function startFanfold<const Module extends Exports | string | URL>({
  tasks,
  data,
  settings,
  log = stderrLog,
  ...options
}: FanfoldOptions<Module>): Promise<Fanfold<Module extends string | URL ? unknown : Module>> {
  // The store and the API are loaded by those who start an engine, so an import of this module costs little.
  const [{ startRuntime }, { localApp }] = await Promise.all([import("./runtime.ts"), import("./local-app.ts")]);
  const configured = settings && (await configuredBy(settings));
  const runtime = await startRuntime({
    ...configured,
    ...options,
    log,
    dataFolder: data,
    tasksModule: tasks instanceof URL ? fileURLToPath(tasks) : (tasks as Exports | string),
  });
  const { client } = localApp(runtime, (text) => log("error", text));
  const stop = runtime.stop.bind(runtime);
  const fanfold: Fanfold = { client, ...callsOf(client), stop, [Symbol.asyncDispose]: () => stop() };
  return fanfold as never;
}

async function configuredBy(settings: Settings) {
  const [{ runtimeSettings }, { provideEnvironment }] = await Promise.all([
    import("./runtime-settings.ts"),
    import("./local-environment.ts"),
  ]);
  provideEnvironment(settings);
  return runtimeSettings(settings);
}
function callsOf(client: Client): Omit<Fanfold, "client" | "stop" | typeof Symbol.asyncDispose> {
  return {
    submit: ((work: CanvasSource, options?: StartOptions) => client.submit(work, options)) as Fanfold["submit"],
    submitMany: (works) => client.submitMany(batchedStarts(works)),
    start: (workflow, ...given) => client.start(workflow, ...given),
    run: (async (work: string, fields: JsonObject = {}, options?: StartOptions) =>
      client.run(work, fields, options)) as Fanfold["run"],
    get: (jobId) => client.job(jobId),
    wait: (jobId, options) => client.handle(jobId).wait(options),
    watch: (jobId, options) => client.handle(jobId).watch(options),
  };
}

const nameOf = (workflow: string | Workflow): string => (typeof workflow === "string" ? workflow : workflow.name);
function* batchedStarts(works: Iterable<CanvasSource | BatchedWork>): Generator<BatchedStart> {
  for (const each of works) {
    if ("workflow" in each) yield { ...each, workflow: nameOf(each.workflow) };
    else if ("work" in each) {
      const { work, ...options } = each;
      yield { ...options, canvas: canvasOf(work) };
    } else yield { canvas: canvasOf(each) };
  }
}
