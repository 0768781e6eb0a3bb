import { hasEnded, type Job } from "../functions/client/index.ts";
import { cut, formatCount, formatCounted, formatDuration } from "./format.ts";
import type { Paint } from "./terminal.ts";

/**
 * The last samples of a job, from which its speed is computed. Every function here is pure: the caller brings the job
 * and the time.
 */
export interface Progress {
  readonly samples: readonly Sample[];
}
interface Sample {
  readonly atSeconds: number;
  readonly done: number;
}
export const NO_PROGRESS: Progress = { samples: [] };
/** Seconds of samples that the rate is computed from: enough to be steady, few enough to be current. */
const WINDOW_SECONDS = 10;

export function doneRuns(job: Pick<Job, "counts">): number {
  const { success = 0, skipped = 0 } = job.counts;
  return success + skipped + failedRuns(job);
}
export function failedRuns({ counts: { error = 0, broken = 0, cancelled = 0 } }: Pick<Job, "counts">): number {
  return error + broken + cancelled;
}

/** Adds a sample of the job. */
export function advance(progress: Progress, job: Pick<Job, "counts">, atSeconds: number): Progress {
  const recent = progress.samples.filter(
    (_, index, all) => (all[index + 1]?.atSeconds ?? atSeconds) > atSeconds - WINDOW_SECONDS,
  );
  return { samples: [...recent, { atSeconds, done: doneRuns(job) }] };
}

/** Returns runs per second, or undefined when it is too early to say. */
export function rateOf({ samples }: Progress): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atSeconds - first.atSeconds < 0.5) return undefined;
  // Counters of a running job are approximate and may decrease.
  return Math.max(0, (last.done - first.done) / (last.atSeconds - first.atSeconds));
}

/** Returns the seconds until all runs known so far are done. Returns undefined without a rate. */
export function secondsLeft(progress: Progress, job: Pick<Job, "counts" | "planned">): number | undefined {
  const rate = rateOf(progress);
  return rate === undefined || rate === 0 ? undefined : Math.max(0, job.planned - doneRuns(job)) / rate;
}

const BAR_CELLS = 24;
/** Returns one line: bar, done of total, rate, failures, time left. For an ended job it says how the job ended. */
export function progressLine(
  progress: Progress,
  job: Job,
  options: { readonly width: number; readonly paint: Paint },
): string {
  const { width, paint } = options;
  if (hasEnded(job)) return endLine(job, paint);
  const done = doneRuns(job);
  const total = Math.max(job.planned, done);
  const failed = failedRuns(job);
  const rate = rateOf(progress);
  const left = secondsLeft(progress, job);
  const filled = total === 0 ? 0 : Math.floor((BAR_CELLS * done) / total);
  const parts = [
    `${formatCount(done)}/${formatCount(total)}`,
    total === 0 ? "" : `${Math.floor((100 * done) / total)} %`,
    rate === undefined || rate === 0 ? "" : `${rate < 10 ? rate.toFixed(1) : formatCount(rate)}/s`,
    failed === 0 ? "" : `${formatCount(failed)} failed`,
    left === undefined || done === total ? "" : `${formatDuration(left)} left`,
    job.pending === undefined ? "" : `${formatCount(job.pending)} pending`,
    job.state === "started" ? "" : job.state,
    job.round === 0 ? "" : `round ${job.round}`,
  ].filter((part) => part !== "");
  const text = cut(parts.join("  "), width - BAR_CELLS - 3);
  return `[${paint("cyan", "█".repeat(filled))}${"░".repeat(BAR_CELLS - filled)}] ${failed === 0 ? text : paint("yellow", text)}`;
}

function endLine(job: Job, paint: Paint): string {
  const seconds = job.endedAt === undefined ? undefined : (job.endedAt - job.createdAt) / 1_000;
  const failed = failedRuns(job);
  const state = paint(job.state === "success" ? "green" : "red", job.state);
  const runs = formatCounted(doneRuns(job), "run");
  const round = job.round === 0 ? "" : `, round ${job.round}`;
  return `${state}: ${runs}${failed === 0 ? "" : `, ${formatCount(failed)} failed`}${seconds === undefined ? "" : `, ${formatDuration(seconds)}`}${round}`;
}

/** Returns the items of path tasks by state. Undefined when there are none. */
export function itemsText(items: Job["items"]): string | undefined {
  const states = Object.entries(items ?? {}).filter(([, count]) => count > 0);
  return states.length === 0 ? undefined : states.map(([state, count]) => `${formatCount(count)} ${state}`).join(", ");
}
