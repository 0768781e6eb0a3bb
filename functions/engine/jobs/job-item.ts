import type { Context } from "../context.ts";
import { attributesOf, type Header, ITEM_VERSION, jobIndexKey, jobKey, stampIndexKey } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";

export const OPEN_JOBS = "open";
export const ALL_JOBS = "all";

/** The job item and its place in the lists, from what the root header says: by the submission, and again by the sweeper if its writer died. */
export async function putJob(context: Context, root: Header): Promise<void> {
  const owned = { v: ITEM_VERSION, jobId: root.jobId, ttl: root.ttl };
  const job = { ...owned, ...root.job, state: "started" as const, createdAt: root.createdAt, deadline: root.deadline ?? 0 };
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
/** A stamp as jobs are found by it. It becomes a part of a key, and the root header carries them all: what is long, or has odd characters, stands there as its hash. */
export function indexedStamp(context: Context, text: string): string {
  return PLAIN_STAMP.test(text) ? text : `#${context.ids.hash(text).slice(0, 32)}`;
}
const PLAIN_STAMP = /^[\x20-\x7e]{1,40}$/;
