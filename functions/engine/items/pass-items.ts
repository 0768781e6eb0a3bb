import type { Context } from "../context.ts";
import { ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { Condition, Item, Key, UpdateOp } from "../ports.ts";
import { allOf } from "./all-of.ts";
import { absent, and, eq, lt, or, present } from "./conditions.ts";

/**
 * A pass of a bulk task on one queue: the calls between one run of `beforePass` and one of `afterPass`.
 *
 *     joined (by the first call) -> begun (`beforePass` has ended) -> closing (`afterPass` runs) -> (removed)
 *                                     ^---------------------------------'  (it threw, or its process died)
 *
 * Each call joins before it begins and leaves after its runs are committed, so `afterPass` is owed as long as the item
 * stands.
 */
export interface Pass {
  /** The name of the pool of the task. */
  readonly pool: string;
  /** Names this pass, and not another one of the same pool. */
  readonly pass: string;
  /** Calls that have joined and not left. */
  readonly calls?: ReadonlySet<string>;
  /** When the last of these calls must have ended (ms), should its message be lost. */
  readonly until: number;
  /** When a call joined or left last (ms). */
  readonly lastAt: number;
  readonly begun?: true;
  /** Names the process that runs a hook, and until when it may (ms). */
  readonly hook?: string;
  readonly hookUntil?: number;
  readonly closing?: true;
}
const PASSES = "BP";
const keyOf = (pool: string): Key => taskKey(PASSES, pool);
const asPass = ({ key, attributes }: Item): Pass => ({ pool: key.sort, ...(attributes as object) }) as Pass;

/** Returns the passes that stand. One read, and nothing is there where no bulk task has hooks. */
export async function queryPasses(context: Context): Promise<readonly Pass[]> {
  const passes: Pass[] = [];
  for await (const { items } of allOf((after) => context.store.query("tasks", PASSES, after)))
    passes.push(...items.map(asPass));
  return passes;
}
export async function readPass(context: Context, pool: string): Promise<Pass | undefined> {
  const item = await context.store.get(keyOf(pool), { consistent: true });
  return item && asPass(item);
}
/** Lets a call join the pass of its pool, or begin one. Returns undefined while that pass is closing. 1 write unit. */
export async function joinPass(context: Context, pool: string, call: string, until: number): Promise<Pass | undefined> {
  const { applied, item } = await context.store.write({
    op: "update",
    key: keyOf(pool),
    change: {
      set: { v: ITEM_VERSION, until, lastAt: context.clock.now() },
      setOnce: { pass: context.ids.token() },
      add: { calls: new Set([call]) },
    },
    when: absent("closing"),
  });
  const pass = item && asPass(item);
  return pass && (applied || (pass.calls?.has(call) && !pass.closing)) ? pass : undefined;
}
/** Lets a call leave its pass. Returns the pass when it was the last. 1 write unit. */
export async function leavePass(context: Context, { pool, pass }: Pass, call: string): Promise<Pass | undefined> {
  const { item } = await write(context, pool, and(eq("pass", pass), present("calls")), {
    set: { lastAt: context.clock.now() },
    take: { calls: new Set([call]) },
  });
  const left = item && asPass(item);
  return left && left.pass === pass && (left.calls?.size ?? 0) === 0 ? left : undefined;
}

/**
 * Takes the right to run a hook of a pass until then. `beforePass` runs unless it has, and `afterPass` while no call has
 * joined since the pass was read. Returns the token of the right; undefined while somebody else has it. 1 write unit.
 */
export async function takeHook(
  context: Context,
  { pool, pass, lastAt, until }: Pass,
  hook: "beforePass" | "afterPass",
  hookUntil: number,
): Promise<string | undefined> {
  const token = context.ids.token();
  const now = context.clock.now() - context.config.skewMarginSeconds * 1_000;
  const free = or(absent("hook"), lt("hookUntil", now));
  const allowed =
    hook === "beforePass"
      ? absent("begun")
      : and(eq("lastAt", lastAt), until < now ? present("pass") : absent("calls"));
  const { applied, item } = await write(context, pool, and(eq("pass", pass), free, allowed), {
    set: { hook: token, hookUntil, ...(hook === "afterPass" && { closing: true }) },
  });
  return applied || item?.attributes["hook"] === token ? token : undefined;
}
/** Gives the right back after `beforePass` has ended, or a hook has thrown. Returns whether it was still held. */
export async function leaveHook(
  context: Context,
  { pool }: Pick<Pass, "pool">,
  token: string,
  begun: boolean,
): Promise<boolean> {
  const now = context.clock.now();
  const { applied, item } = await write(context, pool, eq("hook", token), {
    set: begun ? { begun: true } : { lastAt: now },
    remove: ["hook", "hookUntil", "closing"],
  });
  return applied || (begun && item?.attributes["begun"] === true);
}
/** Ends a pass after `afterPass` has ended, or one that has never begun. 1 write unit. */
export async function endPassItem(context: Context, { pool, pass, lastAt }: Pass, token?: string): Promise<void> {
  const when =
    token === undefined
      ? and(eq("pass", pass), absent("begun"), absent("hook"), eq("lastAt", lastAt))
      : eq("hook", token);
  await context.store.write({ op: "remove", key: keyOf(pool), when });
}
function write(
  context: Context,
  pool: string,
  when: Condition,
  change: UpdateOp["change"],
): ReturnType<Context["store"]["write"]> {
  return context.store.write({ op: "update", key: keyOf(pool), change, when });
}
