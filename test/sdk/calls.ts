import type { Json } from "../../functions/core/json.ts";
import type {
  ErrorData,
  ResultEntry,
  StreamItem,
  TaskCall,
  TaskOutcome,
} from "../../functions/core/task/invocation.ts";
import { MemoryReports } from "../../functions/sdk/memory-reports.ts";
import { type AnyTask, createRunner } from "../../functions/sdk/index.ts";

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields?: unknown;
}

/** Returns one attempt as an engine would start it. `log` collects what the task logs. */
export function taskCall(
  task: string,
  args: readonly Json[],
  parts: Partial<TaskCall> = {},
  log: LogLine[] = [],
  results: readonly ResultEntry[] = [],
): TaskCall {
  return {
    jobId: "J",
    runId: "J.0",
    groupId: "J",
    index: 0,
    step: 0,
    attempt: 1,
    round: 0,
    task,
    args,
    kwargs: {},
    stamps: {},
    headers: {},
    priority: undefined,
    site: "london",
    queue: "london.default#worker",
    startedAt: 0,
    deadline: 1_000,
    signal: new AbortController().signal,
    cursor: undefined,
    deps: {},
    services: {
      async *results() {
        yield* results;
      },
      reportStream: async () => new MemoryReports(),
      async *reports() {
        yield [];
      },
      load: async () => ({}),
      leave: () => undefined,
      putBlob: () => Promise.reject(new Error("no blobs here")),
      openBlob: () => Promise.reject(new Error("no blobs here")),
      dependency: async (name) => ({ kind: "unmet", awaits: { gid: name, round: 0 } }),
      event: async (name) => ({ kind: "unsent", name }),
      log: (level, message, fields) => void log.push({ level, message, ...(fields !== undefined && { fields }) }),
    },
    ...parts,
  };
}

export async function runTask(
  task: AnyTask,
  args: readonly Json[] = [],
  parts: Partial<TaskCall> = {},
): Promise<TaskOutcome> {
  return createRunner([task]).run(taskCall(task.name, args, parts));
}

/** Returns the error of an outcome that has one. */
export function errorOf(outcome: TaskOutcome): ErrorData {
  if (!("error" in outcome)) throw new Error(`the outcome is ${outcome.kind}`);
  return outcome.error;
}
export function itemsOf(outcome: TaskOutcome): AsyncGenerator<StreamItem, Json | undefined, undefined> {
  if (outcome.kind !== "stream") throw new Error(`the outcome is ${outcome.kind}`);
  return outcome.items;
}
