import type { RateLimit } from "../../core/task/run-limits.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, type Run } from "../item-kinds.ts";
import { absent, and, eq, lt, not, or } from "../items/conditions.ts";
import { asRate, type RateAttributes, rateKey } from "../items/lock-items.ts";
import type { Change, Condition } from "../ports.ts";

/**
 * Rate limits. One item counts the starts of the present window. It also plans later starts: a run that is refused is
 * told the window in which it comes back, `limit` of them for each window. So no run comes back in vain while others
 * wait before it, and a start is counted only where it happens.
 *
 *     start    used + 1       IF window is the present one and used < limit; a newcomer also waits behind planned starts
 *     refused  queued + 1     IF queued < limit, else the next window is opened with queued = 1
 */

/** Counts a start. Returns undefined when the run may start, else the time at which it comes back (ms). */
export async function takeRate(
  context: Context,
  run: Run,
  { per, limit, key }: Required<RateLimit>,
): Promise<number | undefined> {
  const length = per * 1_000;
  const own = Math.floor(context.clock.now() / length);
  const start = `${run.runId}#${run.attempt}`;
  const planned = run.parked?.on === rateName(per, key);
  const write = async (
    change: Change,
    when: Condition,
  ): Promise<{ applied: boolean; rate: RateAttributes | undefined }> => {
    const { applied, item } = await context.store.write({ op: "update", key: rateKey(per, key), change, when });
    return { applied, rate: asRate(item) };
  };
  /** Nobody is planned for later than window `now`, or this run was planned before. */
  const noneBefore = (now: number): Condition[] => (planned ? [] : [or(absent("queue"), lt("queue", now + 1))]);
  const ttl = (window: number): number => Math.ceil((window + 1) * per + KEPT_SECONDS);
  let seen: RateAttributes | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    // The clock of another process may be ahead.
    const now = Math.max(own, seen?.window ?? 0);
    const begins = seen === undefined || seen.window < now;
    const free = await write(
      begins && tries > 0
        ? { set: { v: ITEM_VERSION, window: now, used: 1, last: start, ttl: ttl(now) } }
        : { set: { last: start }, add: { used: 1 } },
      and(
        ...(begins && tries > 0 ? [or(absent("window"), lt("window", now))] : [eq("window", now), lt("used", limit)]),
        ...noneBefore(now),
      ),
    );
    if (free.applied || free.rate?.last === start) return undefined;
    seen = free.rate;
    // There is room, or the item is of a later window. Another process was faster, and the next try goes by the item.
    const isRoom = seen === undefined || seen.window !== now || seen.used < limit;
    const isAhead = (seen?.queue ?? 0) > now && !planned;
    if ((isRoom && !isAhead) || (seen?.window ?? 0) > now) continue;
    const { queue = 0 } = seen ?? {};
    const last = Math.max(queue, now);
    const next = queue > now ? queue : now + 1;
    const more = queue > now && (seen?.queued ?? 0) >= limit;
    const to = more ? queue + 1 : next;
    const plan = await write(
      to > last ? { set: { queue: to, queued: 1, ttl: ttl(to) } } : { add: { queued: 1 } },
      to > last
        ? and(queue > 0 ? eq("queue", queue) : absent("queue"), ...(more ? [not(lt("queued", limit))] : []))
        : and(eq("queue", queue), lt("queued", limit)),
    );
    if (plan.applied) return to * length;
    seen = plan.rate;
  }
  // Many runs ask at once. Any later time is right: the run then asks again.
  return (own + 1 + Math.floor(context.ids.random() * MOST_TRIES)) * length;
}
export const rateName = (per: number, key: string): string => `rate:${per}#${key}`;
const MOST_TRIES = 12;
/** Seconds for which the item is kept after its last window. */
const KEPT_SECONDS = 86_400;
