import { ENGINE_QUEUE, parseQueueName } from "../../core/names/queue-name.ts";
import { capOf } from "../admission/backlog.ts";
import { parsePool, type Pool } from "../admission/bulk-pool.ts";
import { all, eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { PARKED_SHARDS, isPaused, type Pause, queryParked, queryPauses } from "../items/pause-items.ts";
import { queryEntries } from "../items/backlog-items.ts";
import { queryDispatchers } from "../items/dispatcher-items.ts";
import type { QueueView } from "../job-views.ts";
import { speedOf, workOf } from "./statistics.ts";

/** Parked messages of one shard of a pause, and entries of a backlog, that are counted. */
const MOST_COUNTED = 1_000;
const AT_ONCE = 8;

/**
 * Returns the queues of the configuration and those in `more`, in the order of their names, with what waits in them and
 * for them, and what is parked because of a pause. What is parked for a job is not counted, because nothing lists paused jobs.
 */
export async function viewQueues(context: Context, more: readonly string[]): Promise<readonly QueueView[]> {
  const dispatchers = (await queryDispatchers(context)).map(({ queue }) => queue);
  const pools = dispatchers.flatMap((name) => parsePool(name) ?? []);
  const dispatched = dispatchers.filter((name) => parsePool(name) === undefined);
  const found = [...dispatched, ...pools.map(({ queue }) => queue)];
  const names = [...new Set([ENGINE_QUEUE, ...(context.config.queues ?? []), ...more, ...found])];
  const pauses = await queryPauses(context);
  const counted = await all(pauses.map((pause) => countParked(context, pause)));
  const views = new Map<string, QueueView>();
  await eachBounded(names, AT_ONCE, async (name) => {
    const depth = await context.queue.depth(name);
    const paused = pauses.some((pause) => isPaused(pause) && holdsAll(pause, name));
    const parked = counted.reduce((sum, { queues }) => sum + (queues.get(name) ?? 0), 0);
    const atLeast = counted.some(({ complete, queues }) => !complete && queues.has(name));
    const speed = speedOf(await workOf(context, name), depth, paused);
    views.set(name, {
      name,
      ...(depth && { depth }),
      ...speed,
      paused,
      parked,
      ...(atLeast && { parkedMore: true }),
      ...(await backlogOf(
        context,
        name,
        capOf(context, name) !== undefined || dispatched.includes(name),
        pools.filter(({ queue }) => queue === name),
      )),
    });
  });
  return [...views.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
/** Whether a pause holds everything of a queue. */
function holdsAll({ target: { kind, name } }: Pause, queue: string): boolean {
  if (queue === ENGINE_QUEUE) return false;
  return kind === "queue" ? name === queue : kind === "site" && name === parseQueueName(queue, { site: "" }).site;
}
async function countParked(
  context: Context,
  { target }: Pause,
): Promise<{ readonly queues: ReadonlyMap<string, number>; readonly complete: boolean }> {
  const queues = new Map<string, number>();
  let complete = true;
  const shards = Array.from({ length: PARKED_SHARDS }, (_, shard) => shard);
  await eachBounded(shards, AT_ONCE, async (shard) => {
    let seen = 0;
    for await (const parked of queryParked(context, target, shard, MOST_COUNTED)) {
      for (const { queue } of parked) queues.set(queue, (queues.get(queue) ?? 0) + 1);
      seen += parked.length;
      if (seen >= MOST_COUNTED) {
        complete = false;
        break;
      }
    }
  });
  return { queues, complete };
}
type Backlog = Pick<QueueView, "cap" | "backlog" | "backlogMore">;
/** Returns what waits for a queue: to be admitted, and for others of a bulk task. */
async function backlogOf(
  context: Context,
  queue: string,
  isCapped: boolean,
  pools: readonly Pool[],
): Promise<Backlog | undefined> {
  if (!isCapped && pools.length === 0) return undefined;
  const names = [...(isCapped ? [queue] : []), ...pools.map(({ name }) => name)];
  const counted = await all(names.map((name) => countBacklog(context, name)));
  const cap = capOf(context, queue);
  return {
    ...(cap !== undefined && { cap }),
    backlog: counted.reduce((sum, { backlog }) => sum + backlog, 0),
    ...(counted.some(({ more }) => more) && { backlogMore: true }),
  };
}
async function countBacklog(
  context: Context,
  queue: string,
): Promise<{ readonly backlog: number; readonly more: boolean }> {
  let backlog = 0;
  let entries = 0;
  let more = false;
  for await (const page of queryEntries(context, queue, { limit: MOST_COUNTED })) {
    backlog += page.reduce((sum, { members }) => sum + members, 0);
    entries += page.length;
    more = entries >= MOST_COUNTED;
    if (more) break;
  }
  return { backlog, more };
}
