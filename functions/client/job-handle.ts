import type { Json } from "../core/json.ts";
import type { EventValue, KnownEvent } from "../core/names/known-names.ts";
import type { StampFilter } from "../core/plan/stamps.ts";
import { type Pace, valueOf, waitForJob, watchJob } from "./follow-job.ts";
import type { JobCalls } from "./job-calls.ts";
import type { ReadOptions, RetryOptions, RunFilter } from "./options.ts";
import type { Pages } from "./pages.ts";
import type { Job, JobEvent, ResultEntry, Retried, Run } from "./types.ts";

/** One job, by its id. `Value` is the type of its value, as JSON gives it. Only the id needs to be kept. */
export interface JobHandle<Value = Json> {
  readonly jobId: string;
  /** Returns the job as it stands. Throws `job_not_found`. */
  get(options?: ReadOptions): Promise<Job>;
  /** Returns the job once it has ended. It is looked at again and again, first soon and then every 2 seconds. */
  wait(options?: ReadOptions): Promise<Job>;
  /**
   * Yields the job whenever it has changed, and last when it has ended.
   * @example for await (const { state, counts } of job.watch()) console.log(state, counts);
   */
  watch(options?: ReadOptions): AsyncGenerator<Job, void, undefined>;
  /**
   * Waits for the end of the job and returns its value: a list of values when it ends in a group.
   * @throws ResultError with the name and message of the error that ended the job. Without such an error the name is
   * `JobCancelled` or `JobTimedOut`.
   */
  result(options?: ReadOptions): Promise<Value>;
  /** Streams the results of the ended job in member order. Throws `job_unfinished` while it runs. */
  results(options?: ReadOptions & { readonly from?: number }): AsyncGenerator<ResultEntry, void, undefined>;
  /** Streams the events of the job, oldest first. With `follow` the stream continues until the job has ended. */
  events(options?: ReadOptions & { readonly follow?: boolean }): AsyncGenerator<JobEvent, void, undefined>;
  /** Returns the runs of the job: `await` gives a page, `for await` all of them. */
  runs(filter?: RunFilter): Pages<Run>;
  /** Returns the runs that failed with an error. */
  failures(filter?: Omit<RunFilter, "status">): Pages<Run>;
  /** Cancels the job, or with `stamps` only runs that carry one of them. Returns `false` when it had already ended. */
  cancel(only?: { readonly stamps: StampFilter }): Promise<boolean>;
  /** Starts the next round of the ended job: what failed runs again. Throws what `client.retry` throws. */
  retry(options?: RetryOptions): Promise<Retried>;
  /** Sends the value to every run of the job that waits for the event. Returns `false` when it was sent before. */
  sendEvent<Name extends KnownEvent>(name: Name, value: EventValue<Name, Json>): Promise<boolean>;
}

/** Returns a handle. What is `known` of the start becomes its properties; its calls are none, so it prints as data. */
export function jobHandle<Known extends { readonly jobId: string }>(
  client: JobCalls,
  known: Known,
  pace: Pace,
): Known & JobHandle<never> {
  const { jobId } = known;
  const calls: Omit<JobHandle<never>, "jobId"> = {
    get: (options) => client.job(jobId, options),
    wait: (options) => waitForJob(client, jobId, pace, options),
    watch: (options) => watchJob(client, jobId, pace, options),
    result: async (options) =>
      (await valueOf(client, await waitForJob(client, jobId, pace, options), options)) as never,
    results: (options) => client.results(jobId, options),
    events: (options) => client.events(jobId, options),
    runs: (filter) => client.runs(jobId, filter),
    failures: (filter) => client.runs(jobId, { ...filter, status: "error" }),
    cancel: (only) => client.cancel(jobId, only),
    retry: (options) => client.retry(jobId, options),
    sendEvent: (name, value) => client.sendEvent(jobId, name, value),
  };
  return Object.assign(Object.create(calls) as Omit<JobHandle<never>, "jobId">, known);
}
