import type { JsonObject } from "../../core/json.ts";
import type { Band } from "../../core/plan/priority-band.ts";
import { DEFAULT_BULK } from "../../core/task/bulk.ts";
import { heldIn } from "../admission/backlog.ts";
import type { Pool } from "../admission/bulk-pool.ts";
import type { Context } from "../context.ts";
import { type BacklogEntry, changeEntry, queryEntries } from "../items/backlog-items.ts";
import { removeHeld } from "../items/held-messages.ts";
import { sendBulk } from "../messages/send.ts";
import { type BulkPack, encodeMessage } from "../messages/wire.ts";

/** Calls that one look at a pool sends at most. */
const CALLS_PER_LOOK = 16;
/** Entries that one query of a pool returns. */
const ENTRIES_PER_QUERY = 256;

/** What a look at a pool has done. */
interface CutPool {
  /** Number of calls. */
  readonly sent: number;
  /** Why something is left: for others to share a call, for room in the queue, or for the next look, at once. */
  readonly waits: "none" | "others" | "full" | "more";
  readonly turns: JsonObject;
  /** Milliseconds until the next look, when the time of what waits is known. */
  readonly ms?: number;
}
/** A call that is being put together. */
interface Cut {
  readonly packs: BulkPack[];
  count: number;
  band: Band;
  readonly jobId: string;
}

/**
 * Cuts what waits in a pool into calls of `maxItems` runs, and sends these to the queue of the task. A smaller rest waits
 * for others, until the first of it has waited `maxSeconds`. Then all is sent. Looks begin at the newest and the oldest
 * job in turn, so that neither waits for ever in front of a full queue.
 *
 * Calls are sent, THEN entries are removed or shortened unless somebody has changed them. A death in between sends runs
 * twice instead of never.
 */
export async function cutPool(context: Context, pool: Pool, stored: JsonObject, room: number): Promise<CutPool> {
  const now = context.clock.now();
  const { maxItems, maxSeconds } = context.registry.info(pool.task)?.bulk ?? { ...DEFAULT_BULK, maxSeconds: 0 };
  const { since = now, looks = 0 } = stored as { since?: number; looks?: number };
  const dueIn = since + maxSeconds * 1_000 - now;
  const most = Math.min(CALLS_PER_LOOK, Math.floor(room));
  const turns = { looks: looks + 1, since };
  const { entries, complete } = await readEntries(context, pool, most * maxItems, looks % 2 === 1);
  if (entries.length === 0 && complete) return { sent: 0, waits: "none", turns: { looks } };
  if (most <= 0) return { sent: 0, waits: "full", turns };
  const { calls, rest } = cutEntries(entries, maxItems);
  const [last] = calls.slice(-1);
  const partly = last !== undefined && last.count < maxItems && !(dueIn <= 0 && complete);
  const sending = (partly ? calls.slice(0, -1) : calls).slice(0, most);
  await sendBulk(context, pool, sending);
  const left = await takeOut(context, entries, sending, rest);
  if (complete && !left) return { sent: sending.length, waits: "none", turns: { looks: looks + 1 } };
  if (dueIn > 0 && complete && sending.length < most)
    return { sent: sending.length, waits: "others", turns, ms: dueIn };
  return { sent: sending.length, waits: sending.length >= room ? "full" : "more", turns };
}
async function readEntries(
  context: Context,
  pool: Pool,
  most: number,
  oldest: boolean,
): Promise<{ readonly entries: readonly BacklogEntry[]; readonly complete: boolean }> {
  const entries: BacklogEntry[] = [];
  let members = 0;
  for await (const page of queryEntries(context, pool.name, { limit: ENTRIES_PER_QUERY, oldest })) {
    for (const entry of page) {
      // At least one is read, so that an empty pool is known from one without room in its queue.
      if (members >= most && entries.length > 0) return { entries, complete: false };
      entries.push(entry);
      members += entry.members;
    }
  }
  return { entries, complete: true };
}

/** Divides entries into calls. `rest` says how many members of an entry each call but its last leaves. */
function cutEntries(
  entries: readonly BacklogEntry[],
  maxItems: number,
): { readonly calls: readonly Cut[]; readonly rest: ReadonlyMap<BacklogEntry, readonly Cut[]> } {
  const calls: Cut[] = [];
  const rest = new Map<BacklogEntry, Cut[]>();
  for (const entry of entries) {
    const { gid, step, members } = membersOf(entry);
    for (let from = 0; from < members.length;) {
      let call = calls.at(-1);
      if (!call || call.count >= maxItems)
        calls.push((call = { packs: [], count: 0, band: entry.band, jobId: entry.jobId }));
      const part = members.slice(from, from + maxItems - call.count);
      call.packs.push({ gid, step, members: part });
      call.count += part.length;
      call.band = Math.max(call.band, entry.band) as Band;
      rest.set(entry, [...(rest.get(entry) ?? []), call]);
      from += part.length;
    }
  }
  return { calls, rest };
}
const membersOf = (entry: BacklogEntry): Extract<ReturnType<typeof heldIn>, { kind: "members" }> =>
  heldIn(entry) as Extract<ReturnType<typeof heldIn>, { kind: "members" }>;

/** Removes the entries that were sent whole, and shortens one that was sent in part. Returns whether any is left. */
async function takeOut(
  context: Context,
  entries: readonly BacklogEntry[],
  sent: readonly Cut[],
  callsOf: ReadonlyMap<BacklogEntry, readonly Cut[]>,
): Promise<boolean> {
  const whole: BacklogEntry[] = [];
  let left = false;
  for (const entry of entries) {
    const calls = callsOf.get(entry) ?? [];
    const unsent = calls.filter((call) => !sent.includes(call));
    if (unsent.length === 0) whole.push(entry);
    else left = true;
    if (unsent.length === 0 || unsent.length === calls.length) continue;
    const { gid, step } = membersOf(entry);
    const members = unsent.flatMap(({ packs }) =>
      packs.filter((pack) => pack.gid === gid && pack.step === step).flatMap((pack) => pack.members),
    );
    const own = new Set(membersOf(entry).members);
    const kept = members.filter((index) => own.has(index));
    const body = encodeMessage({ kind: "members", gid, step, members: kept });
    await changeEntry(context, entry, { body, members: kept.length });
  }
  if (whole.length > 0) await removeHeld(context, whole);
  return left;
}
