import { FanfoldError } from "../errors.ts";
import type { TaskInfo } from "./invocation.ts";

/** Keyword argument that asks a path task to stream its results, as a workflow does for moved and deleted items. */
export const STREAM_RESULTS = "stream_results";

/**
 * Checks that a task can be the handler of moved or deleted items. There may be millions of them, so it must stream.
 * @throws FanfoldError `cannot_stream`
 */
export function requireStreaming(task: Pick<TaskInfo, "name" | "paths">, field: string): void {
  if (task.paths?.acceptsStreaming !== true) throw cannotStream(task.name, field);
}
/** Returns the error for a task that is asked to stream its results and cannot. */
export function cannotStream(task: string, field: string): FanfoldError {
  return new FanfoldError(
    "cannot_stream",
    `${field}: ${task} does not stream its results, so the results of millions of items would stay in memory: ` +
      "define it by definePathTask with acceptsStreaming, and stream what it reports",
    { details: { field, task } },
  );
}
