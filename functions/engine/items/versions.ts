import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import { absent, lt, or } from "./conditions.ts";
import type { Condition } from "../ports.ts";
import type { Versions } from "./sharing-attributes.ts";

/**
 * Versions of tasks (docs/adr/0025). Several releases of the code may run at the same time, so no process knows which
 * version is the latest. Each compares with the versions that it knows itself:
 *
 *     the end was made by a lower version  -> outdated: made anew when somebody asks
 *     by a higher one                      -> as good as one of its own
 *     the round was begun by a higher one  -> left to a process that knows it
 */
type Registry = Pick<Context, "registry">;

/** Returns the version of a task that this process has. 0 for a task that it does not know. */
export const versionHere = ({ registry }: Registry, task: string | undefined): number =>
  (task === undefined ? undefined : registry.info(task)?.version) ?? 0;
/** Returns the attribute that a row has for a version. */
export const versionPart = (version: number): Pick<Run, "version"> => (version > 0 ? { version } : {});

/** A task by an earlier version of which an end was made. */
export interface Outdated {
  readonly task: string;
  readonly from: number;
  readonly to: number;
}
/** Whether the code of an identity itself has a higher version here. */
export function outdatedItself(context: Registry, { task, version = 0 }: Pick<Run, "task" | "version">): Outdated[] {
  return task === undefined ? [] : outdatedOf(context, { [task]: version });
}
/** Returns the tasks of a closure that have a higher version here. A task that is not known here is not compared. */
export function outdatedOf({ registry }: Registry, closure: Versions | undefined): Outdated[] {
  return Object.entries(closure ?? {}).flatMap(([task, from]) => {
    const to = registry.info(task)?.version;
    return to !== undefined && to > from ? [{ task, from, to }] : [];
  });
}
/** Returns a task of which this process has too low a version to handle the present round of a run. */
export function unreachedHere(
  context: Registry,
  { task, version = 0, needs = {} }: Pick<Run, "task" | "version" | "needs">,
): Outdated | undefined {
  const wanted = { ...needs, ...(task !== undefined && { [task]: Math.max(version, needs[task] ?? 0) }) };
  return Object.entries(wanted)
    .map(([name, to]) => ({ task: name, from: versionHere(context, name), to }))
    .find(({ from, to }) => from < to);
}
/** The row asks for no higher version of its task than this one. */
export const atMost = (version: number): Condition => or(absent("version"), lt("version", version + 1));

/** Adds what an end was made with to a closure. Where one task came by two ways, the lower version counts. */
export function mergeVersions(into: Map<string, number>, versions: Versions): void {
  for (const [task, version] of Object.entries(versions))
    into.set(task, Math.min(version, into.get(task) ?? Number.POSITIVE_INFINITY));
}
