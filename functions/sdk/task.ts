import type * as z from "zod/v4/core";
import { invalidCanvas } from "../core/canvas/canvas-of.ts";
import { eachOf } from "../core/canvas/canvas-parts.ts";
import type {
  Chunks,
  Dedupe,
  DependencySource,
  FailurePolicy,
  SignatureOptions,
  Tracking,
} from "../core/canvas/canvas.ts";
import { readDependsOn } from "../core/canvas/depends-on.ts";
import {
  readDedupe,
  readFailurePolicy,
  readScope,
  readSignatureOptions,
  readTracking,
} from "../core/canvas/signature-options.ts";
import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { KnownQueue } from "../core/names/known-names.ts";
import { nameProblem } from "../core/names/names.ts";
import { parseQueueName } from "../core/names/queue-name.ts";
import { type RetryPolicy, retryPolicy } from "../core/retry-policy.ts";
import type { TaskInfo } from "../core/task/invocation.ts";
import { readRedact } from "../core/task/redact.ts";
import { type AnyTask, taskMark } from "./any-task.ts";
import { builderOf } from "./builder-methods.ts";
import type { ChunksBuilder, TypedCanvas } from "./builder-types.ts";
import { runInline } from "./inline.ts";
import { limitSettings, type LimitSettings, limitsPart } from "./limit-settings.ts";
import type { Ends, Missing } from "./partial-args.ts";
import { createSignature, type SignatureParts, type TaskSignature } from "./signature.ts";
import type { SubmittedJob } from "./submitter.ts";
import type { TaskContext } from "./task-context.ts";

/**
 * Longest attempt of a task that declares no timeout, in seconds. It is the limit of Lambda, so that a task behaves the
 * same wherever it runs.
 */
export const DEFAULT_TIMEOUT_SECONDS = 900;

/** The type of `ctx.kwargs` for a schema. Without a schema the keyword arguments pass through as they are. */
export type KwargsOf<Schema> = Schema extends z.$ZodObject ? z.output<Schema> : JsonObject;
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

/** Settings of a task, apart from its work. */
export interface TaskSettings extends LimitSettings {
  /** Unique among all tasks of a deployment, 1 to 200 characters without white space. By custom `area.verb`. */
  readonly name: string;
  /** Whole number from 1, raised when results change. A lower version never reruns newer work. Default 1. */
  readonly version?: number;
  /**
   * Queue of the task unless a signature names one: `site.queue#function` or a short form. Default: the default queue.
   */
  readonly queue?: KnownQueue;
  /** Longest duration of one attempt, in seconds. Default 900. */
  readonly timeout?: number;
  /**
   * Fields of the retry policy. Default: one attempt. `ctx.retry` counts as an attempt, so a task that uses it needs
   * `maxAttempts`.
   */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * `true` passes group results in the first argument as a handle, and `ctx.results()` reads them. Default `false`: the
   * argument is the list of results, up to 16 MB.
   */
  readonly streamsResults?: boolean;
  /** `true` neither checks nor stores the value. Default `false`. */
  readonly ignoreResult?: boolean;
  /**
   * A retry waits, for at most 10 seconds, until the code of a timed-out attempt has ended, so the two do not overlap.
   * `true` says that overlap is harmless, and lets the retry begin at its time.
   */
  readonly mayOverlap?: boolean;
  /**
   * What is stored for the members of a group whose tasks all declare this level, unless the group names one. `full`,
   * `lazy` (the default), or the cheaper `result` and `ledger`, for tasks that may run twice without harm
   * (docs/guarantees.md). A task that spawns children, streams, or runs for long should use `lazy`.
   */
  readonly tracking?: Tracking;
  /**
   * Which run of the task with the same arguments is taken in place of another one, across jobs (docs/guide-ledger.md).
   * `"running"` takes one that has not ended, a number also one that ended well at most so many seconds ago, and
   * `"forever"` any that ended well and is kept. Default `"none"`. A signature may say otherwise.
   */
  readonly dedupe?: Dedupe;
  /**
   * Who shares these runs: `"deployment"` (the default), `"site"`, `"principal"`, or any other text. Runs of different
   * scopes are never shared.
   */
  readonly scope?: string;
  /**
   * Places in the arguments that hold secrets: `/kwargs/password`, `/args/0/token`. The API, the command line and the
   * dashboard show `[redacted]` there. The value is stored, and the task receives it.
   */
  readonly redact?: readonly string[];
  /** Runs that jobs share, and that must have ended before a run of this task starts: `ctx.deps` has their values. */
  readonly dependsOn?: { readonly [name: string]: DependencySource };
  /**
   * When the children that the task spawns or streams have failed, which then fails the run. Default `settled`: never.
   */
  readonly policy?: FailurePolicy;
}

/** The definition that `defineTask` takes. */
export interface TaskDefinition<
  Args extends readonly unknown[],
  Returned,
  Kwargs extends z.$ZodObject | undefined,
> extends TaskSettings {
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
}

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
>(definition: TaskDefinition<Args, Returned, Kwargs>): Task<Args, ValueOf<Returned>, GivenKwargs<Kwargs>> {
  return createTask(definition);
}
/** Makes a task. `more` is what is known of it beside its definition. */
export function createTask<Args extends readonly unknown[], Returned, Kwargs extends z.$ZodObject | undefined>(
  definition: TaskDefinition<Args, Returned, Kwargs>,
  more: Pick<TaskInfo, "stateMachine" | "paths"> = {},
): Task<Args, ValueOf<Returned>, GivenKwargs<Kwargs>> {
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
    map: (items: Iterable<unknown>) => builderOf(eachOf("map", info.name, listOf(items))),
    starmap: (items: Iterable<unknown>) => builderOf(eachOf("starmap", info.name, listOf(items))),
    chunks: (items: Iterable<unknown>, size: number) => builderOf(chunksOf(info.name, listOf(items), size)),
    inline: (...args: unknown[]) => sign({ args })(),
    delay: async (...args: unknown[]) => sign({ args }).submit(),
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
      run: definition.run as AnyTask["definition"]["run"],
    },
    ...methods,
  });
  return task as Task<Args, ValueOf<Returned>, GivenKwargs<Kwargs>>;
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

function taskInfo(settings: TaskSettings, run: unknown): TaskInfo {
  const {
    name,
    version = 1,
    queue,
    timeout = DEFAULT_TIMEOUT_SECONDS,
    retry,
    streamsResults = false,
    ignoreResult = false,
    mayOverlap = false,
    tracking,
    dedupe,
    scope,
    dependsOn,
    redact,
  } = settings;
  const problem = nameProblem(name);
  if (problem !== undefined) throw invalid("/name", `the name of a task ${problem}`);
  if (!Number.isSafeInteger(version) || version < 1)
    throw invalid("/version", `the version of ${name} must be a whole number from 1`);
  if (!(timeout > 0 && Number.isFinite(timeout)))
    throw invalid("/timeout", `the timeout of ${name} must be a number of seconds above 0`);
  // Only the form can be checked here, because sites belong to the deployment.
  if (queue !== undefined) parseQueueName(queue, { site: "site" }, "/queue");
  return {
    name,
    version,
    ...(queue !== undefined && { queue }),
    timeoutSeconds: timeout,
    retry: retryPolicy(retry),
    streamsResults,
    ignoreResult,
    ...(mayOverlap && { mayOverlap }),
    ...(tracking !== undefined && { tracking: readTracking(tracking, "/tracking") }),
    ...(dedupe !== undefined && { dedupe: readDedupe(dedupe, "/dedupe") }),
    ...(scope !== undefined && { scope: readScope(scope, "/scope") }),
    ...(dependsOn !== undefined && { dependsOn: readDependsOn(dependsOn, "/dependsOn", readSignatureOptions) }),
    ...(redact !== undefined && { redact: readRedact(redact, "/redact") }),
    ...limitsPart(settings),
    ...(Object.prototype.toString.call(run) === "[object AsyncGeneratorFunction]" && { streams: true as const }),
  };
}
function invalid(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
