import { shardOf } from "../../core/items/shard-of.ts";
import { type PauseAttributes, pauseTargetOf, type PauseTarget, pauseText } from "../../core/pause.ts";
import type { Context } from "../context.ts";
import { headerKey, ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { Attributes, Condition, Item, Key, Ports } from "../ports.ts";
import { allOf } from "./all-of.ts";
import { absent, and, eq, lt, or, present } from "./conditions.ts";
import { asHeld, type Held, type HeldAttributes } from "./held-messages.ts";

export interface Pause extends PauseAttributes {
  readonly target: PauseTarget;
  readonly pause: string;
  readonly pausedAt: number;
  /** Set when fanfold.config.ts says so. */
  readonly configured?: true;
}
export const PAUSE_ATTRIBUTES = ["pause", "pausedAt", "inForceAt", "heldUntil", "resuming"] as const;
/** Whether runs must not start. */
export const isPaused = ({ pause, resuming }: PauseAttributes): boolean => pause !== undefined && !resuming;

export const PAUSES = "PZ";
export const PARKED_SHARDS = 16;
/** `target` is the text that `pauseText` returns. */
export const parkedKey = (target: string, shard: number, hash: string): Key => taskKey(`B#${target}#${shard}`, hash);
const keyOf = (target: PauseTarget): Key =>
  target.kind === "job" ? headerKey(target.name) : taskKey(PAUSES, pauseText(target));
/** A job is paused only while it is there and has not ended. */
const mayPause = ({ kind }: PauseTarget): Condition[] => (kind === "job" ? [present(), absent("outcome")] : []);

/** Reads a pause consistently. Returns undefined when there is none. */
export async function readPause(context: Context, target: PauseTarget): Promise<Pause | undefined> {
  return asPause(await context.store.get(keyOf(target), { consistent: true }), target);
}
/** Reads all pauses but those of jobs, consistently. */
export async function queryPauses({ store }: Pick<Ports, "store">): Promise<readonly Pause[]> {
  const pauses: Pause[] = [];
  for await (const { items } of allOf((after) => store.query("tasks", PAUSES, after)))
    for (const item of items) pauses.push(asPause(item, pauseTargetOf(item.key.sort)) as Pause);
  return pauses;
}
/** Pauses unless it is paused. Returns the pause that stands; undefined for a job that has ended. 1 write unit. */
export async function putPause(context: Context, target: PauseTarget, configured: boolean): Promise<Pause | undefined> {
  const set = {
    ...(target.kind !== "job" && { v: ITEM_VERSION }),
    pause: context.ids.token(),
    pausedAt: context.clock.now(),
    ...(configured && { configured }),
  };
  const { item } = await context.store.write({
    op: "update",
    key: keyOf(target),
    change: { set, remove: ["resuming", "inForceAt", "heldUntil", ...(configured ? [] : ["configured"])] },
    when: and(...mayPause(target), or(absent("pause"), present("resuming"))),
  });
  return asPause(item, target);
}
/** Notes that a pause holds by now, if nobody has. Returns the pause that stands. 1 write unit. */
export async function noteInForce(context: Context, seen: Pause): Promise<Pause | undefined> {
  if (seen.inForceAt !== undefined) return seen;
  const { item } = await context.store.write({
    op: "update",
    key: keyOf(seen.target),
    change: { setOnce: { inForceAt: context.clock.now() } },
    when: eq("pause", seen.pause),
  });
  return asPause(item, seen.target);
}
/** Lets runs start again. Returns the pause that stands, whose parked messages have to be sent. 1 write unit. */
export async function putResuming(context: Context, seen: Pause): Promise<Pause | undefined> {
  const { item } = await context.store.write({
    op: "update",
    key: keyOf(seen.target),
    change: { set: { resuming: true } },
    when: eq("pause", seen.pause),
  });
  return asPause(item, seen.target);
}
/** Ends a pause whose parked messages have all been sent. 1 write unit. */
export async function endPause(context: Context, { target, pause }: Pause): Promise<void> {
  const key = keyOf(target);
  const when = and(eq("pause", pause), present("resuming"));
  await context.store.write(
    target.kind === "job"
      ? { op: "update", key, change: { remove: PAUSE_ATTRIBUTES }, when }
      : { op: "remove", key, when },
  );
}
/** Notes that a run is held until then, before its lease is renewed. 1 write unit. */
export async function noteHeld(context: Context, target: PauseTarget, pause: string, until: number): Promise<void> {
  await context.store.write({
    op: "update",
    key: keyOf(target),
    change: { set: { heldUntil: until } },
    when: and(eq("pause", pause), or(absent("heldUntil"), lt("heldUntil", until))),
  });
}
function asPause(item: Item | undefined, target: PauseTarget): Pause | undefined {
  const { pause, pausedAt, inForceAt, heldUntil, resuming, configured } = (item?.attributes ?? {}) as Partial<Pause>;
  if (pause === undefined || pausedAt === undefined) return undefined;
  return {
    target,
    pause,
    pausedAt,
    ...(inForceAt !== undefined && { inForceAt }),
    ...(heldUntil !== undefined && { heldUntil }),
    ...(resuming && { resuming }),
    ...(configured && { configured }),
  };
}

/** A message that was taken from its queue because of a pause. */
export type Parked = Held;
/** Keeps a message. Equal messages of one pause are one item. 1 write unit for a message under 1 KB. */
export async function putParked(
  context: Context,
  target: PauseTarget,
  message: Omit<HeldAttributes, "token">,
): Promise<Parked> {
  const hash = context.ids.hash(JSON.stringify(message.body)).slice(0, 32);
  const parked = { ...message, token: context.ids.token() };
  const key = parkedKey(pauseText(target), shardOf(hash, PARKED_SHARDS), hash);
  await context.store.write({ op: "put", key, attributes: parked as unknown as Attributes });
  return { key, ...parked };
}
/** Reads the messages of one shard of a pause, page by page. */
export async function* queryParked(
  context: Context,
  target: PauseTarget,
  shard: number,
  limit: number,
): AsyncGenerator<readonly Parked[], void, undefined> {
  const { partition } = parkedKey(pauseText(target), shard, "");
  for await (const { items } of allOf((after) => context.store.query("tasks", partition, { limit, ...after })))
    yield items.map(asHeld);
}
