import { isPlainObject } from "../core/json-check.ts";
import type { JsonObject } from "../core/json.ts";
import { isFailedMember } from "../sdk/failed-member.ts";
import type { TaskContext } from "../sdk/task-context.ts";
import { jobidAt, type PathObject, pathsAt } from "./status/path-payload.ts";

/** The standard arguments of a path task. A keyword argument of the same name takes the place of one. */
export interface PathArguments {
  /** The id of the job. */
  readonly jobid: string | number;
  /** The items to process. Empty when the task was called without any. */
  readonly paths: readonly PathObject[];
  /** Whether the results must be streamed. The keyword argument is `stream_results`. */
  readonly streamResults: boolean;
  /** The site where the task runs. */
  readonly site: string;
}

/**
 * Returns the arguments of a path task. Keyword arguments go first, then what the previous step handed over, then what
 * the engine knows. `isEmpty` says that items were given, and that there are none.
 * @throws FanfoldError `invalid_payload`
 */
export function pathArgumentsOf(
  ctx: Pick<TaskContext<unknown>, "jobId" | "site">,
  kwargs: JsonObject,
  previous: unknown,
): { readonly given: PathArguments; readonly isEmpty: boolean } {
  const { stream_results, ...own } = kwargs;
  const items = own["paths"] ?? handedOver(previous);
  const paths = items === undefined ? [] : pathsAt(items, own["paths"] ? "/kwargs/paths" : "/args/0");
  const given = {
    site: ctx.site,
    ...own,
    jobid: jobidAt(own["jobid"] ?? ctx.jobId, "/kwargs/jobid"),
    paths,
    streamResults: own["streamResults"] ?? stream_results === true,
  };
  return { given: given as PathArguments, isEmpty: items !== undefined && paths.length === 0 };
}

/**
 * Returns the items that the value of the previous step holds: those of a payload, or of the payloads of a group in
 * order, or a list of items. Returns undefined for any other value, which a path task ignores.
 */
function handedOver(previous: unknown): readonly unknown[] | undefined {
  if (isPlainObject(previous)) return Array.isArray(previous["paths"]) ? previous["paths"] : undefined;
  if (!Array.isArray(previous)) return undefined;
  const items: unknown[] = [];
  for (const entry of previous as readonly unknown[]) {
    if (isFailedMember(entry)) continue;
    if (!isPlainObject(entry)) return undefined;
    if (Array.isArray(entry["paths"])) for (const item of entry["paths"]) items.push(item);
    else if (typeof entry["path"] === "string") items.push(entry);
    else return undefined;
  }
  return items;
}
