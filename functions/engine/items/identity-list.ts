import { blobsIn, isSha256 } from "../../core/blob-ref.ts";
import { shardOf } from "../../core/items/shard-of.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { PutOp } from "../ports.ts";
import { keptLongest } from "./edge-items.ts";

/**
 * Lists of identities: those of a task, and those that were given a blob. Only tasks that say `listed` or `refresh:
 * "eager"` have them. An entry is put before its identity is created or begins again, so none is missing. It is kept
 * longer than its identity. So an entry may name one that is no more.
 */
export const LIST_SHARDS = 4;
/** Blobs of one identity by which it is listed. */
const LISTED_BLOBS = 10;
const listPartition = (task: string, shard: number): string => `IT#${task}#${shard}`;
const blobPartition = (sha256: string): string => `IB#${sha256}`;

export const isListed = ({ registry }: Pick<Context, "registry">, task: string): boolean =>
  registry.info(task)?.listed === true;
/** Returns the writes that list an identity. One unit, and one for each blob that it is given. None for most tasks. */
export function listOps(context: Context, gid: string, { task, args, kwargs }: TaskStep): readonly PutOp[] {
  if (!isListed(context, task)) return [];
  const attributes = { v: ITEM_VERSION, jobId: gid, ttl: keptLongest(context), task };
  const blobs = [...new Set(blobsIn([args, kwargs]))].filter(isSha256).slice(0, LISTED_BLOBS);
  const keys = [
    taskKey(listPartition(task, shardOf(gid, LIST_SHARDS)), gid),
    ...blobs.map((sha256) => taskKey(blobPartition(sha256), `${gid}#${task}`)),
  ];
  return keys.map((key) => ({ op: "put", key, attributes }));
}

/** A place in a list: behind this identity of this shard. */
export interface ListPlace {
  readonly shard: number;
  readonly after?: string;
}
/** A page of a list. `next` is absent behind the last one. */
export interface ListPage {
  readonly gids: readonly string[];
  readonly next?: ListPlace;
}
/** Reads a page of the identities of a task. It goes on in the next shard where one has too few for it. */
export async function readListed(
  context: Pick<Context, "store">,
  task: string,
  place: ListPlace,
  limit: number,
): Promise<ListPage> {
  const gids: string[] = [];
  let next: ListPlace | undefined = place;
  while (next !== undefined && gids.length < limit) {
    const page: ListPage = await readShard(context, task, next, limit - gids.length);
    gids.push(...page.gids);
    next = page.next;
  }
  return { gids, ...(next && { next }) };
}
async function readShard(
  { store }: Pick<Context, "store">,
  task: string,
  { shard, after }: ListPlace,
  limit: number,
): Promise<ListPage> {
  const options = { limit, ...(after !== undefined && { cursor: after }) };
  const { items, cursor } = await store.query("tasks", listPartition(task, shard), options);
  const next =
    cursor !== undefined ? { shard, after: cursor } : shard + 1 < LIST_SHARDS ? { shard: shard + 1 } : undefined;
  return { gids: items.map(({ key }) => key.sort), ...(next && { next }) };
}
/** Reads a page of the identities that were given a blob, of one task or of all. */
export async function readGivenBlob(
  { store }: Pick<Context, "store">,
  sha256: string,
  task: string | undefined,
  { after }: ListPlace,
  limit: number,
): Promise<ListPage> {
  const options = { limit, ...(after !== undefined && { cursor: after }) };
  const { items, cursor } = await store.query("tasks", blobPartition(sha256), options);
  const found = items.filter(({ attributes }) => task === undefined || attributes["task"] === task);
  const gids = found.map(({ key }) => key.sort.slice(0, key.sort.indexOf("#")));
  return { gids, ...(cursor !== undefined && { next: { shard: 0, after: cursor } }) };
}
