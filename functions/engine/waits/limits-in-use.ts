import type { RateLimit } from "../../core/task/run-limits.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION } from "../item-kinds.ts";
import { absent, lt, or } from "../items/conditions.ts";
import { keyText } from "../jobs/failures.ts";
import { type LimitInUseAttributes, limitInUseKey } from "../items/lock-items.ts";
import type { UpdateOp } from "../ports.ts";
import type { Lock } from "./lock-names.ts";

const DAY_SECONDS = 86_400;
/** Days for which a limit that nobody asks for any more is listed. */
const LISTED_DAYS = 7;

/**
 * Puts limits into the directory, so that they can be listed. Costs one write unit for each that this process has not
 * met for a day.
 */
export async function noteLimitsInUse(
  context: Context,
  locks: readonly Lock[],
  rate: Required<RateLimit> | undefined,
): Promise<void> {
  const now = Math.floor(context.clock.now() / 1_000);
  const ops: UpdateOp[] = [];
  const note = (kind: string, attributes: Omit<LimitInUseAttributes, "v" | "ttl" | "kind">): void => {
    const key = limitInUseKey(keyText(context, attributes.key), kind);
    if (context.limitsInUse.knownUntil(key.sort) > now + (LISTED_DAYS - 1) * DAY_SECONDS) return;
    const ttl = now + LISTED_DAYS * DAY_SECONDS;
    context.limitsInUse.remember(key.sort, ttl);
    ops.push({
      op: "update",
      key,
      change: { set: { v: ITEM_VERSION, ttl, kind, ...attributes } },
      when: or(absent(), lt("ttl", ttl)),
    });
  };
  for (const lock of locks) {
    const { key } = lock;
    if (lock.mode === "place") note("concurrency", { key, limit: lock.limit });
    else note("lock", { key });
  }
  if (rate) note(`rate-${rate.per}`, rate);
  if (ops.length > 0) await context.store.writeMany(ops);
}
