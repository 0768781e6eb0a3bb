import { realpath } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { TaskError } from "../../sdk/index.ts";

/**
 * Reason of an inventory whose folder contains the state of the engine. The engine writes during the walk, so the
 * inventory would list itself, differently each time.
 */
export const STATE_INSIDE = "state_inside";

/** Returns whether one of two absolute paths lies within the other, or both are the same. */
export function overlap(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}
function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/** Throws a TaskError with reason `state_inside` when the resolved paths overlap. */
export async function refuseStateInside(folder: string, state: string): Promise<void> {
  if (overlap(await whereItLeads(folder), await whereItLeads(state)))
    throw new TaskError(stateInside(folder, state), { retryable: false, reason: STATE_INSIDE });
}
async function whereItLeads(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    // The code that reads an unresolvable path reports it.
    return path;
  }
}
export function stateInside(folder: string, state: string): string {
  return `the folder ${folder} and the state of the engine in ${state} must be apart: choose another data folder`;
}
