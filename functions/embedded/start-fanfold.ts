import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BatchedStart, StartOutcome } from "../client/batch.ts";
import type { Client, ReadOptions } from "../client/client.ts";
import { ResultError } from "../client/results.ts";
import { hasEnded, type Job, type StartOptions, type Submitted } from "../client/types.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { type Log, stderrLog } from "../host/log.ts";
import type { CanvasSource, ResultOf } from "../sdk/builder-types.ts";
import { canvasOf } from "../sdk/canvas-builder.ts";
import type { Settings } from "../sdk/config.ts";
import type { Exports } from "../sdk/module.ts";
import { isWorkflow, type Workflow } from "../sdk/workflow.ts";
import type { Durability } from "./lmdb/commit-gatherer.ts";

/** Options of an engine in the caller's process. */
export interface FanfoldOptions {
  /**
   * Tasks and workflows. What a module exports (`import * as tasks`) runs in this process: code that blocks then delays
   * everything. The path or URL of a module is run by worker processes.
   */
  readonly tasks: Exports | string | URL;
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
  /** Sites, queues and times, as `defineConfig` returns them. Default: one site, one queue. */
  readonly settings?: Settings;
  /** Default: warnings and errors to stderr. */
  readonly log?: Log;
}

/** One start of many with options: a canvas, or a workflow with its fields. */
export type BatchedWork = StartOptions &
  ({ readonly work: CanvasSource } | { readonly workflow: string | Workflow; readonly fields?: JsonObject });

/** An engine in the caller's process. */
export interface Fanfold {
  /** All other calls: runs, results, events, cancel, retry, approvals. It calls the engine without a network. */
  readonly client: Client;
  /** Starts a canvas. */
  submit(work: CanvasSource, options?: StartOptions): Promise<Submitted>;
  /**
   * Starts many jobs, many at a time, so each takes a fraction of the time of `submit`. Returns an outcome for each, in
   * order: its job, or the error that `submit` would have thrown. Each outcome has the key with which the start may be
   * repeated.
   * @example const outcomes = await fanfold.submitMany(orders.map((id) => ({ work: pay.s(id), idempotencyKey: id })));
   */
  submitMany(works: Iterable<CanvasSource | BatchedWork>): Promise<readonly StartOutcome[]>;
  /** Starts a workflow. */
  start(workflow: string | Workflow, fields?: JsonObject, options?: StartOptions): Promise<Submitted>;
  /**
   * Starts a canvas and returns the value of its job: a list of values when it ends in a group.
   * @throws ResultError with the name and message of the error that ended the job. Without such an error the name is
   * `JobCancelled` or `JobTimedOut`.
   * @example await fanfold.run(add.s(2, 2)); // 4
   */
  run<Work extends CanvasSource>(work: Work, options?: StartOptions): Promise<ResultOf<Work>>;
  /** Starts a workflow and returns the value of its job. Throws as the other `run` does. */
  run(workflow: string | Workflow, fields?: JsonObject, options?: StartOptions): Promise<Json>;
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

/** Milliseconds between two looks at a job: the first pauses are short, since many jobs are. */
const FIRST_LOOK_MS = 2;
const LONGEST_LOOK_MS = 200;

/**
 * Starts an engine in this process on a data folder. Jobs that an earlier start left unfinished continue.
 * @throws FanfoldError `data_folder_in_use`, `data_folder_damaged`, `data_folder_unusable`, `disk_full`, `invalid_tasks`
 * @example
 * const fanfold = await startFanfold({ tasks, data: ".fanfold/data" });
 * const value = await fanfold.run(add.s(2, 2));
 * await fanfold.stop();
 */
export async function startFanfold({
  tasks,
  data,
  settings,
  log = stderrLog,
  ...options
}: FanfoldOptions): Promise<Fanfold> {
  // The store and the API are loaded by those who start an engine, so an import of this module costs little.
  const [{ startRuntime }, { localApp }] = await Promise.all([import("./runtime.ts"), import("./local-app.ts")]);
  const configured = settings && (await import("./runtime-settings.ts")).runtimeSettings(settings);
  const runtime = await startRuntime({
    ...configured,
    ...options,
    log,
    dataFolder: data,
    tasksModule: tasks instanceof URL ? fileURLToPath(tasks) : tasks,
  });
  const { client } = localApp(runtime, (text) => log("error", text));
  const stop = runtime.stop.bind(runtime);
  return { client, ...callsOf(client), stop, [Symbol.asyncDispose]: () => stop() };
}

function callsOf(client: Client): Omit<Fanfold, "client" | "stop" | typeof Symbol.asyncDispose> {
  const calls: ReturnType<typeof callsOf> = {
    submit: (work, { idempotencyKey, timeoutSeconds } = {}) =>
      client.submit(canvasOf(work), {
        ...(idempotencyKey !== undefined && { idempotencyKey }),
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
      }),
    submitMany: (works) => client.submitMany(batchedStarts(works)),
    start: (workflow, fields, options) => client.start(nameOf(workflow), fields, options),
    run: async (work: CanvasSource | Workflow | string, given?: JsonObject & StartOptions, options?: StartOptions) => {
      const isNamed = typeof work === "string" || isWorkflow(work);
      const { jobId } = await (isNamed ? calls.start(work, given, options) : calls.submit(work, given));
      return (await valueOf(client, await calls.wait(jobId))) as never;
    },
    get: (jobId) => client.job(jobId),
    wait: async (jobId, options) => {
      let last: Job | undefined;
      for await (const job of calls.watch(jobId, options)) last = job;
      return last ?? client.job(jobId);
    },
    watch: (jobId, options) => watch(client, jobId, options),
  };
  return calls;
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

async function* watch(client: Client, jobId: string, options: ReadOptions = {}): AsyncGenerator<Job, void, undefined> {
  let before = "";
  for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_LOOK_MS)) {
    const job = await client.job(jobId, options);
    const now = JSON.stringify(job);
    if (now !== before) yield job;
    if (hasEnded(job)) return;
    before = now;
    await pause(pauseMs, undefined, options);
  }
}

/** Returns the value of an ended job. A job that ends in a group has a list of values instead. */
async function valueOf(client: Client, job: Job): Promise<Json> {
  if (job.state === "success" && job.value !== undefined) return job.value;
  if (job.state === "success") {
    const values: Json[] = [];
    for await (const { value = null } of client.results(job.jobId)) values.push(value);
    return values;
  }
  if (job.error !== undefined) throw new ResultError(job.error, job.error.runId);
  const name = job.state === "timed-out" ? "JobTimedOut" : "JobCancelled";
  throw new ResultError({ name, message: `the job ${job.jobId} has ended: ${job.state}` }, job.jobId);
}
