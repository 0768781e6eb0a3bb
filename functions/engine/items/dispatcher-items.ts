import type { JsonObject } from "../../core/json.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { Attributes, Item, Key } from "../ports.ts";
import { allOf } from "./all-of.ts";
import { absent, eq, lt, or } from "./conditions.ts";

/**
 * The right to admit what waits for one queue, which one process has at a time, until its lease is over. It bounds by
 * how much a queue may exceed its cap; no message depends on it.
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
 * Becomes the dispatcher of a queue for the time of a lease. While another one is, the time (ms) is returned at which its
 * lease is over. 1 write unit.
 */
export async function becomeDispatcher(
  context: Context,
  queue: string,
): Promise<{ readonly held: HeldDispatcher } | { readonly until: number }> {
  const { leaseSeconds, skewMarginSeconds } = context.config;
  const token = context.ids.token();
  const now = context.clock.now();
  const leaseUntil = now + leaseSeconds * 1_000;
  const { applied, item } = await context.store.write({
    op: "update",
    key: keyOf(queue),
    change: { set: { v: ITEM_VERSION, token, leaseUntil } },
    when: or(absent("token"), lt("leaseUntil", now - skewMarginSeconds * 1_000)),
  });
  const seen = item && asDispatcher(item);
  if (applied || seen?.token === token) return { held: { ...seen, queue, token, leaseUntil } };
  return { until: (seen?.leaseUntil ?? now) + skewMarginSeconds * 1_000 };
}
/** Makes a queue known to the sweeper, before anything waits for it. 1 write unit. */
export async function ensureDispatcher(context: Context, queue: string): Promise<void> {
  await context.store.write({ op: "put", key: keyOf(queue), attributes: { v: ITEM_VERSION }, when: absent() });
}
/** Gives the right back, with what the next dispatcher has to know, unless it was lost. 1 write unit. */
export async function leaveDispatcher(
  context: Context,
  { queue, token }: HeldDispatcher,
  left: Partial<Record<"turns" | "recent", JsonObject | undefined>> & Pick<Dispatcher, "next" | "nextAt">,
): Promise<void> {
  const set = Object.fromEntries(Object.entries(left).filter(([, value]) => value !== undefined)) as Attributes;
  const removed = (["next", "nextAt"] as const).filter((name) => left[name] === undefined);
  await context.store.write({
    op: "update",
    key: keyOf(queue),
    change: { set, remove: ["token", "leaseUntil", ...removed] },
    when: eq("token", token),
  });
}
