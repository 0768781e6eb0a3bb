import { FanfoldError } from "../../core/errors.ts";
import type { BlobRef } from "../../core/blob-ref.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { parseQueueName } from "../../core/names/queue-name.ts";
import type { Dependency } from "../../core/canvas/canvas.ts";
import type {
  DependencyLook,
  EventLook,
  GroupHandle,
  ItemReport,
  ResultEntry,
  RunServices,
  TaskCall,
  TaskLoad,
} from "../../core/task/invocation.ts";
import type { StopSignal } from "../../core/task/stop-signal.ts";
import type { Context } from "../context.ts";
import { attemptsOf } from "../item-kinds.ts";
import { openBlob, putBlob } from "../items/shared-blobs.ts";
import { queueOf } from "../plan/step-placement.ts";
import { streamResults } from "../views/results.ts";
import { reportsOfRun } from "../views/reports.ts";
import { lookForEvent } from "../waits/deferred.ts";
import { requireDependency } from "./dependencies.ts";
import { loadOf } from "./load.ts";
import { endedAttempt, openReports } from "./report-stream.ts";
import type { LiveAttempt, OpenedReports } from "./live-attempt.ts";

interface CallParts {
  /** The group whose results are the run's input. */
  readonly collects?: string | undefined;
  /** What is known of that group. */
  readonly group?: GroupHandle | undefined;
  readonly cursor?: Json | undefined;
  readonly deps?: TaskCall["deps"];
}
/** Shared by the many runs that depend on nothing. */
const NO_DEPS: TaskCall["deps"] = {};

/** What user code is called with. Most of it is computed only when it is read, because few tasks read it. */
export class AttemptCall implements TaskCall, RunServices {
  readonly args: readonly Json[];
  readonly cursor: Json | undefined;
  readonly deps: TaskCall["deps"];
  readonly startedAt: number;
  readonly #context: Context;
  readonly #attempt: LiveAttempt;
  readonly #collects: string | undefined;
  readonly group: GroupHandle | undefined;

  constructor(
    context: Context,
    attempt: LiveAttempt,
    args: readonly Json[],
    { collects, group, cursor, deps = NO_DEPS }: CallParts = {},
  ) {
    this.#context = context;
    this.#attempt = attempt;
    this.#collects = collects;
    this.group = group;
    this.args = args;
    this.cursor = cursor;
    this.deps = deps;
    this.startedAt = context.clock.now();
  }
  get jobId(): string {
    return this.#attempt.run.jobId;
  }
  get runId(): string {
    return this.#attempt.run.runId;
  }
  get groupId(): string {
    return this.#attempt.run.gid;
  }
  get index(): number {
    return this.#attempt.run.index;
  }
  get step(): number {
    return this.#attempt.run.stepIndex;
  }
  get attempt(): number {
    return attemptsOf(this.#attempt.run);
  }
  get round(): number {
    return this.#attempt.run.round;
  }
  get since(): number | undefined {
    return this.#attempt.run.since;
  }
  get task(): string {
    return this.#attempt.step.task;
  }
  get kwargs(): JsonObject {
    return this.#attempt.step.kwargs ?? {};
  }
  get each(): "map" | "starmap" | undefined {
    return this.#attempt.step.each;
  }
  get stamps(): JsonObject {
    return this.#attempt.step.options?.stamps ?? {};
  }
  get headers(): JsonObject {
    return this.#attempt.step.options?.headers ?? {};
  }
  get priority(): number | undefined {
    return this.#attempt.step.options?.priority;
  }
  get site(): string {
    return parseQueueName(this.queue, { site: this.#context.config.site }).site;
  }
  get queue(): string {
    return queueOf(this.#context, this.#attempt.step);
  }
  get deadline(): number {
    return this.#attempt.deadline;
  }
  get signal(): StopSignal {
    return this.#attempt.signal;
  }
  get services(): RunServices {
    return this;
  }
  results(group = this.#collects): AsyncIterable<ResultEntry> {
    const { name } = this.#attempt.info;
    if (group !== undefined) return streamResults(this.#context, group);
    throw new FanfoldError("invalid_request", `the task ${name} collects no group: it is not the step after one`);
  }
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: JsonObject): void {
    this.#attempt.log.add(this.#context.clock.now(), level, message, fields);
    const { runId, task } = this;
    this.#context.watch?.logged?.({ runId, task, level, message, ...(fields && { fields }) });
  }
  event(name: string, timeoutSeconds: number | undefined): Promise<EventLook> {
    return lookForEvent(this.#context, this.#attempt.run, name, timeoutSeconds);
  }
  dependency(name: string, dependency: Dependency): Promise<DependencyLook> {
    return requireDependency(this.#context, this.#attempt, name, dependency);
  }
  putBlob(content: AsyncIterable<Uint8Array>, type: string | undefined): Promise<BlobRef> {
    const { run, signal } = this.#attempt;
    return putBlob(this.#context, untilStopped(content, signal), run.ttl, { type });
  }
  async openBlob(sha256: string): Promise<AsyncIterable<Uint8Array>> {
    const { run, signal } = this.#attempt;
    const { content } = await openBlob(this.#context, sha256, run.ttl);
    return untilStopped(content, signal);
  }
  reportStream(): Promise<OpenedReports> {
    const attempt = this.#attempt;
    if (attempt.reports === "closed") return Promise.reject(endedAttempt());
    attempt.reports ??= openReports(this.#context, attempt);
    return attempt.reports;
  }
  reports(runId: string): AsyncIterable<readonly ItemReport[]> {
    return reportsOfRun(this.#context, this.#attempt.run.jobId, runId);
  }
  load(task: string | undefined, queue: string | undefined): Promise<TaskLoad> {
    return loadOf(this.#context, this.#attempt, task, queue);
  }
  leave(code: Promise<unknown>): void {
    this.#attempt.left = code;
  }
}

/** Ends a stream when the attempt must end, because its code may work on it for hours. */
async function* untilStopped<T>(items: AsyncIterable<T>, signal: StopSignal): AsyncGenerator<T, void, undefined> {
  for await (const item of items) {
    signal.throwIfAborted();
    yield item;
  }
}
