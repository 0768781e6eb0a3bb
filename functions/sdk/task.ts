import type * as z from "zod/v4/core";
import { invalidCanvas } from "../core/canvas/canvas-of.ts";
import { eachOf } from "../core/canvas/canvas-parts.ts";
import type { Chunks, SignatureOptions } from "../core/canvas/canvas.ts";
import { readFailurePolicy } from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json } from "../core/json.ts";
import { nearestName } from "../core/names/nearest-name.ts";
import type { TaskInfo } from "../core/task/invocation.ts";
import { type AnyTask, taskMark } from "./any-task.ts";
import { builderOf } from "./builder-methods.ts";
import type { ChunksBuilder, TypedCanvas } from "./builder-types.ts";
import { type AnyBulkDefinition, bulkInfo, type BulkTaskDefinition } from "./bulk.ts";
import { runInline } from "./inline.ts";
import { limitSettings } from "./limit-settings.ts";
import type { Ends, Missing } from "./partial-args.ts";
import { runSingle } from "./run-bulk.ts";
import { createSignature, type SignatureParts, type TaskSignature } from "./signature.ts";
import type { ForgottenRun, ScheduledRun, ScheduleRunOptions } from "../core/task/scheduled-run.ts";
import { sharedRunsOf, type SubmittedJob, type Submitter } from "./submitter.ts";
import type { TaskContext } from "./task-context.ts";
import { type KwargsOf, logSettings, taskInfo, type TaskSettings } from "./task-settings.ts";

/**
 * The type of the keyword arguments that a caller may give for a schema. A name that the schema does not have is taken
 * for a mistake; `z.looseObject` takes any.
 */
export type GivenKwargs<Schema> = Schema extends z.$ZodObject
  ? Partial<z.input<Schema>>
  : { readonly [name: string]: unknown };
/** The type of the value of a run: the return value of a generator, or the value of a promise. */
export type ValueOf<Returned> =
  Returned extends AsyncGenerator<unknown, infer Value, undefined> ? Value : Awaited<Returned>;

/** The definition that `defineTask` takes. */
export interface TaskDefinition<
  Args extends readonly unknown[],
  Returned,
  Kwargs extends z.$ZodObject | undefined,
> extends TaskSettings {
  /** Set only for a bulk task, whose `run` takes many runs at once (`BulkTaskDefinition`). */
  readonly bulk?: undefined;
  /** Schema of the keyword arguments, applied before each attempt. Keys that it does not name pass through. */
  readonly kwargs?: Kwargs;
  /**
   * `z.tuple(..)` of the positional arguments, applied before each attempt. A wrong count or type fails the run at
   * once.
   */
  readonly args?: z.$ZodType<Args>;
  /**
   * The work: a sync or async function, or an async generator that yields canvases to run (a streaming task). It must
   * return JSON. `undefined` means null, or the results of the children for a task that spawned or streamed any.
   */
  readonly run: (ctx: TaskContext<KwargsOf<Kwargs>>, ...args: Args) => Returned;
}

/** A task without parameters accepts any value of the previous step. */
type Takes<Args extends readonly unknown[]> = Args extends readonly [] ? boolean : false;

/** A named, versioned function, with methods that make signatures of it. */
export interface Task<
  Args extends readonly unknown[] = readonly unknown[],
  Result = unknown,
  Kwargs = { readonly [name: string]: unknown },
> extends AnyTask {
  /**
   * Returns a signature with some or all arguments, from the right. In a chain the result of the previous step comes
   * first.
   * @throws FanfoldError `invalid_canvas` for arguments that are not JSON, `payload_too_large`, `too_deep`
   * @example chain(add.s(2, 2), add.s(4)); // 8
   */
  s<const Given extends Ends<Args>>(...args: Given): TaskSignature<Missing<Args, Given>, Result, Takes<Args>>;
  /** Returns an immutable signature, which takes nothing from the previous step. */
  si(...args: Args): TaskSignature<[], Result, true>;
  /**
   * Returns a signature of positional arguments, keyword arguments and options. `immutable` makes it immutable, as `si`
   * does.
   */
  signature<const Given extends Ends<Args>, const Immutable extends boolean = Takes<Args>>(
    args: Given,
    kwargs?: Kwargs,
    options?: SignatureOptions & { readonly immutable?: Immutable },
  ): TaskSignature<Missing<Args, Given>, Result, Immutable>;
  /**
   * Returns a canvas of one run that calls the task for each item of a list, one after the other. Its value is the list
   * of the results.
   * @example tsum.map([[1, 2], [3, 4]]); // [3, 7]
   */
  map(items: Iterable<Args[0]>): TypedCanvas<Result[], [], true>;
  /**
   * Returns the same as `map`, for a list of argument lists.
   * @example add.starmap([[2, 2], [4, 4]]); // [4, 8]
   */
  starmap(items: Iterable<Args>): TypedCanvas<Result[], [], true>;
  /**
   * Returns a group of starmaps over a list of argument lists, `size` in each. Its value is a list of lists.
   * @throws FanfoldError `invalid_canvas` when `size` is not a whole number from 1
   * @example add.chunks(pairs, 100);
   */
  chunks(items: Iterable<Args>, size: number): ChunksBuilder<Result>;
  /**
   * Runs the task in this process without an engine, for tests and scripts. Throws what the task throws. Spawning,
   * streaming, waiting for events and reading results of a group throw `engine_unavailable`.
   * @example await add.inline(2, 2); // 4
   */
  inline(...args: Args): Promise<Result>;
  /**
   * Starts the task as a job of its own.
   * @throws FanfoldError `engine_unavailable` without a submitter (see `setSubmitter`)
   */
  delay(...args: Args): Promise<SubmittedJob>;
  /**
   * Asks for the run of these arguments that jobs share, without a job (docs/guide-ledger.md). It is begun unless there
   * is one; one that has ended begins again when it is outdated, declares a dependency that it had not, or with `retry`.
   * @throws FanfoldError `engine_unavailable` without a submitter, `no_identity`, `run_not_ended`
   * @example await digest.schedule(["a"], { dependsOn: { text: text.s("a") } });
   */
  schedule(args: Args, options?: ScheduleCall<Kwargs>): Promise<ScheduledRun>;
  /**
   * Forgets the run of these arguments that jobs share: nobody takes its end any more.
   * @throws FanfoldError `engine_unavailable` without a submitter, `run_not_found`
   */
  remove(args: Args, options?: RemoveCall<Kwargs>): Promise<ForgottenRun>;
}

/** What says which shared run is meant, beside its positional arguments, and who is asked. */
export interface RemoveCall<Kwargs = { readonly [name: string]: unknown }> {
  readonly kwargs?: Kwargs;
  readonly scope?: string;
  /** Used instead of the submitter given to `setSubmitter`. */
  readonly submitter?: Submitter;
}
/** Options of `schedule()`: of the run, and of the call. */
export interface ScheduleCall<Kwargs = { readonly [name: string]: unknown }>
  extends
    RemoveCall<Kwargs>,
    ScheduleRunOptions,
    Pick<SignatureOptions, "queue" | "priority" | "timeout" | "dependsOn"> {}

/**
 * Defines a bulk task, whose code is called once for many runs. Each run has an outcome of its own.
 * @throws FanfoldError `invalid_request` (`details.field` names the field), `invalid_queue_name`
 * @example
 * export const index = defineTask({
 *   name: "search.index",
 *   bulk: { maxItems: 500, maxSeconds: 5 },
 *   run: async (ctx, runs: readonly BulkRun<[id: string]>[]) => {
 *     const failed = await engine.bulk(runs.map(({ args: [id] }) => id), { signal: ctx.signal });
 *     return runs.map(({ args: [id] }) => (failed.has(id) ? { error: "refused" } : { value: id }));
 *   },
 * });
 */
export function defineTask<Args extends readonly unknown[], Value, Kwargs extends z.$ZodObject | undefined = undefined>(
  definition: BulkTaskDefinition<Args, Value, Kwargs>,
): Task<Args, Value, GivenKwargs<Kwargs>>;
/**
 * Defines a task. Positional arguments are typed from `run`.
 * @throws FanfoldError `invalid_request` (`details.field` names the field), `invalid_queue_name`
 * @example
 * export const add = defineTask({ name: "math.add", run: (ctx, x: number, y: number) => x + y });
 * export const greet = defineTask({
 *   name: "greet",
 *   kwargs: z.object({ polite: z.boolean().default(true) }),
 *   retry: { maxAttempts: 5 },
 *   run: async (ctx, name: string) => (ctx.kwargs.polite ? `Dear ${name}` : name),
 * });
 */
export function defineTask<
  Args extends readonly unknown[],
  Returned,
  Kwargs extends z.$ZodObject | undefined = undefined,
>(definition: TaskDefinition<Args, Returned, Kwargs>): Task<Args, ValueOf<Returned>, GivenKwargs<Kwargs>>;
export function defineTask(
  definition: TaskDefinition<readonly unknown[], unknown, z.$ZodObject | undefined> | AnyBulkDefinition,
): unknown {
  if (definition.bulk === undefined) return createTask(definition as SingleDefinition);
  const { bulk: _bulk, run, beforePass, afterPass, ...rest } = definition;
  const bulk = { run, ...(beforePass && { beforePass }), ...(afterPass && { afterPass }) };
  const info = bulkInfo(definition);
  const task: AnyTask = createTask(
    { ...rest, run: runSingle(() => task, bulk) } as SingleDefinition,
    { bulk: info },
    bulk,
  );
  return task;
}
type SingleDefinition = TaskDefinition<readonly unknown[], unknown, z.$ZodObject | undefined>;
/** Makes a task. `more` is what is known of it beside its definition. */
export function createTask<Args extends readonly unknown[], Returned, Kwargs extends z.$ZodObject | undefined>(
  definition: TaskDefinition<Args, Returned, Kwargs>,
  more: Pick<TaskInfo, "stateMachine" | "paths" | "bulk"> = {},
  bulk?: NonNullable<AnyTask["definition"]["bulk"]>,
): Task<Args, ValueOf<Returned>, GivenKwargs<Kwargs>> {
  refuseUnknown(definition);
  const info = { ...taskInfo(definition, definition.run), ...more };
  if (typeof definition.run !== "function") throw invalid("/run", `task ${info.name} has no function "run"`);
  const sign = (parts: SignatureParts): TaskSignature =>
    createSignature(info.name, parts, (args, kwargs) => runInline(task, args, kwargs));
  const methods = {
    s: (...args: unknown[]) => sign({ args }),
    si: (...args: unknown[]) => sign({ args, immutable: true }),
    signature: (
      args: readonly unknown[],
      kwargs = {},
      { immutable = false, ...options }: SignatureOptions & { immutable?: boolean } = {},
    ) => sign({ args, kwargs, options, immutable }),
    map: (items: Iterable<unknown>) => builderOf(eachOf("map", itemwise(info), listOf(items))),
    starmap: (items: Iterable<unknown>) => builderOf(eachOf("starmap", itemwise(info), listOf(items))),
    chunks: (items: Iterable<unknown>, size: number) => builderOf(chunksOf(itemwise(info), listOf(items), size)),
    inline: (...args: unknown[]) => sign({ args })(),
    delay: async (...args: unknown[]) => sign({ args }).submit(),
    schedule: async (
      args: readonly unknown[],
      { kwargs = {}, submitter, retry, queueNow, deleteExtraDeps, ...options }: ScheduleCall = {},
    ) => {
      const call = { ...(retry && { retry }), ...(queueNow === false && { queueNow }) };
      const { canvas } = sign({ args, kwargs, options });
      return sharedRunsOf(submitter).scheduleRun(canvas, { ...call, ...(deleteExtraDeps && { deleteExtraDeps }) });
    },
    remove: async (args: readonly unknown[], { kwargs = {}, submitter, ...options }: RemoveCall = {}) =>
      sharedRunsOf(submitter).forgetRun(sign({ args, kwargs, options }).canvas),
  };
  const task: AnyTask = Object.freeze({
    [taskMark]: true as const,
    name: info.name,
    info,
    definition: {
      kwargs: definition.kwargs,
      args: definition.args,
      policy: definition.policy === undefined ? "settled" : readFailurePolicy(definition.policy, "/policy"),
      limits: limitSettings(definition),
      log: logSettings(definition, bulk !== undefined),
      run: definition.run as AnyTask["definition"]["run"],
      ...(bulk && { bulk }),
    },
    ...methods,
  });
  return task as Task<Args, ValueOf<Returned>, GivenKwargs<Kwargs>>;
}

/** The fields of a definition. The compiler holds them to its type. */
const FIELDS: Readonly<Record<keyof SingleDefinition, true>> = {
  name: true,
  version: true,
  queue: true,
  timeout: true,
  retry: true,
  streamsResults: true,
  ignoreResult: true,
  mayOverlap: true,
  tracking: true,
  dedupe: true,
  scope: true,
  redact: true,
  listed: true,
  refresh: true,
  tiers: true,
  dependsOn: true,
  policy: true,
  logs: true,
  logLevel: true,
  rateLimit: true,
  concurrency: true,
  locks: true,
  bulk: true,
  kwargs: true,
  args: true,
  run: true,
};
/** Refuses settings that no task has. They would be taken and do nothing. */
function refuseUnknown(definition: object): void {
  const unknown = Object.keys(definition).find((field) => !Object.hasOwn(FIELDS, field));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, Object.keys(FIELDS));
  const hint = /^(before|after)Pass$/.test(unknown)
    ? " that is not bulk"
    : nearest === undefined
      ? ""
      : `; did you mean ${nearest}?`;
  throw invalid(`/${unknown}`, `/${unknown} is no setting of a task${hint}`);
}

/** Returns the name of a task that can be called for each item of a list. */
function itemwise({ name, bulk }: TaskInfo): string {
  if (bulk) throw invalidCanvas(`${name} is a bulk task, which takes many runs already: make it a group of signatures`);
  return name;
}
function listOf(items: Iterable<unknown>): readonly Json[] {
  return toJson([...items], "/it", { code: "invalid_canvas" }) as readonly Json[];
}
function chunksOf(task: string, items: readonly Json[], size: number): Chunks {
  if (!Number.isSafeInteger(size) || size < 1) throw invalidCanvas("the size of a chunk must be a whole number from 1");
  return { kind: "chunks", task, items, size, options: {} };
}

/**
 * Returns tasks by name.
 * @throws FanfoldError `invalid_request` when two different tasks have the same name
 */
export function tasksByName(tasks: Iterable<AnyTask>): ReadonlyMap<string, AnyTask> {
  const byName = new Map<string, AnyTask>();
  for (const task of tasks) {
    const other = byName.get(task.name);
    if (other !== undefined && other !== task) throw invalid("/name", `two tasks are named ${task.name}`);
    byName.set(task.name, task);
  }
  return byName;
}

function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
