import type { Context } from "../context.ts";
import { attributesOf, type Header, ITEM_VERSION, jobIndexKey, jobKey, stampIndexKey } from "../item-kinds.ts";
import { absent, and, eq, lt, or, present } from "../items/conditions.ts";
import type { Condition } from "../ports.ts";
import { noteRetried } from "./progress.ts";

export const OPEN_JOBS = "open";
export const ALL_JOBS = "all";

/**
 * Writes the job item and its entries in the lists, from the content of the root header. A submission does so, and the
 * sweeper repeats it if that process died.
 */
export async function putJob(context: Context, root: Header): Promise<void> {
  const owned = { v: ITEM_VERSION, jobId: root.jobId, ttl: root.ttl };
  const job = {
    ...owned,
    ...root.job,
    state: "started" as const,
    createdAt: root.createdAt,
    deadline: root.deadline ?? 0,
  };
  await context.store.writeMany([
    { op: "put", key: jobKey(root.jobId), attributes: attributesOf(job), when: absent() },
    { op: "put", key: jobIndexKey(ALL_JOBS, root.createdAt, root.jobId), attributes: owned, when: absent() },
    { op: "put", key: jobIndexKey(OPEN_JOBS, root.createdAt, root.jobId), attributes: owned, when: absent() },
    ...(root.job?.stamps ?? []).map((stamp) => ({
      op: "put" as const,
      key: stampIndexKey(stamp, root.createdAt, root.jobId),
      attributes: owned,
      when: absent(),
    })),
  ]);
}
/**
 * Opens the job item again for the round of its root, and moves its entries in the lists. The root is written first, so
 * the sweeper repeats this when the process that began the round has died. Costs five write units and one event.
 */
export async function reopenJob(context: Context, root: Header): Promise<void> {
  const { jobId, round, createdAt } = root;
  const owned = { v: ITEM_VERSION, jobId, ttl: root.ttl };
  const ended = ["endedAt", "outcome", "counts", "countsExact", "error", "value", "valueRef", "collects"];
  await context.store.write({
    op: "update",
    key: jobKey(jobId),
    change: { set: { state: "started", round }, remove: ended },
    when: and(present(), before(round)),
  });
  await context.store.writeMany([
    {
      op: "put",
      key: jobIndexKey(OPEN_JOBS, createdAt, jobId),
      attributes: { ...owned, round },
      when: before(round),
    },
    ...(["failure", "cancelled", "success"] as const).map((state) => ({
      op: "remove" as const,
      key: jobIndexKey(state, createdAt, jobId),
      when: before(round),
    })),
  ]);
  await noteRetried(context, owned, root.retry?.at ?? 0, round);
}
/** The item is not there, or was written in an earlier round. */
const before = (round: number): Condition => or(absent("round"), lt("round", round));
/** The item was written in this round. Items of round 0 do not say so. */
export const isOfRound = (round: number): Condition => (round === 0 ? absent("round") : eq("round", round));
/**
 * Returns a stamp in the form by which jobs are found. The form is part of a key, and the root header carries all of
 * them, so a stamp that is long or has other than printable ASCII characters becomes a hash.
 */
export function indexedStamp(context: Context, text: string): string {
  return PLAIN_STAMP.test(text) ? text : `#${context.ids.hash(text).slice(0, 32)}`;
}
const PLAIN_STAMP = /^[\x20-\x7e]{1,40}$/;
