import type { Band } from "../../core/plan/priority-band.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { type Header, pad, taskKey } from "../item-kinds.ts";
import type { Attributes, Item, Key } from "../ports.ts";
import { allOf } from "./all-of.ts";
import { absent, eq } from "./conditions.ts";
import { asHeld, type Held, type HeldAttributes } from "./held-messages.ts";

/**
 * Runs that wait to be admitted to a queue. `body` is a message that names either a range of members whose first step
 * goes to this queue and band, or single members of one leaf. The entries of a band are ordered by job, then by group,
 * each by the time of its creation. In one group the ranges are ordered from the last to the first. So the newest end
 * begins with the first range of the newest group.
 */
export interface BacklogEntry extends Held {
  /** Number of runs, approximate where a range was put a second time. */
  readonly members: number;
}
/** The queue and band that an entry waits for. */
type Place = Pick<HeldAttributes, "queue" | "band">;
type BacklogAttributes = HeldAttributes & Pick<BacklogEntry, "members">;

const BANDS: readonly Band[] = [0, 1, 2];
const partitionOf = ({ queue, band }: Place): string => `BQ#${queue}#${band}`;
const LAST_RANGE = 99_999_999;
/** Sorts after the creation of every group: what was started before goes on first. */
const BEFORE_ALL_GROUPS = "~";

/** The first part of the sort keys of a job. Jobs are ordered by the time of their creation. */
export const jobOrderOf = ({ jobId, createdAt }: Pick<Header, "jobId" | "createdAt">): string =>
  `${pad(createdAt, 14)}#${jobId}`;
export const jobOrderOfEntry = ({ key }: BacklogEntry): string => key.sort.split("#").slice(0, 2).join("#");

/** Returns the key of the range of a group that begins at `from`, a multiple of the members of a range. */
export function rangeKey(context: Context, job: string, header: Header, place: Place, from: number): Key {
  const range = pad(LAST_RANGE - Math.floor(from / context.config.expandRange), 8);
  return taskKey(partitionOf(place), `${job}#${pad(header.createdAt, 14)}#${hashOf(context, header.gid)}#${range}`);
}
/** Returns the key of single members of a leaf. */
export function membersKey(
  context: Context,
  job: string,
  place: Place,
  { gid, stepIndex }: Pick<RunRef, "gid" | "stepIndex">,
  leaf: number,
): Key {
  return taskKey(partitionOf(place), `${job}#${BEFORE_ALL_GROUPS}#${hashOf(context, `${gid}#${leaf}#${stepIndex}`)}`);
}
/**
 * Returns the key of a pack of a leaf, which begins with this member. Messages of one leaf have keys of their own, so
 * workers that handle them at the same time do not meet.
 */
export function packKey(
  context: Context,
  job: string,
  place: Place,
  ref: Pick<RunRef, "gid" | "stepIndex">,
  leaf: number,
  first: number,
): Key {
  const { partition, sort } = membersKey(context, job, place, ref, leaf);
  return taskKey(partition, `${sort}#${first}`);
}
/** Returns the packs of a leaf that wait, read consistently. */
export async function readPacks(
  context: Context,
  job: string,
  place: Place,
  ref: Pick<RunRef, "gid" | "stepIndex">,
  leaf: number,
): Promise<readonly BacklogEntry[]> {
  const { partition, sort } = membersKey(context, job, place, ref, leaf);
  const packs: BacklogEntry[] = [];
  for await (const { items } of allOf((after) =>
    context.store.query("tasks", partition, { from: `${sort}#`, to: `${sort}$`, ...after }),
  ))
    packs.push(...items.map(asEntry));
  return packs;
}
const hashOf = (context: Context, text: string): string => context.ids.hash(text).slice(0, 32);

function asEntry(item: Item): BacklogEntry {
  return asHeld(item) as BacklogEntry;
}
export async function readEntry(context: Context, key: Key): Promise<BacklogEntry | undefined> {
  const item = await context.store.get(key, { consistent: true });
  return item && asEntry(item);
}
/**
 * Puts an entry unless there is one. `unless` changes the one that stands, or returns undefined when that says all
 * already. 1 write unit, and 1 for each change.
 */
export async function putEntry(
  context: Context,
  key: Key,
  entry: Omit<BacklogAttributes, "token">,
  unless: (standing: BacklogEntry) => Pick<BacklogEntry, "body" | "members"> | undefined,
): Promise<void> {
  for (;;) {
    const attributes = { ...entry, token: context.ids.token() } as unknown as Attributes;
    const put = await context.store.write({ op: "put", key, attributes, when: absent() });
    if (put.applied || !put.item) return;
    const standing = asEntry(put.item);
    if (standing.token === attributes["token"]) return;
    const changed = unless(standing);
    if (!changed || (await changeEntry(context, standing, changed))) return;
  }
}
/** Changes an entry unless somebody has changed it since it was read. 1 write unit. */
export async function changeEntry(
  context: Context,
  { key, token }: BacklogEntry,
  changed: Pick<BacklogEntry, "body" | "members">,
): Promise<boolean> {
  const set = { ...changed, token: context.ids.token() } as unknown as Attributes;
  const { applied, item } = await context.store.write({ op: "update", key, change: { set }, when: eq("token", token) });
  return applied || item?.attributes["token"] === set["token"];
}

/** Where a look for an entry begins: at the newest or the oldest job, or beside the job that was served before. */
export interface Look {
  readonly from: "newest" | "oldest";
  /** The order of a job. Only the jobs after it, in this direction, are looked at. */
  readonly after?: string;
}
/** Returns the next entry of a band, read consistently. */
export async function nextEntry(context: Context, place: Place, look: Look): Promise<BacklogEntry | undefined> {
  const descending = look.from === "newest";
  // All keys of a job begin with its order and "#", and "$" comes right after that.
  const bound = look.after === undefined ? {} : descending ? { to: look.after } : { from: `${look.after}$` };
  const { items } = await context.store.query("tasks", partitionOf(place), { limit: 1, descending, ...bound });
  return items[0] && asEntry(items[0]);
}
/**
 * Yields the entries of a queue, or those of one job in it, page by page. The highest band comes first, and in a band
 * the newest job, or with `oldest` the oldest one.
 */
export async function* queryEntries(
  context: Context,
  queue: string,
  { job, limit, oldest }: { readonly job?: string; readonly limit?: number; readonly oldest?: boolean } = {},
): AsyncGenerator<readonly BacklogEntry[], void, undefined> {
  const bounds = {
    ...(job !== undefined && { from: `${job}#`, to: `${job}$` }),
    ...(limit !== undefined && { limit }),
  };
  for (const band of BANDS.toReversed())
    for await (const { items } of allOf((after) =>
      context.store.query("tasks", partitionOf({ queue, band }), { ...bounds, ...after, descending: !oldest }),
    ))
      yield items.map(asEntry);
}
/** Returns whether anything waits in the backlog of a queue. At most three reads. */
export async function hasBacklog(context: Context, queue: string): Promise<boolean> {
  for (const band of BANDS) if (await nextEntry(context, { queue, band }, { from: "newest" })) return true;
  return false;
}
