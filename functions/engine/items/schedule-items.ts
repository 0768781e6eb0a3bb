import { shardOf } from "../../core/items/shard-of.ts";
import type { Json } from "../../core/json.ts";
import { isScheduleName } from "../../core/schedule/read-schedule.ts";
import type { ScheduleSpec } from "../../core/schedule/schedule.ts";
import type { Context } from "../context.ts";
import { DUE_SHARDS, dueShard, ITEM_VERSION, taskKey } from "../item-kinds.ts";
import type { Attributes, Item, Key } from "../ports.ts";
import { absent, and, eq } from "./conditions.ts";

/**
 * A schedule. Its item is the truth, and messages only say that it should be looked at. Every change but that of `due`
 * gives it a new `rev`, which is the condition of the next change.
 *
 *     active  `next` is set: it fires then
 *     paused  `paused` is set: nothing happens until it is resumed
 *     ended   neither: there is no further time
 */
export interface ScheduleAttributes {
  readonly v: number;
  readonly rev: string;
  readonly spec: ScheduleSpec;
  /** A schedule of the configuration is changed and removed only there. */
  readonly origin: "api" | "config";
  readonly createdAt: number;
  /** Where intervals without a start begin. */
  readonly anchor: number;
  readonly paused?: true;
  /** The nominal time of the next firing. */
  readonly next?: number;
  /** The last nominal time that has fired, and the newest job of each element. */
  readonly lastAt?: number;
  readonly jobs?: { readonly [element: string]: ScheduledJob };
  /** Elements whose jobs were decided, and may not have been started yet. */
  readonly owed?: readonly string[];
  /** Nominal times whose jobs wait for the end of the job before, by element. */
  readonly queued?: { readonly [element: string]: QueuedTime };
  /** Firings of an element that were left out because the job before had not ended. */
  readonly skipped?: number;
  /** Why the last firing could not start a job. */
  readonly error?: { readonly code: string; readonly message: string; readonly at: number };
  /** When the sweeper looks at it next. Absent when there is nothing to look for. */
  readonly due?: number;
  readonly dueShard?: string;
}
export interface QueuedTime {
  readonly at: number;
  /** What the id of its job is made of in place of the time, when somebody asked for the firing. */
  readonly mark?: string;
}
export interface ScheduledJob {
  readonly jobId: string;
  /** The nominal time. */
  readonly at: number;
  /** The job before, which has to be cancelled first. */
  readonly over?: string;
}
export interface Schedule extends ScheduleAttributes {
  readonly name: string;
}
const scheduleKey = (name: string, list = "all"): Key => taskKey(`SC#${list}`, name);
const SCHEDULES = scheduleKey("").partition;
/** Says which schedules of the configuration were put last. */
const CONFIGURED = scheduleKey("!", "config");
/** What a change sets. What is undefined is removed. */
export type ScheduleChange = { readonly [K in keyof ScheduleAttributes]?: ScheduleAttributes[K] | undefined };

/** The schedule as it stands, and whether it is by this write. */
export interface Changed {
  readonly applied: boolean;
  readonly schedule: Schedule | undefined;
}

/** Reads a schedule. Callers may name anything; what cannot be a name need not fit into a key. */
export async function readSchedule(context: Context, name: string): Promise<Schedule | undefined> {
  if (!isScheduleName(name)) return undefined;
  return asSchedule(await context.store.get(scheduleKey(name), { consistent: true }));
}
/** Reads a page of schedules, in the order of their names. */
export async function querySchedules(
  context: Context,
  limit: number,
  cursor: string | undefined,
): Promise<{ readonly schedules: readonly Schedule[]; readonly cursor?: string }> {
  const page = await context.store.query("tasks", SCHEDULES, { limit, ...(cursor !== undefined && { cursor }) });
  const schedules = page.items.map((item) => asSchedule(item) as Schedule);
  return { schedules, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}
/** Puts a schedule unless there is one of this name. Returns like `changeSchedule`. 2 write units, with the index. */
export async function createSchedule(
  context: Context,
  name: string,
  schedule: ScheduleChange & Pick<ScheduleAttributes, "spec" | "origin" | "createdAt" | "anchor">,
): Promise<Changed> {
  const rev = context.ids.token();
  const attributes = definedOf({ v: ITEM_VERSION, rev, ...schedule, ...inIndex(name, dueOf(schedule)) });
  const { item } = await context.store.write({
    op: "put",
    key: scheduleKey(name),
    attributes,
    when: absent(),
  });
  return { applied: item?.attributes["rev"] === rev, schedule: asSchedule(item) };
}
/**
 * Changes a schedule that nobody has changed since it was read. Returns the schedule as it stands, and whether it is
 * this change that stands. 1 write unit, and 2 of the index when `due` changes.
 */
export async function changeSchedule(
  context: Context,
  seen: Schedule,
  change: ScheduleChange,
  due = dueOf({ ...seen, ...change }),
): Promise<Changed> {
  const rev = context.ids.token();
  const values = { ...change, rev, ...inIndex(seen.name, due) };
  const remove = Object.keys(values).filter((name) => values[name as keyof typeof values] === undefined);
  const { item } = await context.store.write({
    op: "update",
    key: scheduleKey(seen.name),
    change: { set: definedOf(values), ...(remove.length > 0 && { remove }) },
    when: eq("rev", seen.rev),
  });
  return { applied: item?.attributes["rev"] === rev, schedule: asSchedule(item) };
}
function definedOf(values: ScheduleChange): Attributes {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Attributes;
}
/** A schedule is looked at when it fires, and at once when jobs are owed or wait. */
function dueOf({ paused, next, queued, owed }: ScheduleChange): number | undefined {
  if (owed || (queued && !paused)) return AT_ONCE;
  return paused ? undefined : next;
}
const AT_ONCE = 0;
function inIndex(name: string, due: number | undefined): Pick<ScheduleChange, "due" | "dueShard"> {
  return { due, dueShard: due === undefined ? undefined : dueShard(shardOf(name, DUE_SHARDS)) };
}
/** Notes when the sweeper looks again, after a message was sent. 1 write unit, and 2 of the index. */
export async function postponeSchedule(context: Context, seen: Schedule, due: number): Promise<void> {
  await context.store.write({
    op: "update",
    key: scheduleKey(seen.name),
    change: { set: { due } },
    when: and(eq("rev", seen.rev), seen.due === undefined ? absent("due") : eq("due", seen.due)),
  });
}
/** Removes a schedule. Returns false when there was none. */
export async function removeSchedule(context: Context, { name, rev }: Schedule): Promise<boolean> {
  const { applied } = await context.store.write({ op: "remove", key: scheduleKey(name), when: eq("rev", rev) });
  return applied;
}
/** Returns the hash of the schedules of the configuration that were put last. */
export async function readConfigured(context: Context): Promise<Json | undefined> {
  const item = await context.store.get(CONFIGURED, { consistent: true });
  return item?.attributes["hash"] as Json | undefined;
}
export async function putConfigured(context: Context, hash: string): Promise<void> {
  await context.store.write({ op: "put", key: CONFIGURED, attributes: { v: ITEM_VERSION, hash } });
}

function asSchedule(item: Item | undefined): Schedule | undefined {
  return item && ({ name: item.key.sort, ...item.attributes } as unknown as Schedule);
}
