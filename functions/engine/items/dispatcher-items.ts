import type { JsonObject } from "../../core/json.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { Attributes, Item, Key } from "../ports.ts";
import { allOf } from "./all-of.ts";
import { absent, and, eq, lt, or } from "./conditions.ts";

/**
 * The right to admit what waits for one queue, which one process has at a time. Its lease bounds by how much a queue may
 * exceed its cap; no message depends on it.
 *
 *     free -> held (by a token, until a time) -> free
 *              held, wanted: somebody has put something since, so the holder looks again
 */
export interface Dispatcher {
  readonly queue: string;
  readonly token?: string;
  readonly leaseUntil?: number;
  /** Where the turns of the queue are (admission/turns.ts). */
  readonly turns?: JsonObject;
  /** What was sent a short while ago (control/dispatch.ts). */
  readonly recent?: JsonObject;
  /** Names the message by which the next look is made, and when that is due (ms). */
  readonly next?: string;
  readonly nextAt?: number;
}
export type HeldDispatcher = Dispatcher & { readonly token: string; readonly leaseUntil: number };
const DISPATCHERS = "BD";
const keyOf = (queue: string): Key => taskKey(DISPATCHERS, queue);
const asDispatcher = ({ key, attributes }: Item): Dispatcher => ({ queue: key.sort, ...(attributes as object) });

/** Returns the queues that ever had a backlog. One read, and nothing is there in a deployment without caps. */
export async function queryDispatchers(context: Context): Promise<readonly Dispatcher[]> {
  const all: Dispatcher[] = [];
  for await (const { items } of allOf((after) => context.store.query("tasks", DISPATCHERS, after)))
    all.push(...items.map(asDispatcher));
  return all;
}
/**
 * Becomes the dispatcher of a queue for the time of a lease. While another one is, that one is asked to look again, and
 * the time (ms) is returned at which its lease is over. 1 write unit, or 2.
 */
export async function becomeDispatcher(
  context: Context,
  queue: string,
): Promise<{ readonly held: HeldDispatcher } | { readonly until: number }> {
  const { leaseSeconds, skewMarginSeconds } = context.config;
  const token = context.ids.token();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const now = context.clock.now();
    const leaseUntil = now + leaseSeconds * 1_000;
    const { applied, item } = await context.store.write({
      op: "update",
      key: keyOf(queue),
      change: { set: { v: ITEM_VERSION, token, leaseUntil }, remove: ["wanted"] },
      when: or(absent("token"), lt("leaseUntil", now - skewMarginSeconds * 1_000)),
    });
    const seen = item && asDispatcher(item);
    if (applied || seen?.token === token) return { held: { ...seen, queue, token, leaseUntil: seen?.leaseUntil ?? 0 } };
    if (seen?.token === undefined) continue;
    const wanted = await context.store.write({
      op: "update",
      key: keyOf(queue),
      change: { set: { wanted: true } },
      when: eq("token", seen.token),
    });
    if (wanted.applied) return { until: (seen.leaseUntil ?? 0) + skewMarginSeconds * 1_000 };
  }
  return { until: context.clock.now() };
}
/** Dispatchers that may come and go while another process asks. */
const MOST_TRIES = 10;
/**
 * Gives the right back, with what the next dispatcher has to know. When somebody has asked for another look since, the
 * right is kept, and the time (ms) is returned until when. 1 write unit, or 2.
 */
export async function leaveDispatcher(
  context: Context,
  { queue, token }: HeldDispatcher,
  left: Partial<Record<"turns" | "recent", JsonObject | undefined>> & Pick<Dispatcher, "next" | "nextAt">,
): Promise<number | undefined> {
  const set = Object.fromEntries(Object.entries(left).filter(([, value]) => value !== undefined)) as Attributes;
  const removed = (["next", "nextAt"] as const).filter((name) => left[name] === undefined);
  const { applied, item } = await context.store.write({
    op: "update",
    key: keyOf(queue),
    change: { set, remove: ["token", "leaseUntil", ...removed] },
    when: and(eq("token", token), absent("wanted")),
  });
  if (applied || item?.attributes["token"] !== token) return undefined;
  const leaseUntil = context.clock.now() + context.config.leaseSeconds * 1_000;
  const again = await context.store.write({
    op: "update",
    key: keyOf(queue),
    change: { set: { leaseUntil }, remove: ["wanted"] },
    when: eq("token", token),
  });
  return again.applied ? leaseUntil : undefined;
}
