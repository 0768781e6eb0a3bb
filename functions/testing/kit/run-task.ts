import { FanfoldError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { DEFAULT_QUEUE, formatQueueName, parseQueueName } from "../../core/names/queue-name.ts";
import type { DependencyEnd, ResultEntry, TaskCall } from "../../core/task/invocation.ts";
import { LazySignal } from "../../core/task/stop-signal.ts";
import type { AnyTask } from "../../sdk/any-task.ts";
import { MemoryReports } from "../../sdk/memory-reports.ts";
import { type ResourceFake, ResourcePool, Supplies } from "../../sdk/resource-pool.ts";
import { createRunner } from "../../sdk/runner.ts";
import { givenSecrets } from "../../sdk/secrets.ts";
import { type Attempt, type LogLine, note } from "./attempts.ts";

/** What the task of a test finds in its context. */
export interface GivenContext {
  readonly kwargs?: JsonObject;
  /** Default `job.0`. */
  readonly runId?: string;
  /** Default 1. */
  readonly attempt?: number;
  readonly stamps?: JsonObject;
  readonly headers?: JsonObject;
  readonly cursor?: Json;
  /** Values of the events that were sent. A wait for another event ends the attempt as `deferred`. */
  readonly events?: { readonly [name: string]: Json };
  /**
   * How dependencies have ended, by name: declared ones, and those that the task asks for. Asking for another one ends
   * the attempt as `deferred`.
   */
  readonly deps?: { readonly [name: string]: DependencyEnd };
  /** What `ctx.results()` yields. */
  readonly results?: readonly ResultEntry[];
  /** What `ctx.use` gives in place of resources: `[[database, fake]]`. Others are opened for this attempt. */
  readonly resources?: readonly ResourceFake[];
  /** What `ctx.secret` gives, by name. Default: none, so each call throws. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * Runs one attempt of a task without an engine, and returns what it did: its outcome, value or error, log lines, counts
 * and spawned canvases. A streaming task is run by a TestEngine.
 * @example
 * const { value, logs } = await runTask(charge, [{ amount: 3 }], { attempt: 2 });
 */
export async function runTask(task: AnyTask, args: readonly Json[] = [], given: GivenContext = {}): Promise<Attempt> {
  const logs: LogLine[] = [];
  const call = callOf(task, args, given, logs);
  const { runId, attempt, kwargs } = call;
  const noted = { task: task.name, runId, attempt, args, kwargs, logs, counts: {}, spawned: [] };
  const supplies = new Supplies(new ResourcePool(), givenSecrets(given.secrets ?? {}), given.resources);
  try {
    note(noted, await createRunner([task], supplies).run(call));
  } finally {
    await supplies.pool.close(() => undefined);
  }
  return noted;
}

const noBlobs = (): Promise<never> =>
  Promise.reject(
    new FanfoldError("invalid_request", "runTask keeps no blobs: run the task on a TestEngine", {
      details: { field: "ctx.blobs" },
    }),
  );
function callOf(task: AnyTask, args: readonly Json[], given: GivenContext, logs: LogLine[]): TaskCall {
  const { kwargs = {}, runId = "job.0", attempt = 1, stamps = {}, headers = {}, results = [] } = given;
  const { events = {}, deps = {} } = given;
  const queue = parseQueueName(task.info.queue ?? DEFAULT_QUEUE, { site: "local" });
  return {
    jobId: runId.split(".")[0] ?? runId,
    runId,
    groupId: runId.split(".")[0] ?? runId,
    index: 0,
    step: 0,
    attempt,
    round: 0,
    task: task.name,
    args,
    kwargs,
    stamps,
    headers,
    priority: undefined,
    site: queue.site,
    queue: formatQueueName(queue),
    startedAt: Date.now(),
    deadline: Date.now() + task.info.timeoutSeconds * 1_000,
    signal: new LazySignal(),
    cursor: given.cursor,
    deps,
    services: {
      async *results() {
        yield* results;
      },
      log: (level, message, fields) => void logs.push({ level, message, ...(fields && { fields }) }),
      event: async (name) =>
        Object.hasOwn(events, name) ? { kind: "sent", value: events[name] ?? null } : { kind: "unsent", name },
      dependency: async (name) => {
        const end = Object.hasOwn(deps, name) ? deps[name] : undefined;
        return end ? { kind: "ended", ...end } : { kind: "unmet", awaits: { gid: name, round: 0 } };
      },
      putBlob: noBlobs,
      openBlob: noBlobs,
      // Nothing is kept of what a task streams but what its payload says.
      reportStream: async () => new MemoryReports(),
      async *reports() {
        yield [];
      },
      load: async () => ({}),
      leave: () => undefined,
    },
  };
}
