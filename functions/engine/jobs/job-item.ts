import type { Context } from "../context.ts";
import { attributesOf, type Header, ITEM_VERSION, jobIndexKey, jobKey, stampIndexKey } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";

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
 * Returns a stamp in the form by which jobs are found. The form is part of a key, and the root header carries all of
 * them, so a stamp that is long or has other than printable ASCII characters becomes a hash.
 */
export function indexedStamp(context: Context, text: string): string {
  return PLAIN_STAMP.test(text) ? text : `#${context.ids.hash(text).slice(0, 32)}`;
}
const PLAIN_STAMP = /^[\x20-\x7e]{1,40}$/;
