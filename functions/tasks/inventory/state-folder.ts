import { realpath } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { TaskError } from "../../sdk/index.ts";

/** The engine writes while the walk reads: with its state in the folder an inventory would list itself, a different one each time. */
export const STATE_INSIDE = "state_inside";

/** True when one of the two absolute paths lies within the other, or both are the same. */
export function overlap(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}
function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/** Looks at where the paths really lead. Throws a TaskError of reason `state_inside`. */
export async function refuseStateInside(folder: string, state: string): Promise<void> {
  if (overlap(await whereItLeads(folder), await whereItLeads(state)))
    throw new TaskError(stateInside(folder, state), { retryable: false, reason: STATE_INSIDE });
}
async function whereItLeads(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    // What cannot be resolved is told by whoever reads it.
    return path;
  }
}
export function stateInside(folder: string, state: string): string {
  return `the folder ${folder} and the state of the engine in ${state} must be apart: choose another data folder`;
}
