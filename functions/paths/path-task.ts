import type * as z from "zod/v4/core";
import { FanfoldError } from "../core/errors.ts";
import type { SignatureOptions } from "../core/canvas/canvas.ts";
import type { JsonObject } from "../core/json.ts";
import { cannotStream } from "../core/task/streaming-handlers.ts";
import { type AnyTask, taskMark } from "../sdk/any-task.ts";
import { callOfTask } from "../sdk/current-task.ts";
import { COUNTED } from "../sdk/run-attempt.ts";
import type { TaskSignature } from "../sdk/signature.ts";
import type { SubmittedJob } from "../sdk/submitter.ts";
import { NEXT_STEP } from "../sdk/stream-items.ts";
import { createTask, type GivenKwargs } from "../sdk/task.ts";
import type { TaskContext } from "../sdk/task-context.ts";
import type { KwargsOf, TaskSettings } from "../sdk/task-settings.ts";
import type { PathSource } from "./input/path-source.ts";
import { listOf, type PathArguments, pathArgumentsOf } from "./path-arguments.ts";
import {
  type GivenPayload,
  invalid,
  type PathObject,
  type PathPayload,
  payloadOf,
  readPayload,
} from "./status/path-payload.ts";
import type { StreamedPayload } from "./status/stream-task-results.ts";
import { type CallStream, type CallSubmitter, type StreamWatch, watchStream } from "./status/streams.ts";

export type { PathArguments } from "./path-arguments.ts";

/** What `run` of a path task receives: the standard arguments, and the keyword arguments over them. */
export type PathRun<Kwargs, Streams extends boolean = false> = Kwargs extends z.$ZodObject
  ? Omit<ArgumentsOf<Streams>, keyof z.output<Kwargs>> & z.output<Kwargs>
  : ArgumentsOf<Streams> & { readonly [name: string]: unknown };
type ArgumentsOf<Streams extends boolean> = PathArguments<Streams extends true ? PathSource : readonly PathObject[]>;

type ReturnedPayload = PathPayload | GivenPayload | StreamedPayload;
/** The definition that `definePathTask` takes. */
export interface PathTaskDefinition<
  Kwargs extends z.$ZodObject | undefined,
  Streams extends boolean = boolean,
> extends Omit<TaskSettings, "streamsResults" | "ignoreResult"> {
  /** Schema of the task's own keyword arguments. Keys that it does not name pass through. */
  readonly kwargs?: Kwargs;
  /**
   * `true` says that the task streams its results (StreamTaskResults) when `streamResults` is true, and reads its items
   * by `expandPaths`. Handlers of moved and deleted items must. A task without it is refused when it is asked to stream.
   * Default `false`.
   */
  readonly acceptsStreaming?: Streams;
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
    given: PathRun<Kwargs, Streams>,
  ) => ReturnedPayload | Promise<ReturnedPayload>;
}

/** Keyword arguments of a path task: the standard ones, as a workflow names them, and its own. */
export type PathKwargs<OwnKwargs> = {
  readonly paths?: PathSource;
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
export function definePathTask<Kwargs extends z.$ZodObject | undefined = undefined, Streams extends boolean = false>(
  definition: PathTaskDefinition<Kwargs, Streams>,
): PathTask<GivenKwargs<Kwargs>> {
  const { run, acceptsStreaming: streams, countsTowardsJob = true, ...settings } = definition;
  const acceptsStreaming: boolean = streams ?? false;
  if (typeof run !== "function") throw refused("/run", `task ${definition.name} has no function "run"`);
  for (const name of ["streamsResults", "ignoreResult"] as const)
    if ((settings as TaskSettings)[name])
      throw refused(`/${name}`, `${name} of ${definition.name} must not be set: a path task hands its payload over`);
  const task = createTask(
    {
      ...settings,
      run: (ctx: TaskContext<KwargsOf<Kwargs>>, previous?: unknown) => runPathTask(definition, ctx, previous),
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

async function runPathTask<Kwargs extends z.$ZodObject | undefined, Streams extends boolean>(
  { name, acceptsStreaming, run }: PathTaskDefinition<Kwargs, Streams>,
  ctx: TaskContext<KwargsOf<Kwargs>>,
  previous: unknown,
): Promise<PathPayload | StreamedPayload | AsyncIterable<unknown>> {
  const startedAt = callOfTask()?.startedAt ?? Date.now();
  const { given, isEmpty } = pathArgumentsOf(ctx, ctx.kwargs as JsonObject, previous);
  if (given.streamResults === true && acceptsStreaming !== true) throw cannotStream(name, "/kwargs/stream_results");
  if (isEmpty) return ctx.skip(payloadOf({ task: name, jobid: given.jobid, inputs: [], startedAt, reported: [] }));
  const paths = given.streamResults ? given.paths : await listOf(name, given.paths);
  const code = startCode(() => run(ctx, { ...given, paths } as PathRun<Kwargs, Streams>));
  const payloadOfCode = (returned: unknown): PathPayload | StreamedPayload => {
    const stream = code.watch?.stream;
    if (stream) return streamed(ctx, stream, returned);
    if (given.streamResults === true) throw notStreamed(name);
    const payload = readPayload(returned, (path) => code.watch?.submitter?.isHandedOn(path) === true);
    warnOfRest(ctx, payload.status.unreported, payload.status.details.inprogress);
    return payload;
  };
  const returned = await untilIdle(code);
  const submitter = code.watch?.submitter;
  return submitter ? streamChunks(code, submitter, payloadOfCode) : payloadOfCode(returned);
}
/** The code of a task while it runs, and what is known of the stream and the submitter that it makes. */
interface RunningCode {
  readonly running: Promise<ReturnedPayload>;
  readonly watch: StreamWatch | undefined;
  /** Says that the code goes on although its outcome is known. */
  leave(): void;
}
function startCode(code: () => ReturnedPayload | Promise<ReturnedPayload>): RunningCode {
  const call = callOfTask();
  const watch = call && watchStream(call);
  const running = (async () => code())();
  return { running, watch, leave: () => call?.services.leave(running.catch(() => undefined)) };
}
/**
 * Waits until the code has ended, or has made a submitter and goes on. It fails as soon as the stream that the code has
 * opened is idle for too long.
 */
async function untilIdle({ running, watch, leave }: RunningCode): Promise<ReturnedPayload | undefined> {
  if (!watch) return running;
  try {
    const first = await Promise.race([running, watch.submits, watch.idle]);
    return first ?? undefined;
  } catch (error) {
    leave();
    watch.submitter?.close(error);
    throw error;
  } finally {
    if (!watch.submitter) watch.stream?.stop();
  }
}
/** Streams the children that the code gives to its submitter, while it goes on. */
function streamChunks(
  code: RunningCode,
  submitter: CallSubmitter,
  payloadOf: (returned: unknown) => PathPayload | StreamedPayload,
): AsyncIterable<unknown> {
  let payload: PathPayload | StreamedPayload | undefined;
  const chunks = async function* (): AsyncGenerator<unknown, PathPayload | StreamedPayload | undefined, undefined> {
    code.running.then(
      () => submitter.end("ended"),
      (error: unknown) => submitter.end({ error }),
    );
    code.watch?.idle.catch((error: unknown) => submitter.end({ error }));
    try {
      for await (const chunk of submitter.chunks()) yield { [NEXT_STEP]: chunk };
      const returned = await code.running;
      if (!submitter.isOwn(returned)) throw invalid("", "must be what dump() of the submitter returns: return it");
      payload = payloadOf(returned);
      return submitter.handsOver === "children" ? undefined : payload;
    } finally {
      submitter.close(new FanfoldError("lease_lost", "this attempt has ended, and takes no more children: stop"));
      code.watch?.stream?.stop();
      if (!payload) code.leave();
    }
  };
  // Reports of a stream are counted as they are stored.
  const counted = () => (code.watch?.stream ? undefined : payload?.status.summary);
  return Object.assign(chunks(), { [COUNTED]: counted });
}
function streamed(ctx: Pick<TaskContext<unknown>, "log">, stream: CallStream, returned: unknown): StreamedPayload {
  if (!stream.isOwn(returned)) throw invalid("", "must be what dump() of StreamTaskResults returns: return it");
  const payload = returned as StreamedPayload;
  warnOfRest(ctx, payload.status.unreported, undefined);
  return payload;
}
function notStreamed(task: string): FanfoldError {
  return new FanfoldError(
    "not_streamed",
    `${task} was asked to stream its results and has returned them: make a StreamTaskResults when streamResults is true`,
    { details: { field: "", task } },
  );
}
/** Items that nothing was said about, or that are not finished, are no errors, but somebody should look. */
function warnOfRest(
  { log }: Pick<TaskContext<unknown>, "log">,
  unreported: readonly PathObject[] | undefined,
  inprogress: readonly PathObject[] | undefined,
): void {
  for (const [items, problem] of [
    [unreported, "were reported in no state"],
    [inprogress, "are still in progress at the end of the task"],
  ] as const)
    if (items !== undefined && items.length > 0)
      log.warn(`${items.length} of the items ${problem}`, { first: items.slice(0, 3).map(({ path }) => path) });
}
function refused(field: string, message: string): FanfoldError {
  return new FanfoldError("invalid_request", message, { details: { field } });
}
