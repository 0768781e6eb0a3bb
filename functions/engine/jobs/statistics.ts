import { shardOf } from "../../core/items/shard-of.ts";
import type { TaskMetric } from "../../core/names/task-metrics.ts";
import { ENGINE_QUEUE, parseQueueName } from "../../core/names/queue-name.ts";
import type { TaskStep } from "../../core/plan/plan.ts";
import type { QueueNumbers, TaskNumbers } from "../../core/task/statistics.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context, Statistics } from "../context.ts";
import { ITEM_VERSION } from "../item-kinds.ts";
import {
  queueMinuteKey,
  STATISTICS_SHARDS,
  statisticsTaskKey,
  taskMinuteKey,
  taskTotalKey,
} from "../items/statistics-items.ts";
import { type Change, type Key, PortError, type UpdateOp, type Watch } from "../ports.ts";
import { keyText } from "./failures.ts";

/** What a process has added up in one minute. */
interface Minute {
  readonly minute: number;
  readonly startedAt: number;
  /** By queue and task. */
  readonly tasks: Map<string, Map<string, Partial<TaskNumbers>>>;
  readonly queues: Map<string, QueueNumbers>;
}
/** Writes that the store has refused, and that the next flush repeats. More of them are dropped. */
const MOST_OWED = 1_000;
/** Minutes that are kept while nobody flushes. Older ones are dropped. */
const MOST_MINUTES = 10;

/** The metric of each number that has one. */
const METRIC_OF: { readonly [name in keyof TaskNumbers]?: TaskMetric } = {
  success: "run_success",
  skipped: "run_skipped",
  error: "run_error",
  broken: "run_broken",
  cancelled: "run_cancelled",
  retried: "run_retried",
  killed: "task_killed",
};

/**
 * Adds up what this process sees of tasks and queues. Nothing is written until a flush, so a run costs no write.
 * `flushStatistics` takes what there is, and each number is written at most once.
 */
export class Tally implements Statistics {
  #minutes: Minute[] = [];
  #owed: UpdateOp[] = [];
  #process: string | undefined;
  readonly #counted: Watch["counted"];

  constructor(watch?: Watch) {
    this.#counted = watch?.counted?.bind(watch);
  }
  add(now: number, task: string, queue: string, numbers: Partial<TaskNumbers>): void {
    const minute = this.#minuteOf(now);
    let tasks = minute.tasks.get(queue);
    if (!tasks) minute.tasks.set(queue, (tasks = new Map()));
    let sum = tasks.get(task);
    if (!sum) tasks.set(task, (sum = {}));
    for (const name in numbers) {
      const by = numbers[name as keyof TaskNumbers] as number;
      if (by <= 0) continue;
      sum[name as keyof TaskNumbers] = (sum[name as keyof TaskNumbers] ?? 0) + by;
      const metric = METRIC_OF[name as keyof TaskNumbers];
      if (metric && this.#counted) this.#counted(metric, task, siteOf(queue), by);
    }
  }
  note(metric: TaskMetric, task: string, queue: string): void {
    this.#counted?.(metric, task, siteOf(queue), 1);
  }
  addQueue(now: number, queue: string, what: keyof QueueNumbers): void {
    const { queues } = this.#minuteOf(now);
    let sum = queues.get(queue);
    if (!sum) queues.set(queue, (sum = { runs: 0, messages: 0 }));
    sum[what]++;
  }
  /** Returns what was added since the last call. */
  take(): readonly Minute[] {
    const minutes = this.#minutes;
    this.#minutes = [];
    return minutes;
  }
  takeOwed(): readonly UpdateOp[] {
    const owed = this.#owed;
    this.#owed = [];
    return owed;
  }
  owe(op: UpdateOp): void {
    if (this.#owed.length < MOST_OWED) this.#owed.push(op);
  }
  /** Returns a short name of this process, by which it is counted as a worker. */
  processName({ ids }: Pick<Context, "ids">): string {
    return (this.#process ??= ids.hash(ids.token()).slice(0, 8));
  }
  #minuteOf(now: number): Minute {
    const minute = Math.floor(now / 60_000);
    const last = this.#minutes.at(-1);
    if (last?.minute === minute) return last;
    const next = { minute, startedAt: now, tasks: new Map(), queues: new Map() };
    this.#minutes.push(next);
    if (this.#minutes.length > MOST_MINUTES) this.#minutes.shift();
    return next;
  }
}

/** Adds an attempt whose worker has died, or has lost its lease. */
export function countKilled(context: Context, step: TaskStep): void {
  const queue = context.queueNames.of(step.options?.queue ?? context.registry.info(step.task)?.queue);
  context.statistics.add(context.clock.now(), step.task, queue, { killed: 1 });
}

/** Items of a minute are read for five minutes, and those of all time as long as the task runs now and then. */
const MINUTE_SECONDS = 3_600;
const LIFE_SECONDS = 400 * 86_400;
const DAY_SECONDS = 86_400;
const AT_ONCE = 16;

/**
 * Writes what this process has added up since the last flush. Never throws: what the store refuses is written by the
 * next flush, and what it may have taken is not repeated. Costs two write units for each task and site, and one for
 * each queue.
 */
export async function flushStatistics(context: Context): Promise<void> {
  const { statistics, store } = context;
  const ops = [...statistics.takeOwed(), ...opsOf(context, statistics.take())];
  await eachBounded(ops, AT_ONCE, async (op) => {
    try {
      await store.write(op);
    } catch (error) {
      const unwritten = error instanceof PortError && error.kind !== "ambiguous";
      if (unwritten || op.change.add === undefined) statistics.owe(op);
    }
  });
}
function opsOf(context: Context, minutes: ReturnType<Statistics["take"]>): readonly UpdateOp[] {
  if (minutes.length === 0) return [];
  const sums = new Sums();
  const now = Math.floor(context.clock.now() / 1_000);
  const process = context.statistics.processName(context);
  const shard = shardOf(process, STATISTICS_SHARDS);
  for (const { minute, startedAt, tasks, queues } of minutes) {
    const short = { v: ITEM_VERSION, ttl: now + MINUTE_SECONDS };
    for (const [queue, numbers] of queues) {
      const seen = { set: short, setOnce: { since: startedAt }, add: { workers: new Set([process]) } };
      sums.add(queueMinuteKey(queue, shard, minute), seen, { ...numbers });
    }
    for (const [queue, ofQueue] of tasks) {
      const site = siteOf(queue);
      for (const [task, numbers] of ofQueue) {
        const name = keyText(context, task);
        sums.add(taskMinuteKey(name, shard, minute, site), { set: short }, numbers);
        const life = { v: ITEM_VERSION, ttl: now + LIFE_SECONDS };
        sums.add(taskTotalKey(name, shard, site), { set: life, setOnce: { since: startedAt } }, numbers);
        if (isListed(context, name, now)) continue;
        context.tasksListed.remember(name, now + DAY_SECONDS);
        sums.add(statisticsTaskKey(name), { set: { ...life, task } }, {});
      }
    }
  }
  return sums.ops();
}
const isListed = ({ tasksListed }: Context, name: string, now: number): boolean => tasksListed.knownUntil(name) > now;
/** Returns the site of a queue in full text form. The engine's own queue belongs to none. */
export function siteOf(queue: string): string {
  return queue === ENGINE_QUEUE ? "" : parseQueueName(queue, { site: "" }).site;
}

/** Sums by item. Two queues of one site share the item of a task. */
class Sums {
  readonly #items = new Map<string, { key: Key; change: Change; numbers: Record<string, number> }>();

  add(key: Key, change: Change, numbers: { readonly [name: string]: number | undefined }): void {
    const id = `${key.partition} ${key.sort}`;
    let item = this.#items.get(id);
    if (!item) this.#items.set(id, (item = { key, change, numbers: {} }));
    for (const [name, by = 0] of Object.entries(numbers))
      if (by > 0) item.numbers[name] = (item.numbers[name] ?? 0) + by;
  }
  ops(): readonly UpdateOp[] {
    return [...this.#items.values()].map(({ key, change, numbers }) => {
      const add = { ...change.add, ...numbers };
      return { op: "update", key, change: { ...change, ...(Object.keys(add).length > 0 && { add }) } };
    });
  }
}
