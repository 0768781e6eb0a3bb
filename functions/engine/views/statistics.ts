import { FanfoldError } from "../../core/errors.ts";
import { endedRuns } from "../../core/plan/counts.ts";
import type { TerminalStatus } from "../../core/plan/run-state.ts";
import type {
  JobTimeLeft,
  QueueSpeed,
  StatisticsFilter,
  StatisticsPage,
  TaskFigures,
  TaskNumbers,
  TaskStatistics,
} from "../../core/task/statistics.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import {
  readQueueStatistics,
  readTaskStatistics,
  STATISTICS_TASKS,
  taskOfEntry,
  type TaskStatisticsItem,
} from "../items/statistics-items.ts";
import { keyText } from "../jobs/failures.ts";
import type { QueueDepth } from "../ports.ts";
import { viewJob, wrongCursor } from "./job-view.ts";

/** Minutes that recent figures cover. The last one is the present minute. */
const RECENT_MINUTES = 5;
const AT_ONCE = 8;
const CURSOR = /^[!-~]{1,200}$/;

/**
 * Lists statistics by task, in the order of their names. A page may be empty although more follow. Costs eight queries
 * for each task.
 */
export async function listStatistics(context: Context, filter: StatisticsFilter): Promise<StatisticsPage> {
  const { task, site, job, limit = 50, cursor } = filter;
  if (cursor !== undefined && !CURSOR.test(cursor)) throw wrongCursor();
  const name = task === undefined ? undefined : keyText(context, task);
  const left = job === undefined ? undefined : await timeLeft(context, job);
  const page = await context.store.query("tasks", STATISTICS_TASKS, {
    ...(name !== undefined && { from: name, to: name }),
    limit: Math.min(limit, 100),
    ...(cursor !== undefined && { cursor }),
  });
  const now = context.clock.now();
  const views = new Map<number, TaskStatistics>();
  await eachBounded([...page.items.map(taskOfEntry).entries()], AT_ONCE, async ([k, each]) => {
    const found = await readTaskStatistics(context, keyText(context, each), firstMinute(now));
    const view = viewTask(each, site, found, now);
    if (view) views.set(k, view);
  });
  const items = page.items.flatMap((_, k) => views.get(k) ?? []);
  return {
    items,
    ...(page.cursor !== undefined && { cursor: page.cursor }),
    approximate: true,
    ...(left && { job: left }),
  };
}
/** Returns the mean duration of an attempt of a task in the last minutes. Undefined when none has ended. Eight queries. */
export async function meanSecondsOf(context: Context, task: string): Promise<number | undefined> {
  const found = await readTaskStatistics(context, keyText(context, task), firstMinute(context.clock.now()));
  const recent = found.filter(({ total }) => !total);
  return figuresOf(recent, 1).meanSeconds;
}
function viewTask(
  task: string,
  site: string | undefined,
  all: readonly TaskStatisticsItem[],
  now: number,
): TaskStatistics | undefined {
  const found = site === undefined ? all : all.filter((item) => item.site === site);
  const since = Math.min(...found.map((item) => item.since ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(since)) return undefined;
  const figures = (total: boolean, seconds: number): TaskFigures =>
    figuresOf(
      found.filter((item) => item.total === total),
      seconds,
    );
  return {
    task,
    ...(site !== undefined && { site }),
    since,
    recent: figures(false, recentSeconds(now, since)),
    life: figures(true, Math.max(1, (now - since) / 1_000)),
  };
}
function figuresOf(items: readonly TaskStatisticsItem[], seconds: number): TaskFigures {
  const sum = (name: keyof TaskNumbers): number => items.reduce((total, item) => total + (item[name] ?? 0), 0);
  const counts: { readonly [outcome in TerminalStatus]: number } = {
    success: sum("success"),
    skipped: sum("skipped"),
    error: sum("error"),
    broken: sum("broken"),
    cancelled: sum("cancelled"),
  };
  const well = counts.success + counts.skipped;
  const judged = well + counts.error + counts.broken;
  const [attempts, ms, bytes] = [sum("attempts"), sum("ms"), sum("bytes")];
  return {
    seconds,
    counts,
    retried: sum("retried"),
    killed: sum("killed"),
    perSecond: (judged + counts.cancelled) / seconds,
    ...(judged > 0 && { successRate: well / judged }),
    ...(attempts > 0 && { meanSeconds: ms / attempts / 1_000 }),
    busy: ms / 1_000 / seconds,
    bytes,
    ...(well > 0 && { meanBytes: bytes / well }),
  };
}
const firstMinute = (now: number): number => Math.floor(now / 60_000) - RECENT_MINUTES + 1;
/** Returns the seconds that recent figures cover, which are fewer where nothing was counted five minutes ago. */
function recentSeconds(now: number, since: number): number {
  return Math.max(1, (now - Math.max(firstMinute(now) * 60_000, since)) / 1_000);
}

/** Returns how long a job takes at the speed that it had from its start. Throws `job_not_found`. */
async function timeLeft(context: Context, jobId: string): Promise<JobTimeLeft> {
  const job = await viewJob(context, jobId);
  if (!job) throw new FanfoldError("job_not_found", `there is no job ${jobId}`, { details: { field: "?job" } });
  const ended = endedRuns(job.counts);
  const seconds = Math.max(1, ((job.endedAt ?? context.clock.now()) - job.createdAt) / 1_000);
  const left = job.endedAt === undefined ? Math.max(0, job.planned - ended) : 0;
  const known = job.endedAt !== undefined || (ended > 0 && job.state === "started");
  return {
    jobId,
    state: job.state,
    ended,
    planned: Math.max(job.planned, ended),
    perSecond: ended / seconds,
    ...(known && { secondsLeft: left === 0 ? 0 : (left * seconds) / ended }),
  };
}

/** What a queue has done in the last five minutes. */
export interface QueueWork extends Omit<QueueSpeed, "workers" | "drainSeconds"> {
  readonly workers: ReadonlySet<string>;
}
/**
 * Reads how fast a queue is worked off, from its first minute with work among the last five. Otherwise a queue that was
 * empty until now would seem to be slow. Eight queries.
 */
export async function workOf(context: Context, queue: string): Promise<QueueWork> {
  const now = context.clock.now();
  const found = await readQueueStatistics(context, queue, firstMinute(now));
  const since = Math.min(...found.map((item) => item.since ?? now));
  const seconds = recentSeconds(now, since);
  const sum = (name: "runs" | "messages"): number => found.reduce((total, item) => total + (item[name] ?? 0), 0);
  return {
    runsPerSecond: sum("runs") / seconds,
    messagesPerSecond: sum("messages") / seconds,
    workers: new Set(found.flatMap(({ workers = [] }) => [...workers])),
  };
}
/** Returns the speed of a queue with the time until its ready messages are handled. */
export function speedOf(work: QueueWork, depth: QueueDepth | undefined, paused: boolean): QueueSpeed {
  const { runsPerSecond, messagesPerSecond, workers } = work;
  const ready = paused ? undefined : depth?.ready;
  const drain = ready === 0 ? 0 : ready === undefined ? undefined : ready / messagesPerSecond;
  return {
    runsPerSecond,
    messagesPerSecond,
    workers: workers.size,
    ...(drain !== undefined && Number.isFinite(drain) && { drainSeconds: drain }),
  };
}
