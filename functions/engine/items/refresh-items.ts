import type { Context } from "../context.ts";
import { attributesOf, ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { Key } from "../ports.ts";
import { absent, and, eq, lt, or } from "./conditions.ts";
import type { ListPlace } from "./identity-list.ts";

/**
 * The pass that makes the outdated ends of a task anew (control/refresh-outdated.ts). There is one item for each task
 * that asks for it, without an end of life. It says for which version the last pass was begun, and how far that is.
 */
export interface Refresh extends ListPlace {
  readonly version: number;
  /** Until when the pass is being made, in milliseconds since the epoch. Absent once it has come to its end. */
  readonly until?: number;
  /** Rounds that the pass has begun. */
  readonly begun: number;
}
const refreshKey = (task: string): Key => taskKey("TV", task);

export async function readRefresh({ store }: Pick<Context, "store">, task: string): Promise<Refresh | undefined> {
  const item = await store.get(refreshKey(task), { consistent: true });
  return item && (item.attributes as unknown as Refresh);
}
/** Begins the pass for a version, unless one was begun for that or for a higher one. One unit. */
export async function beginRefresh({ store }: Context, task: string, version: number, until: number): Promise<boolean> {
  const { applied } = await store.write({
    op: "update",
    key: refreshKey(task),
    change: { set: { v: ITEM_VERSION, version, shard: 0, begun: 0, until }, remove: ["after"] },
    when: or(absent(), lt("version", version)),
  });
  return applied;
}
/** Takes over a pass whose message was lost. Refused when it goes on, or has ended. One unit. */
export async function renewRefresh({ store }: Context, task: string, seen: Refresh, until: number): Promise<boolean> {
  const when = and(eq("version", seen.version), eq("until", seen.until ?? 0));
  return (await store.write({ op: "update", key: refreshKey(task), change: { set: { until } }, when })).applied;
}
/** Notes how far a pass is, or that it has come to its end. Refused when another process has gone on. One unit. */
export async function advanceRefresh(
  { store }: Context,
  task: string,
  seen: Refresh,
  { begun, until, next }: { readonly begun: number; readonly until: number; readonly next?: ListPlace },
): Promise<boolean> {
  const at = seen.after === undefined ? absent("after") : eq("after", seen.after);
  const when = and(eq("version", seen.version), eq("shard", seen.shard), at);
  const place = next ?? { shard: seen.shard };
  const set = {
    shard: place.shard,
    begun,
    ...(next && { until }),
    ...(place.after !== undefined && { after: place.after }),
  };
  const remove = [...(place.after === undefined ? ["after"] : []), ...(next ? [] : ["until"])];
  const change = { set: attributesOf(set as object), remove };
  return (await store.write({ op: "update", key: refreshKey(task), change, when })).applied;
}
