import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import type { JobCalls } from "./job-calls.ts";
import type { ReadOptions } from "./options.ts";
import { ResultError } from "./results.ts";
import { hasEnded, type Job } from "./types.ts";

/** How often `wait` and `watch` look at a job, in milliseconds: the pauses double from the first to the longest. */
export interface Pace {
  readonly firstMs: number;
  readonly longestMs: number;
}
export const DEFAULT_PACE: Pace = { firstMs: 50, longestMs: 2_000 };
/** Failed looks one after the other that are borne. A server may be started anew, a network may break for a moment. */
const FAILED_LOOKS = 5;

/** What is read of a server to follow a job. */
type Source = Pick<JobCalls, "job" | "results">;

/** Yields the job whenever it has changed, and last when it has ended. */
export async function* watchJob(
  client: Source,
  jobId: string,
  { firstMs, longestMs }: Pace,
  options: ReadOptions = {},
): AsyncGenerator<Job, void, undefined> {
  let before = "";
  let failed = 0;
  for (let pauseMs = firstMs; ; pauseMs = Math.min(2 * pauseMs, longestMs)) {
    const job = await client.job(jobId, options).catch((error: unknown) => {
      failed += 1;
      if (failed > FAILED_LOOKS || !(error instanceof FanfoldError) || !error.retryable) throw error;
      return undefined;
    });
    if (job !== undefined) {
      failed = 0;
      const now = JSON.stringify(job);
      if (now !== before) yield job;
      if (hasEnded(job)) return;
      before = now;
    }
    await pause(pauseMs, options.signal);
  }
}
/** Returns the job once it has ended. */
export async function waitForJob(client: Source, jobId: string, pace: Pace, options?: ReadOptions): Promise<Job> {
  let last: Job | undefined;
  for await (const job of watchJob(client, jobId, pace, options)) last = job;
  return last ?? client.job(jobId, options);
}

/**
 * Returns the value of an ended job. A job that ends in a group has a list of values instead.
 * @throws ResultError with the name and message of the error that ended the job
 */
export async function valueOf(client: Source, job: Job, options?: ReadOptions): Promise<Json> {
  if (job.state === "success" && job.value !== undefined) return job.value;
  if (job.state === "success") {
    const values: Json[] = [];
    for await (const { value = null } of client.results(job.jobId, options)) values.push(value);
    return values;
  }
  if (job.error !== undefined) throw new ResultError(job.error, job.error.runId);
  const name = job.state === "timed-out" ? "JobTimedOut" : "JobCancelled";
  throw new ResultError({ name, message: `the job ${job.jobId} has ended: ${job.state}` }, job.jobId);
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    if (signal?.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
