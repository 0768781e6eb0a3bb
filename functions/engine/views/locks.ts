import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import {
  asLimitInUse,
  asLockWaiter,
  asRate,
  type LimitInUseAttributes,
  LIMITS_IN_USE,
  lockWaitPartition,
  rateKey,
} from "../items/lock-items.ts";
import { keyText } from "../jobs/failures.ts";
import type { LockUser, LockView, Page } from "../job-views.ts";
import type { LockFilter } from "../requests.ts";
import { holdersOf } from "../waits/lock-holders.ts";
import { familyOf, type Lock, parseLock } from "../waits/lock-names.ts";
import { wrongCursor } from "./job-view.ts";

const SHOWN_HOLDERS = 100;
const SHOWN_WAITERS = 10;
/** Waiters that are counted. Of more it is only said that there are more. */
const COUNTED = 1_000;
const AT_ONCE = 8;

const CURSOR = /^[!-~]{1,200}#[a-z0-9-]{1,40}$/;
/**
 * Lists the locks and limits that runs hold, wait for or have started under, in the order of their keys. A page may be
 * empty although more follow. Costs two or three read units for each key that it looks at.
 */
export async function listLocks(context: Context, { key, limit = 50, cursor }: LockFilter): Promise<Page<LockView>> {
  if (cursor !== undefined && !CURSOR.test(cursor)) throw wrongCursor();
  const name = key === undefined ? undefined : keyText(context, key);
  const page = await context.store.query("tasks", LIMITS_IN_USE, {
    ...(name !== undefined && { from: `${name}#`, to: `${name}#~` }),
    limit: Math.min(limit, 100),
    ...(cursor !== undefined && { cursor }),
  });
  const views = new Map<number, LockView>();
  await eachBounded([...page.items.map(asLimitInUse).entries()], AT_ONCE, async ([k, each]) => {
    const view = await viewOf(context, each);
    if (view) views.set(k, view);
  });
  const items = page.items.flatMap((_, k) => views.get(k) ?? []);
  return { items, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}

function viewOf(context: Context, inUse: LimitInUseAttributes): Promise<LockView | undefined> {
  const { kind, key, limit = 1, per } = inUse;
  if (per !== undefined) return viewRate(context, { key, limit, per });
  return viewLock(context, kind === "lock" ? { mode: "write", key } : { mode: "place", limit, key });
}
async function viewLock(context: Context, lock: Lock): Promise<LockView | undefined> {
  const holders = await holdersOf(context, lock);
  const waiters = await context.store.query("tasks", lockWaitPartition(familyOf(lock), lock.key), { limit: COUNTED });
  if (holders.length === 0 && waiters.items.length === 0) return undefined;
  const shared = lock.mode !== "place";
  return {
    kind: shared ? "lock" : "concurrency",
    key: lock.key,
    ...(lock.mode === "place" && { limit: lock.limit }),
    holders: holders.slice(0, SHOWN_HOLDERS).map(({ runId, task, at, attempt, sort }) => ({
      ...userOf(runId, task, at),
      attempt,
      ...(shared && { mode: sort === "w" ? ("write" as const) : ("read" as const) }),
    })),
    waiters: waiters.items
      .slice(0, SHOWN_WAITERS)
      .map(asLockWaiter)
      .map(({ runId, task, since, wants }) => {
        const { mode } = parseLock(wants.slice(wants.indexOf(":") + 1));
        return { ...userOf(runId, task, since), ...(mode !== "place" && { mode }) };
      }),
    waiting: waiters.items.length,
    ...(waiters.cursor !== undefined && { more: true }),
  };
}
function userOf(runId: string, task: string | undefined, since: number): LockUser {
  return { runId, ...(task !== undefined && { task }), since };
}
async function viewRate(
  context: Context,
  { key, limit, per }: { readonly key: string; readonly limit: number; readonly per: number },
): Promise<LockView | undefined> {
  const rate = asRate(await context.store.get(rateKey(per, key)));
  const now = Math.floor(context.clock.now() / (per * 1_000));
  const { window = -1, used = 0, queue = -1, queued = 0 } = rate ?? {};
  if (window < now && queue < now) return undefined;
  const started = window === now ? used : 0;
  const next = queue > now ? queue + (queued < limit ? 0 : 1) : now + 1;
  const waits = queue > now || started >= limit;
  return { kind: "rate", key, limit, per, started, ...(waits && { nextAt: next * per * 1_000 }) };
}
