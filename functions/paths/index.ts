/** The public interface for tasks that process items. */
export {
  definePathTask,
  type PathArguments,
  type PathRun,
  type PathTask,
  type PathTaskDefinition,
} from "./path-task.ts";
export { FileActionStatus, type AddedFields } from "./status/file-action-status.ts";
export type { GivenPayload, PathObject, PathPayload, PathState } from "./status/path-payload.ts";
export { DynamicSubmitter, type SubmitterOptions } from "./children/dynamic-submitter.ts";
export { StreamTaskResults, type StreamedPayload, type StreamOptions } from "./status/stream-task-results.ts";
export { expandPaths } from "./input/expand-paths.ts";
export type { PathIterable } from "./input/path-iterable.ts";
export type { JoinedPaths, PathSource, StoredPaths, StreamedPaths } from "./input/path-source.ts";
