import type { Json, JsonObject } from "../../core/json.ts";
import { FanfoldError } from "../../core/errors.ts";
import { itemTotal } from "../../core/task/item-counts.ts";
import type { ReportStream, TaskCall } from "../../core/task/invocation.ts";
import { isReported } from "../../core/task/reported-positions.ts";
import { requireCall } from "../../sdk/current-task.ts";
import type { PathIterable } from "../input/path-iterable.ts";
import { isList, type PathSource, type StreamedPaths } from "../input/path-source.ts";
import { type AddedFields, storedItem } from "./file-action-status.ts";
import {
  byState,
  instantOf,
  invalid,
  jobidAt,
  pathAt,
  type PathObject,
  type PathPayload,
  pathsAt,
  type PathState,
  stateAt,
  textAt,
} from "./path-payload.ts";
import { GivenItems } from "./given-items.ts";
import { ReportBuffer } from "./report-buffer.ts";
import { type CallStream, noteStream, streamOfCall } from "./streams.ts";

/** When a stream sends what was added. */
export interface StreamOptions {
  /** Sends after so many items. Default 1,000, at most 4,096. */
  readonly flushItems?: number;
  /** Sends after so many bytes of JSON, about. Default 262,144. */
  readonly flushBytes?: number;
  /** Sends this long after the first item that was not sent, in seconds. Default 2. */
  readonly flushSeconds?: number;
  /** Fails the attempt with `stream_idle` when nothing was added for so long, in seconds. Default 600. */
  readonly idleSeconds?: number;
}
const DEFAULTS: Required<StreamOptions> = { flushItems: 1_000, flushBytes: 262_144, flushSeconds: 2, idleSeconds: 600 };
/** Reports that may wait, so that code which does not await `add` cannot fill the memory. */
const MOST_WAITING = 10_000;

/** What a task returns that has streamed its results: totals, and where the items are. */
export interface StreamedPayload {
  readonly jobid: string | number;
  /** The items for the next step, by reference. */
  readonly paths: StreamedPaths;
  readonly status: {
    readonly task: string;
    /** The items that the task received, as it received them. */
    readonly input_paths: Json;
    readonly input_total: number;
    readonly summary: PathPayload["status"]["summary"];
    readonly details: StreamedPaths;
    readonly started: string;
    /** Items of a list that were reported in no state. Absent when there are none. */
    readonly unreported?: readonly PathObject[];
    /** Number of the last page of reports. */
    readonly sequence: number;
  };
}

/**
 * Reports the states of items while the task runs, in batches in the background. Has the methods of FileActionStatus,
 * and holds only the items that were not sent yet.
 *
 * When an attempt dies, the next one goes on: what was sent stands, and adding it again changes nothing. So each item is
 * reported once, in the state that was sent first.
 * @example
 * const status = new StreamTaskResults(ctx.task, paths, jobid, currentQueue(), ctx.runId);
 * for await (const { path } of expandPaths(paths)) await status.add("processed", path);
 * return status.dump();
 */
export class StreamTaskResults implements CallStream {
  readonly task: string;
  readonly inputPaths: PathSource | PathIterable;
  readonly jobid: string | number;
  /** The queue that the task runs on, in text form. */
  readonly queue: string;
  /** The id of the run. */
  readonly taskid: string;
  readonly #options: Required<StreamOptions>;
  readonly #call: TaskCall;
  readonly #items: GivenItems;
  readonly #buffer = new ReportBuffer();
  readonly #opening: Promise<ReportStream>;
  #open: ReportStream | undefined;
  #sending: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #waiting: (() => void)[] = [];
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  readonly #failIdle: (error: unknown) => void;
  #addedAt = Date.now();
  #payload: StreamedPayload | undefined;
  #yieldsAll = false;
  #hasYielded = false;
  /** Positions of a list whose items are given to children. */
  readonly #handedOn = new Set<number>();

  /**
   * @param task the name of the task, `ctx.task`
   * @param inputPaths the items that the task received, or an iterable that it gives to `expandPaths`
   * @param jobid the jobid that the task received, a text or a number
   * @param queue the queue of the task, `currentQueue()`
   * @param taskid the id of the run, `ctx.runId`
   * @throws FanfoldError `outside_task`; `invalid_payload`, whose `details.field` names the parameter
   */
  constructor(
    task: string,
    inputPaths: PathSource | PathIterable,
    jobid: string | number,
    queue: string,
    taskid: string,
    options: StreamOptions = {},
  ) {
    this.#call = requireCall("StreamTaskResults");
    this.task = textAt(task, "/task");
    if (isList(inputPaths as PathSource)) pathsAt(inputPaths, "/input_paths");
    this.inputPaths = inputPaths;
    this.jobid = jobidAt(jobid, "/jobid");
    this.queue = textAt(queue, "/queue");
    this.taskid = textAt(taskid, "/taskid");
    if (taskid !== this.#call.runId) throw invalid("/taskid", `must be ${this.#call.runId}, the id of the run`);
    if (streamOfCall(this.#call)) throw invalid("", "a run has one stream of results: make one StreamTaskResults");
    this.#options = optionsOf(options);
    this.#items = new GivenItems(this.inputPaths);
    this.#failIdle = noteStream(this.#call, this).fail;
    this.#opening = this.#openStream();
    this.#opening.catch((error: unknown) => this.#fail(error));
    this.#watchIdle();
  }

  /**
   * Notes the state of an item. Returns a promise while too many items wait to be sent: await it. A later state of the
   * same path replaces the earlier one until that was sent.
   * @param item the path of the item, or the item
   * @throws FanfoldError `invalid_payload`, whose `details.field` names the parameter, also for an item that the task was
   *   not given; `lease_lost` once another attempt has taken the run over; `stream_overflow` when `add` is not awaited
   */
  add(state: PathState, item: string | PathObject, fields: AddedFields = {}): Promise<void> | undefined {
    this.#throwFailure();
    if (this.#payload) throw invalid("", "was dumped: add items before");
    const known = stateAt(state, "/state");
    const given = pathAt(typeof item === "string" ? { path: item } : item, "/item");
    const received = this.#items.find(given.path);
    if (!received)
      throw invalid("/item/path", `${given.path.slice(0, 500)} is none of the items that the task was given to report`);
    this.#addedAt = Date.now();
    const stored = storedItem(received.item, given, fields) as JsonObject;
    for (const position of received.positions)
      if (!this.#isSent(position)) this.#buffer.add({ position, state: known, item: stored });
    // An earlier attempt has reported it. There is nothing to wait for.
    if (this.#yieldsAll && received.positions.every((position) => this.#isReported(position)))
      this.#items.forget(received.positions.map((position) => ({ position, state: known, item: stored })));
    if (this.#buffer.size > MOST_WAITING)
      throw new FanfoldError(
        "stream_overflow",
        `${MOST_WAITING} reports wait to be sent: await what add returns, and report items in about their order`,
        { details: { waiting: this.#buffer.size, first: this.#items.firstOpen() ?? null } },
      );
    this.#flushIfFull();
    if (!this.#isCrowded()) return undefined;
    const room = this.#untilRoom();
    // Code that does not await it learns of a failure by its next call.
    room.catch(() => undefined);
    return room;
  }
  /**
   * Sends what was not sent yet, and returns what the task returns.
   * @throws as `add` does
   */
  async dump(): Promise<StreamedPayload> {
    const stream = await this.#opening;
    while (this.#buffer.size > 0 || this.#sending) {
      this.#throwFailure();
      await (this.#sending ?? this.#send(true));
    }
    this.#throwFailure();
    this.stop();
    this.#payload = this.#payloadOf(stream);
    return this.#payload;
  }

  /** Says that a child processes an item, so the task need not report it. Returns the item as it was received. */
  handOn(path: string): PathObject | undefined {
    const received = this.#items.find(path);
    if (isList(this.inputPaths as PathSource))
      for (const position of received?.positions ?? []) this.#handedOn.add(position);
    return received?.item;
  }
  yieldAll(): void {
    if (this.#hasYielded) throw invalid("", "was read already: make the submitter before you read the items");
    this.#yieldsAll = true;
  }
  async whenOpen(): Promise<{ isReported(position: number): boolean }> {
    const { reported } = await this.#opening;
    this.#hasYielded = true;
    return { isReported: (position) => !this.#yieldsAll && isReported(reported, position) };
  }
  yielded(position: number, item: PathObject): void {
    this.#items.note(position, item);
  }
  isOwn(payload: unknown): boolean {
    return payload !== undefined && payload === this.#payload;
  }
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#flushTimer);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  async #openStream(): Promise<ReportStream> {
    const stream = await this.#call.services.reportStream();
    this.#open = stream;
    this.#buffer.withoutReported(stream.reported);
    this.#flushIfFull();
    return stream;
  }
  #isSent(position: number): boolean {
    return this.#onItsWay.has(position) || this.#isReported(position);
  }
  #isReported(position: number): boolean {
    return this.#open !== undefined && isReported(this.#open.reported, position);
  }
  #isFull(): boolean {
    return this.#buffer.ready >= this.#options.flushItems || this.#buffer.bytes >= this.#options.flushBytes;
  }
  #isCrowded(): boolean {
    return this.#buffer.ready >= 2 * this.#options.flushItems || this.#buffer.bytes >= 2 * this.#options.flushBytes;
  }
  #flushIfFull(): void {
    if (this.#stopped) return;
    if (this.#isFull()) this.#flush();
    else if (this.#buffer.ready > 0 && this.#flushTimer === undefined)
      this.#flushTimer = setTimeout(() => {
        this.#flushTimer = undefined;
        this.#flush();
      }, this.#options.flushSeconds * 1_000);
  }
  /** Sends a batch in the background, unless one is on its way. */
  #flush(): void {
    if (!this.#open || this.#sending || this.#stopped) return;
    this.#send(false).catch(() => undefined);
  }
  #send(all: boolean): Promise<void> {
    this.#sending = this.#sendNext(all).finally(() => {
      this.#sending = undefined;
      this.#wake();
      if (!all && this.#sent > 0 && this.#isFull()) this.#flush();
    });
    return this.#sending;
  }
  /** Number of reports in the last batch, and their positions while it is sent. */
  #sent = 0;
  readonly #onItsWay = new Set<number>();
  async #sendNext(all: boolean): Promise<void> {
    const stream = this.#open as ReportStream;
    const reports = this.#buffer.take(stream.reported, this.#options.flushItems, all);
    this.#sent = reports.length;
    if (reports.length === 0) return;
    for (const { position } of reports) this.#onItsWay.add(position);
    try {
      await stream.append(reports);
      this.#items.forget(reports);
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#onItsWay.clear();
    }
  }
  #untilRoom(): Promise<void> {
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => {
      this.#throwFailure();
      return this.#isCrowded() ? this.#untilRoom() : undefined;
    });
  }
  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.stop();
    this.#wake();
  }
  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
  #watchIdle(): void {
    const idleMs = this.#options.idleSeconds * 1_000;
    const left = this.#addedAt + idleMs - Date.now();
    if (left > 0) {
      this.#idleTimer = setTimeout(() => this.#watchIdle(), left);
      // A process whose only work is to wait for this may end. Browsers have numbers in place of such timers.
      (this.#idleTimer as { readonly unref?: () => void }).unref?.();
      return;
    }
    const first = this.#items.firstOpen();
    const open = first === undefined ? "" : `; the first that was yielded and not reported is ${first}`;
    const message = `no item was reported for ${this.#options.idleSeconds} seconds${open}`;
    const error = new FanfoldError("stream_idle", message, { retryable: true });
    this.#fail(error);
    this.#failIdle(error);
  }
  #payloadOf({ totals, sequence, reported }: ReportStream): StreamedPayload {
    const all = itemTotal(totals);
    const unreported = this.#items.without(
      (position) => isReported(reported, position) || this.#handedOn.has(position),
    );
    return {
      jobid: this.jobid,
      paths: { $reports: this.taskid, total: totals.processed + totals.skipped },
      status: {
        task: this.task,
        input_paths: (isReference(this.inputPaths) ? this.inputPaths : []) as Json,
        input_total: this.#items.total,
        summary: byState((state) => totals[state]),
        details: { $reports: this.taskid, total: all },
        started: instantOf(new Date(this.#call.startedAt).toISOString()),
        ...(unreported.length > 0 && { unreported }),
        sequence,
      },
    };
  }
}
/** An iterable of the task's own has no form that could be stored. */
function isReference(source: PathSource | PathIterable): source is PathSource {
  return isList(source as PathSource) || "$reports" in source || "$joined" in source;
}
function optionsOf(given: StreamOptions): Required<StreamOptions> {
  const options = { ...DEFAULTS, ...given };
  for (const [name, value] of Object.entries(options))
    if (!(typeof value === "number" && value > 0 && Number.isFinite(value)))
      throw invalid(`/options/${name}`, "must be a number above 0");
  return { ...options, flushItems: Math.min(4_096, Math.ceil(options.flushItems)) };
}
