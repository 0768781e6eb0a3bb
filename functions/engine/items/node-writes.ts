import { type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { attributesOf, type Run, type RunAttributes } from "../item-kinds.ts";
import { and, contains, eq } from "./conditions.ts";
import { type RunWrite, updateRun } from "./run-writes.ts";

/**
 * Writes on the first row of a node of a graph, which is `deferred` while it waits for other nodes. All have the
 * condition that the row is of the round in which the other node has ended, so that a late process changes nothing in a
 * later round. One write unit each, for a row under 1 KB.
 */
const awaits = (parent: string, round: number): ReturnType<typeof and> =>
  and(eq("status", "deferred"), eq("round", round), contains("unmet", parent));

/** Removes one parent, which has ended well. `run` says which are left, also when another process removed it first. */
export function takeParent(context: Context, ref: RunRef, round: number, parent: string): Promise<RunWrite> {
  return updateRun(context, ref, { take: { unmet: new Set([parent]) } }, awaits(parent, round));
}
/** Queues a node whose parents have all ended well. Only while it is in the deferral that was read. */
export function queueNode(context: Context, seen: Run, set: Partial<RunAttributes>): Promise<RunWrite> {
  const change = {
    set: attributesOf({ ...set, status: "queued", sentAt: context.clock.now() }),
    remove: ["unmet"],
  };
  const when = and(eq("status", "deferred"), eq("round", seen.round), eq("attempt", seen.attempt));
  return updateRun(context, seen, change, when);
}
/** Cancels a node, one of whose parents has failed. */
export function cancelNode(
  context: Context,
  ref: RunRef,
  round: number,
  parent: string,
  set: Partial<RunAttributes>,
): Promise<RunWrite> {
  return updateRun(context, ref, { set: attributesOf(set), remove: ["unmet"] }, awaits(parent, round));
}
