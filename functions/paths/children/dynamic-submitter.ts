import { clone } from "../../core/canvas/canvas-parts.ts";
import type { Canvas, Signature } from "../../core/canvas/canvas.ts";
import { FanfoldError } from "../../core/errors.ts";
import { toJson } from "../../core/json-check.ts";
import { canonicalJson, type Json, type JsonObject } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import type { TaskCall } from "../../core/task/invocation.ts";
import type { CanvasSource } from "../../sdk/builder-types.ts";
import { requireCall } from "../../sdk/current-task.ts";
import { templateOf } from "../../sdk/submit-subdag.ts";
import type { FileActionStatus } from "../status/file-action-status.ts";
import { pathAt, type PathObject, type PathPayload } from "../status/path-payload.ts";
import type { StreamedPayload, StreamTaskResults } from "../status/stream-task-results.ts";
import { type Chunk, noteSubmitter } from "../status/streams.ts";
import { ChunkSize } from "./chunk-size.ts";
import { Handoff } from "./handoff.ts";
import { Replay, TakenItems } from "./replay.ts";

const GIB = 2 ** 30;
/** Most JSON of the items of a chunk, which travel in its signature. */
const CHUNK_CHARACTERS = 256 * 1_024;
/** Items that may wait to be taken, so that code which does not await `add` cannot fill the memory. */
const MOST_WAITING = 10_000;
const MOST_KEYS = 100;
/** Milliseconds between two questions whether a run is still held open. */
const HOLD_LOOK_MS = 500;

/** What a submitter is made with. */
export interface SubmitterOptions {
  /** Reports the states of the items that the task processes itself. Its payload is what `dump()` returns. */
  readonly status: FileActionStatus | StreamTaskResults;
  /**
   * What runs on the chunks of a key: a signature, a graph, `taskTemplate(..)`, or the wire form of one. The tasks that
   * start first are given the items: path tasks as `paths`, others as their first argument. The chunks of a key that is
   * not named go to the steps behind this one, which then run for each chunk instead of once.
   */
  readonly settings?: { readonly [key: string]: CanvasSource | Json };
  /** The id of the run, `ctx.runId`. May be left out. */
  readonly taskId?: string;
  /** Most items of a chunk. Default 40, at most 4,096. */
  readonly chunkSize?: number;
  /** Most GiB of a chunk, by the `size` of its items. A larger item is a chunk of its own. Default 1. */
  readonly chunkGb?: number;
  /** Changes the size while the task runs, by how long chunks take and how many wait. Default `false`. */
  readonly autoChunkSize?: boolean;
  /**
   * What the next step is given: the payload of this task (`own`, the default), or those of its children in order, like
   * the results of a group (`children`).
   */
  readonly handsOver?: "own" | "children";
  /** Seconds for which `willSpawnChildren` may hold the run open while there are no children. Default 3,600. */
  readonly holdSeconds?: number;
}
const DEFAULTS = { chunkSize: 40, chunkGb: 1, autoChunkSize: false, handsOver: "own", holdSeconds: 3_600 } as const;

interface OpenChunk {
  readonly items: JsonObject[];
  gib: number;
  characters: number;
}

/**
 * Starts children while the task runs: items are gathered by key into chunks, and each chunk becomes a child. The job
 * waits for them.
 *
 * When an attempt dies, the next one runs the code again. What it adds again is recognised, so no item is in two
 * children or in none. For that the items of a key must come in the same order, or `add` be told where to go on (`at`).
 * @example
 * const submitter = new DynamicSubmitter({ status, settings: { files: migrate.s() } });
 * for (const { path } of paths) await submitter.add("files", path);
 * return submitter.dump();
 */
export class DynamicSubmitter {
  readonly #call: TaskCall;
  readonly #status: FileActionStatus | StreamTaskResults;
  readonly #templates: ReadonlyMap<string, Canvas>;
  readonly #options: Required<Omit<SubmitterOptions, "status" | "settings" | "taskId">>;
  readonly #handoff = new Handoff<Chunk>();
  readonly #open = new Map<string, OpenChunk>();
  readonly #sizes = new Map<string, ChunkSize>();
  readonly #replay: Replay;
  readonly #taken: TakenItems;
  /** Where a later attempt goes on after the chunks that are open, and after those that are cut. */
  #nextAt: Json | undefined;
  #at: Json | undefined;
  #placed: boolean | undefined;
  #waiting = 0;
  #spawned: boolean;
  #payload: PathPayload | StreamedPayload | undefined;
  #dumps = 0;

  /** @throws FanfoldError `outside_task`; `invalid_request` and `invalid_canvas`, whose `details.field` names the option */
  constructor({ status, settings = {}, taskId, ...options }: SubmitterOptions) {
    this.#call = requireCall("DynamicSubmitter");
    if (taskId !== undefined && taskId !== this.#call.runId)
      throw wrong("/taskId", `must be ${this.#call.runId}, the id of the run`);
    this.#status = status;
    this.#options = optionsOf(options);
    this.#templates = new Map(Object.entries(settings).map(([key, source]) => [key, templateAt(key, source)]));
    this.#replay = new Replay(this.#call.task, this.#call.cursor);
    this.#taken = new TakenItems(this.#call.cursor);
    this.#at = this.#replay.at;
    this.#spawned = this.#call.cursor !== undefined;
    noteSubmitter(this.#call, {
      handsOver: this.#options.handsOver,
      chunks: () => this.#chunks(),
      end: (end) => this.#handoff.end(end),
      close: (error) => this.#handoff.close(error),
      isOwn: (payload) => payload !== undefined && payload === this.#payload,
      isHandedOn: (path) => "isHandedOn" in status && status.isHandedOn(path),
    });
  }

  /** Where earlier attempts have left off: the `at` of the last item in their chunks. Undefined when there is none. */
  get resumeAt(): Json | undefined {
    return this.#replay.at;
  }
  /**
   * Adds an item to the chunk of its key. Returns a promise while chunks wait to be taken: await it.
   * @param key a key of `settings`; any other one stands for the next step
   * @param item the path of the item, or the item. A path that the task was given has all fields of that item
   * @param at where the code can go on behind this item, when it can. Then every item needs one
   * @throws FanfoldError `invalid_payload` and `invalid_request`, whose `details.field` names the parameter;
   *   `replay_differs` when an earlier attempt has added other items; `lease_lost` once this attempt has ended;
   *   `stream_overflow` when `add` is not awaited
   * @example await submitter.add("files", path);
   */
  add(key: string, item: string | PathObject, { at }: { readonly at?: Json } = {}): Promise<void> | undefined {
    this.#handoff.throwIfClosed();
    if (typeof key !== "string" || key === "" || key.length > LIMITS.nameCharacters)
      throw wrong("/key", `must be a text of 1 to ${LIMITS.nameCharacters} characters`);
    if ((this.#placed ??= at !== undefined) !== (at !== undefined))
      throw wrong("/at", "must be given with every item, or with none");
    const given = pathAt(typeof item === "string" ? { path: item } : item, "/item");
    const whole = toJson({ ...this.#status.handOn(given.path), ...given }, "/item") as JsonObject;
    if (this.#replay.has(key, given.path)) {
      this.#nextAt = at;
      return undefined;
    }
    this.#put(key, whole);
    this.#nextAt = at;
    const open = this.#open.get(key) as OpenChunk;
    if (open.items.length >= this.#sizeOf(key).items || open.gib >= this.#options.chunkGb) this.#cut(key);
    if (++this.#waiting > MOST_WAITING)
      throw new FanfoldError(
        "stream_overflow",
        `${MOST_WAITING} items wait for their children: await what add returns`,
        {
          details: { waiting: this.#waiting },
        },
      );
    if (this.#handoff.isEmpty) {
      this.#waiting = 0;
      return undefined;
    }
    const taken = this.#handoff.whenTaken().then(() => {
      this.#waiting = 0;
    });
    // Code that does not await it learns of an end by its next call.
    taken.catch(() => undefined);
    return taken;
  }
  /**
   * Gives all chunks to children, and returns what the task returns: the payload of the status.
   * @throws as `add` does
   */
  async dump(): Promise<PathPayload | StreamedPayload> {
    this.#handoff.throwIfClosed();
    this.#replay.end();
    for (const key of [...this.#open.keys()]) this.#cut(key);
    await this.#handoff.whenTaken();
    this.#dumps++;
    this.#payload ??= await this.#status.dump();
    this.#handoff.wake();
    return this.#payload;
  }
  /**
   * Whether children follow. It is asked when the code has ended and has started none. While it says yes, the run stays
   * open, and `add` may be called. The run goes on when it says no, or `dump` is called again. After `holdSeconds` it fails
   * as `never_sealed`. It is not asked once there are children: a run with children never ends before them.
   */
  willSpawnChildren(): boolean {
    return this.spawnedChildren;
  }
  /** Whether a child was started, by this attempt or an earlier one. */
  protected get spawnedChildren(): boolean {
    return this.#spawned;
  }

  /** Yields the chunks until the code has ended, and does not hold the run open any more. */
  async *#chunks(): AsyncGenerator<Chunk, void, undefined> {
    for (;;) {
      const chunk = await this.#handoff.take();
      if (chunk) yield chunk;
      else if (this.#handoff.hasEnded) break;
    }
    yield* this.#held();
  }
  async *#held(): AsyncGenerator<Chunk, void, undefined> {
    const until = Date.now() + this.#options.holdSeconds * 1_000;
    const dumps = this.#dumps;
    const mayHold = !this.#spawned;
    while (mayHold && this.#dumps === dumps && this.willSpawnChildren()) {
      if (Date.now() >= until)
        throw new FanfoldError(
          "never_sealed",
          `${this.#call.task} said for ${this.#options.holdSeconds} s that children follow: call dump() behind the last one`,
          { details: { task: this.#call.task, seconds: this.#options.holdSeconds } },
        );
      await new Promise((resolve) => setTimeout(resolve, HOLD_LOOK_MS));
      yield* this.#ready();
    }
    for (const key of [...this.#open.keys()]) this.#cut(key);
    yield* this.#ready();
  }
  async *#ready(): AsyncGenerator<Chunk, void, undefined> {
    while (!this.#handoff.isEmpty) {
      const chunk = await this.#handoff.take();
      if (chunk) yield chunk;
    }
  }

  #put(key: string, item: JsonObject): void {
    const size = item["size"];
    const gib = typeof size === "number" && size > 0 ? size / GIB : 0;
    const characters = JSON.stringify(item).length + 1;
    const open = this.#open.get(key);
    const full = open && (open.gib + gib > this.#options.chunkGb || open.characters + characters > CHUNK_CHARACTERS);
    if (full) this.#cut(key);
    const chunk = this.#open.get(key);
    if (chunk) {
      chunk.items.push(item);
      chunk.gib += gib;
      chunk.characters += characters;
      return;
    }
    if (this.#open.size >= MOST_KEYS) throw wrong("/key", `is one of more than ${MOST_KEYS}`);
    this.#open.set(key, { items: [item], gib, characters });
  }
  #sizeOf(key: string): ChunkSize {
    const known = this.#sizes.get(key);
    if (known) return known;
    if (this.#sizes.size >= MOST_KEYS) throw wrong("/key", `is one of more than ${MOST_KEYS}`);
    const template = this.#templates.get(key);
    const first = firstTask(template);
    const { services } = this.#call;
    // Nothing is known of a template that does not begin with one task.
    const measured = this.#options.autoChunkSize && (!template || first);
    const size = new ChunkSize(
      this.#options.chunkSize,
      measured ? () => services.load(first?.task, first?.options.queue) : undefined,
    );
    this.#sizes.set(key, size);
    return size;
  }
  /**
   * Gives the chunk of a key to a child. Where the code can go on behind an item, all other chunks are cut with it: then
   * nothing before that place is left.
   */
  #cut(key: string): void {
    const keys = this.#placed ? [key, ...[...this.#open.keys()].filter((each) => each !== key)] : [key];
    for (const [k, each] of keys.entries()) {
      const { items } = this.#open.get(each) as OpenChunk;
      this.#open.delete(each);
      this.#sizeOf(each).noteCut(items.length);
      this.#taken.add(each, items as unknown as readonly PathObject[]);
      if (this.#placed && k === keys.length - 1 && !this.#replay.isPending) {
        this.#at = this.#nextAt;
        this.#taken.clear();
      }
      this.#spawned = true;
      const template = this.#templates.get(each);
      this.#handoff.put({
        cursor: this.#taken.cursor(this.#at),
        ...(template ? { canvas: clone(template, { args: [items] }) } : { paths: items }),
      });
    }
  }
}

function optionsOf(given: Omit<SubmitterOptions, "status" | "settings" | "taskId">) {
  const options = { ...DEFAULTS, ...given };
  for (const name of ["chunkSize", "chunkGb", "holdSeconds"] as const)
    if (!(typeof options[name] === "number" && options[name] > 0 && Number.isFinite(options[name])))
      throw wrong(`/${name}`, "must be a number above 0");
  if (!Number.isSafeInteger(options.chunkSize) || options.chunkSize > LIMITS.listedPaths)
    throw wrong("/chunkSize", `must be a whole number from 1 to ${LIMITS.listedPaths}`);
  if (options.handsOver !== "own" && options.handsOver !== "children")
    throw wrong("/handsOver", "must be own or children");
  const unknown = Object.keys(options).find((name) => !(name in DEFAULTS));
  if (unknown !== undefined) throw wrong(`/${unknown}`, "is no option of a DynamicSubmitter");
  return options;
}
/** Returns the task that a template begins with, if it begins with one. */
function firstTask(template: Canvas | undefined): Signature | undefined {
  if (template?.kind === "task") return template;
  if (template?.kind === "chain") return firstTask(template.items[0]);
  return template?.kind === "graph" ? firstTask(template.nodes[0]?.do) : undefined;
}
/** Reads a template, which must have a first task that takes items. */
function templateAt(key: string, source: CanvasSource | Json): Canvas {
  const template = templateOf(source);
  const probe = clone(template, { args: [[]] });
  if (canonicalJson(probe as unknown as Json) === canonicalJson(template as unknown as Json))
    throw new FanfoldError("invalid_canvas", `/settings/${key} has no first task that takes items`, {
      details: { field: `/settings/${key}` },
    });
  return template;
}
function wrong(field: string, problem: string): FanfoldError {
  return new FanfoldError("invalid_request", `${field} ${problem}`, { details: { field } });
}
