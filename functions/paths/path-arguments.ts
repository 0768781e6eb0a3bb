import { FanfoldError } from "../core/errors.ts";
import { isPlainObject } from "../core/json-check.ts";
import type { JsonObject } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { isFailedMember } from "../sdk/failed-member.ts";
import type { TaskContext } from "../sdk/task-context.ts";
import { expandPaths } from "./input/expand-paths.ts";
import { isList, joined, type PathSource, sourceAt, type StoredPaths, totalOf } from "./input/path-source.ts";
import { jobidAt, type PathObject } from "./status/path-payload.ts";

/** The standard arguments of a path task. A keyword argument of the same name takes the place of one. */
export interface PathArguments<Paths extends PathSource = readonly PathObject[]> {
  /** The id of the job. */
  readonly jobid: string | number;
  /**
   * The items to process. Empty when the task was called without any. A task that is asked to stream reads them by
   * `expandPaths`, because they may be stored elsewhere.
   */
  readonly paths: Paths;
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
): { readonly given: PathArguments<PathSource>; readonly isEmpty: boolean } {
  const { stream_results, ...own } = kwargs;
  const items = own["paths"] ?? handedOver(previous);
  const paths = items === undefined ? [] : sourceAt(items, own["paths"] ? "/kwargs/paths" : "/args/0");
  const given = {
    site: ctx.site,
    ...own,
    jobid: jobidAt(own["jobid"] ?? ctx.jobId, "/kwargs/jobid"),
    paths,
    streamResults: own["streamResults"] ?? stream_results === true,
  };
  return { given: given as PathArguments<PathSource>, isEmpty: items !== undefined && totalOf(paths) === 0 };
}

/**
 * Returns the items that the value of the previous step holds: those of a payload, or of the payloads of a group in
 * order, or a list of items. Returns undefined for any other value, which a path task ignores.
 */
function handedOver(previous: unknown): unknown {
  if (isPlainObject(previous)) return itemsIn(previous);
  if (!Array.isArray(previous)) return undefined;
  const parts: unknown[] = [];
  let list: unknown[] | undefined;
  const add = (items: readonly unknown[]): void => {
    if (list === undefined) parts.push((list = []));
    for (const item of items) list.push(item);
  };
  for (const entry of previous as readonly unknown[]) {
    if (isFailedMember(entry)) continue;
    if (!isPlainObject(entry)) return undefined;
    const items = itemsIn(entry);
    if (Array.isArray(items)) add(items);
    else if (items !== undefined) {
      list = undefined;
      parts.push(...partsOf(items as StoredPaths));
    } else if (typeof entry["path"] === "string") add([entry]);
    else return undefined;
  }
  return parts.length === 0 ? [] : joined(parts as Parameters<typeof joined>[0]);
}
/** Returns the `paths` of a payload: a list, or where they are. */
function itemsIn({ paths }: { readonly [name: string]: unknown }): readonly unknown[] | StoredPaths | undefined {
  if (Array.isArray(paths)) return paths;
  return isPlainObject(paths) && ("$reports" in paths || "$joined" in paths)
    ? (paths as unknown as StoredPaths)
    : undefined;
}
const partsOf = (paths: StoredPaths): readonly unknown[] => ("$joined" in paths ? paths.$joined : [paths]);

/**
 * Returns items as a list, for a task that takes only lists. Stored ones are read.
 * @throws FanfoldError `too_many_paths`
 */
export async function listOf(task: string, source: PathSource): Promise<readonly PathObject[]> {
  if (isList(source)) return source;
  if (source.total > LIMITS.listedPaths)
    throw new FanfoldError(
      "too_many_paths",
      `${task} is handed ${source.total} items, and a list has at most ${LIMITS.listedPaths}: ` +
        "give it stream_results, and let it read them by expandPaths",
      { details: { field: "/args/0", total: source.total, limit: LIMITS.listedPaths } },
    );
  const items: PathObject[] = [];
  for await (const item of expandPaths(source)) items.push(item);
  return items;
}
