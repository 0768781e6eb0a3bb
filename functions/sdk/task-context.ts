import type { FailurePolicy } from "../core/canvas/canvas.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { GroupHandle, ResultEntry } from "../core/task/invocation.ts";
import type { CanvasSource } from "./canvas-builder.ts";

/** Appends to the run's log: first and last lines are kept, written once, at the end of the attempt. Never fails a run. */
export interface TaskLog {
  debug(message: string, fields?: JsonObject): void;
  info(message: string, fields?: JsonObject): void;
  warn(message: string, fields?: JsonObject): void;
  error(message: string, fields?: JsonObject): void;
}

/** What a streaming task may yield: a canvas to run, or one with the cursor behind it. */
export type StreamYield = CanvasSource | CursorItem;
/** See `ctx.at`. */
export interface CursorItem {
  readonly cursor: Json;
  readonly item: CanvasSource;
}

/** What `ctx.spawn` gives back. There is nothing to await: children start once this attempt has ended well. */
export interface SpawnedChildren {
  /**
   * Always throws: a task that waits holds a worker that its children may need.
   * @throws FanfoldError `waiting_inside_task`, whose message names the alternatives.
   */
  result(): never;
}

export interface SpawnOptions {
  /** When these children have failed, which then fails this run. Default: the task's `policy`, `settled` if it has none. One policy per run. */
  readonly policy?: FailurePolicy;
}

/** One attempt of one run, as the task sees it. Everything is read-only; use nothing of it after the run has ended. */
export interface TaskContext<Kwargs = JsonObject> {
  readonly jobId: string;
  /** Positional: the same for every attempt. Use it as a key wherever an effect must not happen twice. */
  readonly runId: string;
  /** 1 for the first attempt. A greater number may mean that the one before was lost in the middle. */
  readonly attempt: number;
  /** Raised each time failed work is retried as a whole; starts at 0. */
  readonly round: number;
  readonly site: string;
  /** Text form; `parseQueueName` takes it apart. */
  readonly queue: string;
  /** Milliseconds since the epoch at which the attempt is stopped. */
  readonly deadline: number;
  /** Aborted on cancel, when the lease is lost and at the deadline: pass it on to whatever takes one. The run has failed then, whatever follows. */
  readonly signal: AbortSignal;
  /** Keyword arguments; typed and checked when the task declares them. */
  readonly kwargs: Kwargs;
  /** What the signature was stamped with, and its further headers. */
  readonly stamps: JsonObject;
  readonly headers: JsonObject;
  /** 0 to 9, as the signature says; undefined: it does not. */
  readonly priority: number | undefined;
  /** The group that the run is a member of, and its place in it. A job that is no group has a root group of one. */
  readonly member: { readonly group: string; readonly index: number };
  readonly log: TaskLog;
  /** Streaming tasks: the cursor to go on after, from an earlier attempt; undefined: from the start. */
  readonly cursor: Json | undefined;
  /** The group whose results this run collects, when the task says `streamsResults`. */
  readonly group: GroupHandle | undefined;
  /**
   * Results of the group that this run collects, in member order, failed ones included; read in pages, so any number fits.
   * @example for await (const entry of ctx.results()) if (entry.status === "success") sum += Number(entry.value);
   */
  results(): AsyncIterable<ResultEntry>;
  /**
   * Adds to a counter of the job, shown as `u_<name>`. Counts of an attempt that does not succeed are forgotten. A streaming task cannot count.
   * @param name letters, digits and _, at most 50; at most 20 names per run.
   * @param by a whole number, default 1.
   * @throws FanfoldError `invalid_request`
   */
  count(name: string, by?: number): void;
  /**
   * Starts children when, and only if, this attempt succeeds. The run then waits for them; it keeps the value it returns, or takes the list of
   * their results when it returns nothing. May be called several times. A streaming task yields instead.
   * @throws FanfoldError `too_many_children` above 100,000, `invalid_canvas`, `invalid_request` for two different policies
   * @example ctx.spawn(files.map((file) => hash.s(file)));
   */
  spawn(children: CanvasSource | Iterable<CanvasSource>, options?: SpawnOptions): SpawnedChildren;
  /**
   * As `spawn`, with a callback that runs once after all the children, with the list of their results as first argument (an immutable signature
   * takes nothing). By default it runs only if all have succeeded; `{ policy: "settled" }` runs it in any case.
   * @example ctx.spawnWithCallback(parts.map((part) => upload.s(part)), publish.s());
   */
  spawnWithCallback(children: Iterable<CanvasSource>, callback: CanvasSource, options?: SpawnOptions): SpawnedChildren;
  /**
   * Adds members to the group that this run is a member of, such as the header of a chord: when this attempt succeeds they run, and their results stand
   * behind those of the other members. This run keeps its value, and fails when they fail.
   * @throws FanfoldError `too_many_children`, `invalid_canvas`; a run that is no member of a group fails with `invalid_request`
   * @example for (const link of page.links) ctx.addToChord(fetch.s(link));
   */
  addToChord(canvas: CanvasSource | Iterable<CanvasSource>): void;
  /**
   * Ends the attempt: this run's value becomes that of `canvas`, its failure too. Children spawned before it are refused.
   * @example return ctx.replace(chain(fetch.s(url), parse.s()));
   */
  replace(canvas: CanvasSource): never;
  /**
   * Ends the attempt as failed and asks for another, as far as the task's retry policy has attempts left.
   * @param options `error`: what to report; `delaySeconds` instead of the policy's delay.
   */
  retry(options?: { readonly error?: unknown; readonly delaySeconds?: number }): never;
  /**
   * The value of an event of the job, whenever it was sent. While it has not come the run rests as `deferred` and holds no worker: the attempt ends at this call, and once the
   * event has come the task RUNS AGAIN FROM ITS START, and this call then returns at once. So what is done before it happens once per attempt: make it repeatable. What the
   * attempt had spawned and counted is forgotten. Not a failed attempt. All events that an attempt asks for are waited for together: `Promise.all` of several is one wait.
   * @param options `timeoutSeconds`: from the run's first call for this name, over all attempts; 0 only looks.
   * @throws FanfoldError `event_timeout`, which ends the run unless it is caught; `invalid_request`. What else it throws ends the attempt: let it pass.
   * @example const { amount } = await ctx.waitForEvent<Payment>("paid", { timeoutSeconds: 86_400 });
   */
  waitForEvent<Value = Json>(name: string, options?: { readonly timeoutSeconds?: number }): Promise<Value>;
  /** Ends the run as skipped, with a value. Counts as success; children spawned before it never start. */
  skip(value?: unknown): never;
  /** Ends the attempt as failed. `retryable: false` ends the run. */
  fail(error: unknown, options?: { readonly retryable?: boolean }): never;
  /**
   * What a streaming task yields to be resumable: after `canvas` is safe, a later attempt starts with `ctx.cursor` at `cursor`.
   * @example yield ctx.at(page.next, process.s(page.items));
   */
  at(cursor: Json, canvas: CanvasSource): CursorItem;
}
