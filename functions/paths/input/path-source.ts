import { isPlainObject } from "../../core/json-check.ts";
import { invalid, type PathObject, pathsAt } from "../status/path-payload.ts";

/** Items that a run has streamed: those that it handed over. `expandPaths` yields them. */
export interface StreamedPaths {
  /** The id of the run. */
  readonly $reports: string;
  readonly total: number;
}
/** Items from several places, one after the other: those of the members of a group. */
export interface JoinedPaths {
  readonly $joined: readonly (readonly PathObject[] | StreamedPaths)[];
  readonly total: number;
}
/** Items that are stored elsewhere, because they are too many for a list. */
export type StoredPaths = StreamedPaths | JoinedPaths;
/** Items as a task that accepts streaming is given them. */
export type PathSource = readonly PathObject[] | StoredPaths;

/**
 * Reads items that are given as a list or a reference.
 * @throws FanfoldError `invalid_payload`
 */
export function sourceAt(given: unknown, field: string): PathSource {
  if (!isPlainObject(given) || !("$reports" in given || "$joined" in given)) return pathsAt(given, field);
  const { $reports, $joined, total } = given as { readonly [name: string]: unknown };
  if (!Number.isSafeInteger(total) || (total as number) < 0)
    throw invalid(`${field}/total`, "must be a whole number from 0");
  if (typeof $reports === "string") return given as unknown as StreamedPaths;
  if (!Array.isArray($joined)) throw invalid(`${field}/$joined`, "must be a list");
  for (const [at, part] of $joined.entries()) {
    const source = sourceAt(part, `${field}/$joined/${at}`);
    if ("$joined" in source)
      throw invalid(`${field}/$joined/${at}`, "must be a list, or items that a run has streamed");
  }
  return given as unknown as JoinedPaths;
}
/** Returns the number of items. */
export function totalOf(source: PathSource): number {
  return isList(source) ? source.length : source.total;
}
export function isList(source: PathSource): source is readonly PathObject[] {
  return Array.isArray(source);
}
/** Returns the sources as one. Lists only remain a list. */
export function joined(sources: readonly (readonly PathObject[] | StreamedPaths)[]): PathSource {
  const [only] = sources;
  if (sources.length === 1 && only) return only;
  if (sources.every((source) => isList(source))) return sources.flat();
  return { $joined: sources, total: sources.reduce((sum, source) => sum + totalOf(source), 0) };
}
