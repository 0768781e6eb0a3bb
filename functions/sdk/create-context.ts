import { FanfoldError } from "../core/errors.ts";
import { toJson } from "../core/json-check.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { errorData, OutcomeError } from "../core/task/error-data.ts";
import type { GroupHandle, TaskCall, TaskOutcome } from "../core/task/invocation.ts";
import { abortSignalOf } from "../core/task/stop-signal.ts";
import type { AttemptEffects } from "./attempt-effects.ts";
import { canvasOf, type CanvasSource } from "./canvas-builder.ts";
import { TaskError } from "./errors.ts";
import { type AttemptWaits, dependencyValue } from "./attempt-waits.ts";
import { captureInto, type LogLevel } from "./console-capture.ts";
import { LOG_LEVELS, type LogSettings } from "./task-settings.ts";
import type { Supplies } from "./resource-pool.ts";
import { SPAWNED, spawnedGroup } from "./spawned-group.ts";
import { createBlobs, type TaskBlobs } from "./task-blobs.ts";
import type { CursorItem, TaskContext, TaskLog } from "./task-context.ts";

/** What collects the effects of an attempt, and what it is given. */
interface ContextParts {
  readonly effects: AttemptEffects;
  readonly waits: AttemptWaits;
  readonly supplies: Supplies;
  readonly log: LogSettings;
}
/**
 * The context of one attempt. Its functions are bound, so that tasks may destructure it:
 * `({ spawn, log }, path) => ..`. They are created on access, because most tasks use few of them.
 */
class AttemptContext implements TaskContext {
  readonly #call: TaskCall;
  readonly kwargs: JsonObject;
  readonly #streamsResults: boolean;
  readonly #effects: AttemptEffects;
  readonly #waits: AttemptWaits;
  readonly #supplies: Supplies;
  readonly #logs: LogSettings;
  #log: TaskLog | undefined;
  #blobs: TaskBlobs | undefined;
  #deps: TaskContext["deps"] | undefined;

  constructor(call: TaskCall, kwargs: JsonObject, streamsResults: boolean, parts: ContextParts) {
    this.#call = call;
    this.kwargs = kwargs;
    this.#streamsResults = streamsResults;
    this.#effects = parts.effects;
    this.#waits = parts.waits;
    this.#supplies = parts.supplies;
    this.#logs = parts.log;
    // What is printed before the task asks for its log belongs there too.
    if (parts.log.capturesConsole)
      this.#log = captureInto(call, createLog(call, parts.log), (level) => keeps(parts.log, level));
  }
  get task(): string {
    return this.#call.task;
  }
  get jobId(): string {
    return this.#call.jobId;
  }
  get runId(): string {
    return this.#call.runId;
  }
  get attempt(): number {
    return this.#call.attempt;
  }
  get round(): number {
    return this.#call.round;
  }
  get site(): string {
    return this.#call.site;
  }
  get queue(): string {
    return this.#call.queue;
  }
  get deadline(): number {
    return this.#call.deadline;
  }
  get signal(): AbortSignal {
    return abortSignalOf(this.#call.signal);
  }
  get stamps(): JsonObject {
    return this.#call.stamps;
  }
  get headers(): JsonObject {
    return this.#call.headers;
  }
  get priority(): number | undefined {
    return this.#call.priority;
  }
  get member(): TaskContext["member"] {
    return { group: this.#call.groupId, index: this.#call.index };
  }
  get log(): TaskLog {
    return (this.#log ??= createLog(this.#call, this.#logs));
  }
  get blobs(): TaskBlobs {
    return (this.#blobs ??= createBlobs(this.#call.services));
  }
  get use(): TaskContext["use"] {
    return this.#supplies.use;
  }
  get secret(): TaskContext["secret"] {
    return this.#supplies.secret;
  }
  get deps(): TaskContext["deps"] {
    return (this.#deps ??= Object.freeze(
      Object.fromEntries(Object.entries(this.#call.deps).map(([name, end]) => [name, dependencyValue(end)])),
    ));
  }
  get cursor(): Json | undefined {
    return this.#call.cursor;
  }
  get group(): GroupHandle | undefined {
    return this.#call.group ?? (this.#streamsResults ? groupHandle(this.#call.args[0]) : undefined);
  }
  get results(): TaskContext["results"] {
    return () => this.#call.services.results();
  }
  get count(): TaskContext["count"] {
    return (name, by = 1) => this.#effects.count(name, by);
  }
  get spawn(): TaskContext["spawn"] {
    return (children, options = {}) => {
      this.#effects.spawn(children, options.policy);
      return SPAWNED;
    };
  }
  get spawnWithCallback(): TaskContext["spawnWithCallback"] {
    return (children, callback, options = {}) => {
      const { index, members } = this.#effects.spawnWithCallback(children, callback, options);
      return spawnedGroup(this.#call, index, members);
    };
  }
  get addToChord(): TaskContext["addToChord"] {
    return (canvas) => this.#effects.addToChord(canvas);
  }
  get replace(): TaskContext["replace"] {
    return (canvas) => {
      const effects = this.#effects;
      effects.notStreaming("be replaced");
      if (effects.spawned("own") !== undefined)
        throw new FanfoldError("invalid_request", "a run that has spawned children cannot be replaced as well");
      const spawned = { children: [canvasOf(canvas)], policy: "allSuccess", value: "replace" } as const;
      return end({
        kind: "success",
        value: null,
        spawned,
        ...(effects.counters !== undefined && { counters: effects.counters }),
      });
    };
  }
  get retry(): TaskContext["retry"] {
    return ({ error, delaySeconds } = {}) => {
      if (delaySeconds !== undefined && !(delaySeconds >= 0 && Number.isFinite(delaySeconds))) {
        throw new FanfoldError("invalid_request", "delaySeconds must be a number of seconds, 0 or more", {
          details: { field: "/delaySeconds" },
        });
      }
      const data = errorData(error ?? new TaskError("the task asked to be retried", { reason: "retry" }));
      return end({ kind: "retry", error: data, ...(delaySeconds !== undefined && { delaySeconds }) });
    };
  }
  get waitForEvent(): TaskContext["waitForEvent"] {
    return <Value>(name: string, { timeoutSeconds }: { readonly timeoutSeconds?: number } = {}) =>
      this.#waits.wait(name, timeoutSeconds) as Promise<Value>;
  }
  get requireDependency(): TaskContext["requireDependency"] {
    return (name: string, signature: CanvasSource, { returnError = false }: { readonly returnError?: boolean } = {}) =>
      this.#waits.require(name, signature, returnError) as Promise<never>;
  }
  get removeDependency(): TaskContext["removeDependency"] {
    return (name) => {
      if (Object.hasOwn(this.#call.deps, name)) this.#waits.removeDependency(name);
    };
  }
  get skip(): TaskContext["skip"] {
    return (value) => end({ kind: "skipped", value: toJson(value, "the value of skip") });
  }
  get fail(): TaskContext["fail"] {
    return (error, { retryable } = {}) =>
      end({ kind: "failed", error: { ...errorData(error), ...(retryable !== undefined && { retryable }) } });
  }
  get at(): TaskContext["at"] {
    return (cursor, item): CursorItem => ({ cursor: toJson(cursor, "the cursor"), item });
  }
}
/** Returns the context that a task receives for one attempt. */
export function createContext(
  call: TaskCall,
  kwargs: JsonObject,
  streamsResults: boolean,
  parts: ContextParts,
): TaskContext {
  const context = new AttemptContext(call, kwargs, streamsResults, parts);
  (call as { [CONTEXT]?: TaskContext })[CONTEXT] = context;
  return context;
}
/** Kept with the call, because a module of tasks may load another copy of this module than the worker does. */
const CONTEXT = Symbol.for("fanfold.context");
/** Returns the context of a call whose code runs. */
export function contextOf(call: TaskCall): TaskContext | undefined {
  return (call as { readonly [CONTEXT]?: TaskContext })[CONTEXT];
}
function end(outcome: TaskOutcome): never {
  throw new OutcomeError(outcome);
}

function groupHandle(value: Json | undefined): GroupHandle | undefined {
  const handle = value as Partial<GroupHandle> | null | undefined;
  return typeof handle === "object" && handle !== null && typeof handle.group === "string"
    ? (handle as GroupHandle)
    : undefined;
}

function keeps({ level }: LogSettings, of: LogLevel): boolean {
  return LOG_LEVELS.indexOf(of) >= LOG_LEVELS.indexOf(level);
}
function createLog(call: TaskCall, logs: LogSettings): TaskLog {
  const drop = (): void => undefined;
  const at = (level: LogLevel) => (message: string, fields?: JsonObject) => {
    const line = String(message).slice(0, LIMITS.logLineCharacters).toWellFormed();
    call.services.log(level, line, ...(fields === undefined ? [] : [logFields(fields)]));
  };
  const kept = (level: LogLevel): TaskLog[LogLevel] => (keeps(logs, level) ? at(level) : drop);
  return { debug: kept("debug"), info: kept("info"), warn: kept("warn"), error: kept("error") };
}

/**
 * Returns the fields of a log line. A log line must not fail a run, so fields that are not JSON are replaced by a note.
 */
function logFields(fields: JsonObject): JsonObject {
  try {
    return toJson(fields, "", { maxBytes: LIMITS.inlineBytes }) as JsonObject;
  } catch (error) {
    return { dropped: errorData(error).message };
  }
}
