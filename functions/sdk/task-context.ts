import type { EventValue, KnownEvent } from "../core/names/known-names.ts";
import type { FailurePolicy } from "../core/canvas/canvas.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { GroupHandle, ResultEntry } from "../core/task/invocation.ts";
import type { ResourceContext } from "./resource.ts";
import type { TaskBroken } from "./errors.ts";
import type { TaskSignature } from "./signature.ts";
import type { CanvasSource } from "./canvas-builder.ts";
import type { TaskBlobs } from "./task-blobs.ts";

/**
 * Appends to the log of the run. The first and last lines are kept, and written once at the end of the attempt. Logging
 * never fails a run.
 */
export interface TaskLog {
  debug(message: string, fields?: JsonObject): void;
  info(message: string, fields?: JsonObject): void;
  warn(message: string, fields?: JsonObject): void;
  error(message: string, fields?: JsonObject): void;
}

/** What a streaming task may yield: a canvas to run, or a canvas with the cursor after it. */
export type StreamYield = CanvasSource | CursorItem;
/** A canvas with the cursor after it, as `ctx.at` returns it. */
export interface CursorItem {
  readonly cursor: Json;
  readonly item: CanvasSource;
}

/** The value of `ctx.spawn`. It cannot be awaited, because children start only after this attempt has succeeded. */
export interface SpawnedChildren {
  /**
   * Always throws, because a task that waits would hold a worker that its children may need.
   * @throws FanfoldError `waiting_inside_task`, whose message names the alternatives
   */
  result(): never;
}

/** Ids of the runs of a group, in the order of its members. They are computed when they are asked for. */
export interface RunIds extends Iterable<string> {
  readonly length: number;
  /** Returns the id of one run, or undefined when there is no such member. */
  at(index: number): string | undefined;
}
/** The value of `ctx.spawnWithCallback`. Another attempt of the same run is given the same ids. */
export interface SpawnedGroup extends SpawnedChildren {
  /** Id of the group of the children, for `GET /groups/{id}`. */
  readonly groupId: string;
  /** Ids of the children, or of their first steps. A plain group among the children counts as its members. */
  readonly childIds: RunIds;
  /** Id of the run of the callback, or of its first step. */
  readonly callbackId: string;
}

/** Options of `ctx.spawn`. */
export interface SpawnOptions {
  /**
   * When these children have failed, which then fails this run. Default: the `policy` of the task, which is `settled`
   * by default. A run has one policy.
   */
  readonly policy?: FailurePolicy;
}
/** Options of `ctx.spawnWithCallback`. */
export interface CallbackOptions {
  /** When the children have failed, which then keeps the callback from running. Default `allSuccess`. */
  readonly policy?: FailurePolicy;
  /**
   * Seconds for which the group can be read from outside, counted from its end: 1 to 31,536,000, default 86,400. A group
   * that goes on does not expire, and its callback can read the results whenever it runs.
   */
  readonly ttlSeconds?: number;
}

/** One attempt of one run, as the task sees it. It is read-only, and must not be used after the run has ended. */
export interface TaskContext<Kwargs = JsonObject> extends ResourceContext {
  /** The name of the task. */
  readonly task: string;
  /** The job that the run belongs to. */
  readonly jobId: string;
  /** Positional id, the same for every attempt. Use it as a key wherever an effect must not happen twice. */
  readonly runId: string;
  /** 1 for the first attempt. A greater number may mean that the previous attempt was lost half way. */
  readonly attempt: number;
  /** 0 at first. Raised each time that failed work is retried as a whole. */
  readonly round: number;
  /** The site where the attempt runs. */
  readonly site: string;
  /** The queue in text form with all its parts, which `QueueName.parse` reads. */
  readonly queue: string;
  /** When the attempt is stopped, in milliseconds since the epoch. */
  readonly deadline: number;
  /**
   * Aborted on cancel, when the lease is lost, and at the deadline. Pass it to every call that accepts a signal. After
   * an abort the run has failed, even if the task returns a value.
   */
  readonly signal: AbortSignal;
  /** Keyword arguments. Typed and checked when the task declares them. */
  readonly kwargs: Kwargs;
  /** Stamps of the signature. */
  readonly stamps: JsonObject;
  /** Further headers of the signature. */
  readonly headers: JsonObject;
  /** Priority of the signature, 0 to 9. Undefined when the signature has none. */
  readonly priority: number | undefined;
  /** The group that the run is a member of, and its index there. A job that is no group has a root group of one. */
  readonly member: { readonly group: string; readonly index: number };
  /** Large content: put it, pass its reference on, open it elsewhere as a stream. */
  readonly blobs: TaskBlobs;
  /**
   * Values of the dependencies that the signature or the task declares, by name; null for one without a value. A broken
   * one is a TaskBroken with its reason.
   */
  readonly deps: { readonly [name: string]: Json | TaskBroken };
  /** The log of the run. */
  readonly log: TaskLog;
  /**
   * The cursor after which a streaming task continues, from an earlier attempt. Undefined to start from the beginning.
   */
  readonly cursor: Json | undefined;
  /** The group whose results this run collects. Undefined for a run that follows no group. */
  readonly group: GroupHandle | undefined;
  /**
   * Yields the results of the group that this run collects, in member order, failures included. They are read in pages,
   * so a group of any size fits.
   * @example for await (const entry of ctx.results()) if (entry.status === "success") sum += Number(entry.value);
   */
  results(): AsyncIterable<ResultEntry>;
  /**
   * Adds to a counter of the job, which is shown as `u_<name>`. Counts of an attempt that does not succeed are dropped.
   * A streaming task cannot count.
   * @param name letters, digits and _, at most 50; at most 20 names per run
   * @param by a whole number, default 1
   * @throws FanfoldError `invalid_request`
   */
  count(name: string, by?: number): void;
  /**
   * Starts children when, and only if, this attempt succeeds. The run then waits for them. It keeps the value that it
   * returns; when it returns nothing, its value is the list of their results. May be called several times. A streaming
   * task yields its children instead.
   * @throws FanfoldError `too_many_children` above 100,000, `invalid_canvas`, `invalid_request` for two different
   *   policies
   * @example ctx.spawn(files.map((file) => hash.s(file)));
   */
  spawn(children: CanvasSource | Iterable<CanvasSource>, options?: SpawnOptions): SpawnedChildren;
  /**
   * Starts children as `spawn` does, with a callback that runs once after all of them. By default it runs only if all
   * children succeed; `{ policy: "settled" }` runs it in any case. Without children it runs immediately.
   *
   * The callback receives the list of the children's results before its own arguments. An immutable one (`si`) receives
   * exactly its own arguments. Both can read the results in order, in pages, with `ctx.results()`.
   *
   * Children and callback keep the site, the queue and the priority of this run, where neither they nor their tasks name
   * others.
   * @throws FanfoldError as `spawn`, or `invalid_canvas` for options
   * @example const { groupId } = ctx.spawnWithCallback(parts.map((part) => upload.s(part)), publish.s());
   */
  spawnWithCallback(children: Iterable<CanvasSource>, callback: CanvasSource, options?: CallbackOptions): SpawnedGroup;
  /**
   * Adds members to the group that this run is a member of, such as the header of a chord. They run when this attempt
   * succeeds, and their results are appended to those of the other members. This run keeps its value, and fails when
   * they fail.
   * @throws FanfoldError `too_many_children`, `invalid_canvas`. A run that is no member of a group fails with
   *   `invalid_request`.
   * @example for (const link of page.links) ctx.addToChord(fetch.s(link));
   */
  addToChord(canvas: CanvasSource | Iterable<CanvasSource>): void;
  /**
   * Ends the attempt and replaces the run by `canvas`. The value or failure of the canvas becomes that of the run.
   * Throws `invalid_request` when the run has spawned children before.
   * @example return ctx.replace(chain(fetch.s(url), parse.s()));
   */
  replace(canvas: CanvasSource): never;
  /**
   * Ends the attempt as failed and requests another one, if the retry policy of the task has attempts left.
   * @param options `error`: the error to report. `delaySeconds`: replaces the delay of the policy.
   */
  retry(options?: { readonly error?: unknown; readonly delaySeconds?: number }): never;
  /**
   * Returns the value of an event of the job, also of an event that was sent earlier.
   *
   * While the event has not been sent, the run is `deferred` and holds no worker. The attempt ends at this call. Once
   * the event has been sent, the task RUNS AGAIN FROM ITS START, and this call returns at once. So work before this
   * call happens once per attempt and must be repeatable. Children and counts of the ended attempt are dropped. The
   * attempt does not count as failed.
   *
   * All events that an attempt requests are awaited together, so `Promise.all` of several calls is one wait.
   * @param options `timeoutSeconds`: seconds from the first call of the run for this name, over all attempts; 0 only
   *   reads
   * @throws FanfoldError `event_timeout`, which ends the run unless it is caught; `invalid_request`. Any other error
   *   ends the attempt and should not be caught.
   * @example const { amount } = await ctx.waitForEvent<Payment>("paid", { timeoutSeconds: 86_400 });
   */
  waitForEvent<Value = never, const Name extends KnownEvent = KnownEvent>(
    name: Name,
    options?: { readonly timeoutSeconds?: number },
  ): Promise<[Value] extends [never] ? EventValue<Name, Json> : Value>;
  /**
   * Returns the value of a run that jobs share, and sees to it that it runs. It is an edge of this run by the name.
   *
   * While that run has not ended, this one is `deferred` and holds no worker. The attempt ends at this call, and the task
   * RUNS AGAIN FROM ITS START once the other has ended, as after `waitForEvent`. All runs that an attempt asks for are
   * awaited together. A run that has failed breaks this one with `dependency_has_error`. One that is broken is thrown as
   * a TaskBroken, which may be caught. Only the names that the last attempt asked for stay edges.
   * @param options `returnError`: returns the TaskBroken instead of throwing it
   * @throws TaskBroken; FanfoldError `invalid_canvas`, `no_identity`, `too_many_dependencies`. Any other error ends the
   *   attempt and should not be caught.
   * @example const text = await ctx.requireDependency("text", extract.s(file));
   */
  requireDependency<Result>(
    name: string,
    signature: TaskSignature<[], Result, boolean>,
    options?: { readonly returnError?: false },
  ): Promise<Result>;
  requireDependency<Result>(
    name: string,
    signature: TaskSignature<[], Result, boolean>,
    options: { readonly returnError: boolean },
  ): Promise<Result | TaskBroken>;
  /**
   * Removes a dependency that was declared. The attempt ends, and the task runs again from its start without it. Does
   * nothing when there is no such dependency.
   */
  removeDependency(name: string): void;
  /** Ends the run as skipped, with a value. Counts as success. Children spawned before never start. */
  skip(value?: unknown): never;
  /** Ends the attempt as failed. `retryable: false` ends the run. */
  fail(error: unknown, options?: { readonly retryable?: boolean }): never;
  /**
   * Returns an item for a streaming task to yield, which makes the task resumable. Once `canvas` is stored, a later
   * attempt starts with `ctx.cursor` set to `cursor`.
   * @example yield ctx.at(page.next, process.s(page.items));
   */
  at(cursor: Json, canvas: CanvasSource): CursorItem;
}
