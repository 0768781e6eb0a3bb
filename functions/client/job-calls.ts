import type { Json } from "../core/json.ts";
import type { EventValue, KnownEvent } from "../core/names/known-names.ts";
import type { StampFilter } from "../core/plan/stamps.ts";
import type { ReadOptions, ReportFilter, RetryOptions, RunFilter } from "./options.ts";
import type { Pages } from "./pages.ts";
import type { Job, JobEvent, Report, ResultEntry, Retried, Run } from "./types.ts";

/** The calls that are about one job. A handle of a job has them, too. */
export interface JobCalls {
  /** Returns one job, or throws `job_not_found`. */
  job(jobId: string, options?: ReadOptions): Promise<Job>;
  /** Returns the runs of a job: `await` gives a page, `for await` all of them. */
  runs(jobId: string, filter?: RunFilter): Pages<Run>;
  /**
   * Returns what the path tasks of a job, or one run, have streamed of their items. A page may be empty although more
   * follow.
   */
  reports(jobId: string, filter?: ReportFilter): Pages<Report>;
  /**
   * Streams the results of an ended job in member order, from the entry `from` on. Throws `job_unfinished` while the
   * job runs.
   */
  results(
    jobId: string,
    options?: ReadOptions & { readonly from?: number },
  ): AsyncGenerator<ResultEntry, void, undefined>;
  /** Streams the events of a job, oldest first. With `follow` the stream continues until the job has ended. */
  events(
    jobId: string,
    options?: ReadOptions & { readonly follow?: boolean },
  ): AsyncGenerator<JobEvent, void, undefined>;
  /**
   * Cancels a job. With `stamps` it revokes only runs that carry one of the values of one of the names, later runs
   * included. Returns `false` when the job had already ended.
   */
  cancel(jobId: string, only?: { readonly stamps: StampFilter }): Promise<boolean>;
  /**
   * Starts the next round of an ended job: what failed runs again in place, and what succeeded is kept. Throws
   * `job_unfinished`, `job_over`, `nothing_to_retry`, `run_live`, `link_not_retried`.
   */
  retry(jobId: string, options?: RetryOptions): Promise<Retried>;
  /**
   * Sends the value to every run of the job that waits for the event. Returns `false` when an event of this name was
   * sent before; the first one stays.
   */
  sendEvent<Name extends KnownEvent>(jobId: string, name: Name, value: EventValue<Name, Json>): Promise<boolean>;
}
