import type * as z from "zod/v4/core";
import { FanfoldError } from "../../core/errors.ts";
import type { SignatureOptions } from "../../core/canvas/canvas.ts";
import type { JsonObject } from "../../core/json.ts";
import { cannotStream } from "../../core/task/streaming-handlers.ts";
import { type AnyTask, taskMark } from "../any-task.ts";
import { callOfTask } from "../current-task.ts";
import type { TaskSignature } from "../signature.ts";
import type { SubmittedJob } from "../submitter.ts";
import { createTask, type GivenKwargs, type KwargsOf, type TaskSettings } from "../task.ts";
import type { TaskContext } from "../task-context.ts";
import { type PathArguments, pathArgumentsOf } from "./path-arguments.ts";
import { type GivenPayload, type PathObject, type PathPayload, payloadOf, readPayload } from "./path-payload.ts";

export type { PathArguments } from "./path-arguments.ts";

/** What `run` of a path task receives: the standard arguments, and the keyword arguments over them. */
export type PathRun<Kwargs> = Kwargs extends z.$ZodObject
  ? Omit<PathArguments, keyof z.output<Kwargs>> & z.output<Kwargs>
  : PathArguments & { readonly [name: string]: unknown };

type ReturnedPayload = PathPayload | GivenPayload;
/** The definition that `definePathTask` takes. */
export interface PathTaskDefinition<Kwargs extends z.$ZodObject | undefined> extends Omit<
  TaskSettings,
  "streamsResults" | "ignoreResult"
> {
  /** Schema of the task's own keyword arguments. Keys that it does not name pass through. */
  readonly kwargs?: Kwargs;
  /**
   * `true` says that the task streams its results when `streamResults` is true. Handlers of moved and deleted items
   * must. A task without it is refused when it is asked to stream. Default `false`.
   */
  readonly acceptsStreaming?: boolean;
  /**
   * `false` leaves the items out of those of the job, which then stay in the states of the step before. Default `true`.
   */
  readonly countsTowardsJob?: boolean;
  /**
   * The work. It must return a payload: `status.dump()` of a FileActionStatus, or an object of the same form. Unknown
   * keyword arguments and positional arguments are no errors.
   */
  readonly run: (
    ctx: TaskContext<KwargsOf<Kwargs>>,
    given: PathRun<Kwargs>,
  ) => ReturnedPayload | Promise<ReturnedPayload>;
}

/** Keyword arguments of a path task: the standard ones, as a workflow names them, and its own. */
export type PathKwargs<OwnKwargs> = {
  readonly paths?: readonly PathObject[];
  readonly jobid?: string | number;
  readonly stream_results?: boolean;
} & OwnKwargs;

/** A task that takes items and hands them over. Its signatures take keyword arguments. */
export interface PathTask<OwnKwargs = { readonly [name: string]: unknown }> extends AnyTask {
  /**
   * Returns a signature. Without `paths` it takes the items that the previous step hands over.
   * @throws FanfoldError `invalid_canvas` for arguments that are not JSON, `payload_too_large`, `too_deep`
   * @example chain(migrate.s({ paths: [{ path: "/data/a" }] }), verify.s());
   */
  s(kwargs?: PathKwargs<OwnKwargs>): TaskSignature<[previous?: unknown], PathPayload, false>;
  /** Returns an immutable signature, which takes nothing from the previous step. */
  si(kwargs?: PathKwargs<OwnKwargs>): TaskSignature<[], PathPayload, true>;
  /** Returns a signature with positional arguments, which a path task ignores, and with options. */
  signature(
    args: readonly unknown[],
    kwargs?: PathKwargs<OwnKwargs>,
    options?: SignatureOptions & { readonly immutable?: boolean },
  ): TaskSignature<[previous?: unknown], PathPayload, false>;
  /** Runs the task in this process without an engine, as `inline` of other tasks does. */
  inline(kwargs?: PathKwargs<OwnKwargs>): Promise<PathPayload>;
  /**
   * Starts the task as a job of its own.
   * @throws FanfoldError `engine_unavailable` without a submitter (see `setSubmitter`)
   */
  delay(kwargs?: PathKwargs<OwnKwargs>): Promise<SubmittedJob>;
}

/**
 * Defines a path task. It processes items, reports the state of each, and hands those that were processed or skipped to
 * the next step as its `paths`. A step that is handed nothing is skipped.
 * @throws FanfoldError `invalid_request` (`details.field` names the field), `invalid_queue_name`
 * @example
 * export const compress = definePathTask({
 *   name: "dynamo.custom.compress",
 *   run: async (ctx, { jobid, paths }) => {
 *     const status = new FileActionStatus(ctx.task, paths, jobid, currentQueue());
 *     for (const { path } of paths) status.add("processed", path);
 *     return status.dump();
 *   },
 * });
 */
export function definePathTask<Kwargs extends z.$ZodObject | undefined = undefined>(
  definition: PathTaskDefinition<Kwargs>,
): PathTask<GivenKwargs<Kwargs>> {
  const { run, acceptsStreaming = false, countsTowardsJob = true, ...settings } = definition;
  if (typeof run !== "function") throw refused("/run", `task ${definition.name} has no function "run"`);
  for (const name of ["streamsResults", "ignoreResult"] as const)
    if ((settings as TaskSettings)[name])
      throw refused(`/${name}`, `${name} of ${definition.name} must not be set: a path task hands its payload over`);
  const task = createTask(
    {
      ...settings,
      run: (ctx: TaskContext<KwargsOf<Kwargs>>, previous?: unknown) =>
        runPathTask({ ...definition, acceptsStreaming }, ctx, previous),
    },
    { paths: { acceptsStreaming, countsTowardsJob } },
  );
  const signature: PathTask["signature"] = (args, kwargs, options) =>
    task.signature(args as never, kwargs as GivenKwargs<Kwargs>, options) as unknown as PathSignature;
  return Object.freeze({
    [taskMark]: true as const,
    name: task.name,
    info: task.info,
    definition: task.definition,
    s: (kwargs) => signature([], kwargs),
    si: (kwargs) => signature([], kwargs, { immutable: true }) as never,
    signature,
    inline: (kwargs) => signature([], kwargs)(),
    delay: async (kwargs) => signature([], kwargs).submit(),
  } as PathTask) as unknown as PathTask<GivenKwargs<Kwargs>>;
}
type PathSignature = TaskSignature<[previous?: unknown], PathPayload, false>;

async function runPathTask<Kwargs extends z.$ZodObject | undefined>(
  { name, acceptsStreaming, run }: PathTaskDefinition<Kwargs>,
  ctx: TaskContext<KwargsOf<Kwargs>>,
  previous: unknown,
): Promise<PathPayload> {
  const startedAt = callOfTask()?.startedAt ?? Date.now();
  const { given, isEmpty } = pathArgumentsOf(ctx, ctx.kwargs as JsonObject, previous);
  if (given.streamResults === true && acceptsStreaming !== true) throw cannotStream(name, "/kwargs/stream_results");
  if (isEmpty) return ctx.skip(payloadOf({ task: name, jobid: given.jobid, inputs: [], startedAt, reported: [] }));
  const payload = readPayload(await run(ctx, given as PathRun<Kwargs>));
  warnOfRest(ctx, payload);
  return payload;
}
/** Items that nothing was said about, or that are not finished, are no errors, but somebody should look. */
function warnOfRest({ log }: Pick<TaskContext<unknown>, "log">, { status }: PathPayload): void {
  for (const [items, problem] of [
    [status.unreported, "were reported in no state"],
    [status.details.inprogress, "are still in progress at the end of the task"],
  ] as const)
    if (items !== undefined && items.length > 0)
      log.warn(`${items.length} of the items ${problem}`, { first: items.slice(0, 3).map(({ path }) => path) });
}
function refused(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
