import type { WaitView } from "../../core/plan/wait-view.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type Header, OPEN_SHARDS, openShard, type Run } from "../item-kinds.ts";
import { readHeaders } from "../items/header-reads.ts";
import { currentRows, readLeafPage } from "../items/run-reads.ts";
import type { Page } from "../job-views.ts";
import { type IndexResult, PortError } from "../ports.ts";
import type { WaitFilter } from "../requests.ts";
import { unmetOf } from "../waits/deferred.ts";
import { wrongCursor } from "./job-view.ts";

const DEFAULT_LIMIT = 200;
const MOST_LIMIT = 500;
const AT_ONCE = 8;
const CURSOR = /^(\d{1,2})(?:\.([\w.!~*'()%-]{1,1900}))?$/;

/**
 * Lists approvals and events that runs of all jobs wait for. Nothing is written for this list: it looks at the groups
 * that are open, which the index of the sweeper has. So a wait that moves in it meanwhile may be on two pages, and a page
 * may be empty although more follow. Of a group of more members than a leaf has, the first leaf is looked at.
 *
 * Costs one read unit for each open group that it looks at, one for each 4 KB of rows in its first leaf, and one for
 * each job that waits.
 */
export async function listWaits(context: Context, { of, limit, cursor }: WaitFilter): Promise<Page<WaitView>> {
  const most = Math.min(limit ?? DEFAULT_LIMIT, MOST_LIMIT);
  const place = cursor === undefined ? { shard: 0 } : placeIn(cursor);
  const { gids, next } = await openGroups(context, place, most);
  const headers = await readHeaders(context, gids);
  const found = new Map<number, readonly WaitView[]>();
  await eachBounded([...headers.entries()], AT_ONCE, async ([k, header]) => {
    if (header && header.outcome === undefined) found.set(k, await waitsIn(context, header));
  });
  const waits = headers.flatMap((_, k) => found.get(k) ?? []).filter((wait) => of === undefined || wait.of === of);
  const items = await withJobs(context, waits);
  return { items, ...(next && { cursor: textOf(next) }) };
}

/** A shard of the index of open groups, and the cursor of the store in it. */
interface Place {
  readonly shard: number;
  readonly after?: string;
}
function placeIn(cursor: string): Place {
  const [, shard, after] = CURSOR.exec(cursor) ?? [];
  if (shard === undefined || Number(shard) >= OPEN_SHARDS) throw wrongCursor();
  try {
    return { shard: Number(shard), ...(after !== undefined && { after: decodeURIComponent(after) }) };
  } catch {
    throw wrongCursor();
  }
}
const textOf = ({ shard, after }: Place): string =>
  after === undefined ? String(shard) : `${shard}.${encodeURIComponent(after)}`;

async function openGroups(
  context: Context,
  from: Place,
  most: number,
): Promise<{ readonly gids: readonly string[]; readonly next?: Place }> {
  const gids: string[] = [];
  for (let place: Place | undefined = from; place;) {
    const { keys, cursor } = await readIndex(context, place, most - gids.length);
    gids.push(...keys.map(({ partition }) => partition.slice(2)));
    const shard: number = place.shard + 1;
    place = cursor === undefined ? (shard < OPEN_SHARDS ? { shard } : undefined) : { ...place, after: cursor };
    if (place && gids.length >= most) return { gids, next: place };
  }
  return { gids };
}
async function readIndex(context: Context, { shard, after }: Place, limit: number): Promise<IndexResult> {
  try {
    return await context.store.queryIndex({
      index: "open",
      partition: openShard(shard),
      upTo: Number.MAX_SAFE_INTEGER,
      limit,
      ...(after !== undefined && { cursor: after }),
    });
  } catch (error) {
    // A store says in its own words that a cursor is none of its own.
    if (after === undefined || error instanceof PortError) throw error;
    throw wrongCursor();
  }
}

/** Returns what a group waits for, or the members in its first leaf. */
async function waitsIn(context: Context, header: Header): Promise<readonly WaitView[]> {
  const { wait, jobId, joins, createdAt, deadline, memberCount } = header;
  if (wait) {
    if (wait.of === "execution" || memberCount !== undefined || joins === undefined) return [];
    const at = { since: createdAt, ...(deadline !== undefined && { expiresAt: deadline }) };
    return [{ of: wait.of, name: wait.name, jobId, runId: joins, runs: 1, ...at }];
  }
  const rows = currentRows(await readLeafPage(context, header.gid, 0));
  const more = memberCount === undefined || memberCount > context.config.width;
  const byName = new Map<string, WaitView>();
  for (const run of rows.filter(({ status }) => status === "deferred"))
    for (const { of, name, expiresAt } of unmetOf(run)) {
      if (of !== "event") continue;
      const known = byName.get(name);
      byName.set(name, known ? { ...known, runs: known.runs + 1 } : eventOf(run, name, expiresAt, more));
    }
  return [...byName.values()];
}
function eventOf(run: Run, name: string, expiresAt: number | undefined, more: boolean): WaitView {
  const { jobId, runId, task, sentAt = 0 } = run;
  return {
    of: "event",
    name,
    jobId,
    runId,
    ...(task !== undefined && { task }),
    runs: 1,
    ...(more && { more: true }),
    since: sentAt,
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
/** Leaves out waits of jobs that have been decided, and adds what is known of the others. */
async function withJobs(context: Context, waits: readonly WaitView[]): Promise<readonly WaitView[]> {
  const jobIds = [...new Set(waits.map(({ jobId }) => jobId))];
  const roots = new Map((await readHeaders(context, jobIds)).map((root, k) => [jobIds[k], root]));
  return waits.flatMap((wait) => {
    const root = roots.get(wait.jobId);
    if (!root || root.outcome !== undefined) return [];
    const workflow = root.job?.workflow;
    return { ...wait, ...(workflow !== undefined && { workflow }) };
  });
}
