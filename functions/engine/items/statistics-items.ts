import type { QueueNumbers, TaskNumbers } from "../../core/task/statistics.ts";
import { eachBounded } from "../concurrently.ts";
import { pad, taskKey } from "../item-kinds.ts";
import type { Item, Key, Ports } from "../ports.ts";
import { allOf } from "./all-of.ts";

/**
 * Items of the statistics. Each process adds to the items of one shard. A partition holds an item for each minute, and
 * those of tasks one for all time, so one query reads the last minutes and the total.
 */
export const STATISTICS_SHARDS = 8;
/** An item of a task at one site: one minute, or the total, which says since when it counts. */
export interface TaskStatisticsItem extends Partial<TaskNumbers> {
  readonly site: string;
  readonly total: boolean;
  /** Milliseconds since the epoch. Set only on totals. */
  readonly since?: number;
}
/** An item of a queue, for one minute. `workers` names the processes that have worked for it. */
interface QueueStatisticsItem extends Partial<QueueNumbers> {
  /** When a process began to count in this minute. */
  readonly since?: number;
  readonly workers?: ReadonlySet<string>;
}
/** The directory of tasks that have statistics. */
export const STATISTICS_TASKS = "ST";
/** `name` is the text that `keyText` returns for a task. */
export const statisticsTaskKey = (name: string): Key => taskKey(STATISTICS_TASKS, name);
const taskPartition = (name: string, shard: number): string => `ST#${name}#${shard}`;
const queuePartition = (queue: string, shard: number): string => `SQ#${queue}#${shard}`;
const minuteSort = (minute: number): string => pad(minute, 9);
const TOTAL = "~";
export const taskMinuteKey = (name: string, shard: number, minute: number, site: string): Key =>
  taskKey(taskPartition(name, shard), `${minuteSort(minute)}#${site}`);
export const taskTotalKey = (name: string, shard: number, site: string): Key =>
  taskKey(taskPartition(name, shard), `${TOTAL}#${site}`);
export const queueMinuteKey = (queue: string, shard: number, minute: number): Key =>
  taskKey(queuePartition(queue, shard), minuteSort(minute));

const AT_ONCE = 8;
const SHARDS = Array.from({ length: STATISTICS_SHARDS }, (_, shard) => shard);
/** Reads the minutes of a task from `minute` on, and its totals. A query for each shard. */
export async function readTaskStatistics(
  ports: Pick<Ports, "store">,
  name: string,
  minute: number,
): Promise<readonly TaskStatisticsItem[]> {
  const found = await readShards(ports, (shard) => taskPartition(name, shard), minute);
  return found.map(({ key, attributes }) => {
    const [when = "", site = ""] = key.sort.split("#");
    return { ...(attributes as Partial<TaskNumbers>), site, total: when === TOTAL };
  });
}
/** Reads the minutes of a queue from `minute` on. A query for each shard. */
export async function readQueueStatistics(
  ports: Pick<Ports, "store">,
  queue: string,
  minute: number,
): Promise<readonly QueueStatisticsItem[]> {
  const found = await readShards(ports, (shard) => queuePartition(queue, shard), minute);
  return found.map(({ attributes }) => attributes as unknown as QueueStatisticsItem);
}
async function readShards(
  { store }: Pick<Ports, "store">,
  partition: (shard: number) => string,
  minute: number,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  await eachBounded(SHARDS, AT_ONCE, async (shard) => {
    const range = { from: minuteSort(minute) };
    for await (const { items } of allOf((after) => store.query("tasks", partition(shard), { ...range, ...after })))
      found.push(...items);
  });
  return found;
}
/** Returns the task that an entry of the directory names. */
export const taskOfEntry = ({ attributes }: Item): string => attributes["task"] as string;
