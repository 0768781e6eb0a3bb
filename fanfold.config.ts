/** What a deployment of your own may want otherwise. The one file to edit; the embedded runtime reads it at its start. */
export interface FanfoldConfig {
  /** Site of queues that name none: letters, digits, `_` and `-`. */
  readonly site: string;
  /** Runs at the same time in each worker process. */
  readonly concurrency: number;
  /** A job that says nothing else is timed out after so many days. */
  readonly jobTimeoutDays: number;
  /** So long after its deadline everything of a job is kept. */
  readonly retentionDays: number;
}

export const config: FanfoldConfig = {
  site: "local",
  concurrency: 32,
  jobTimeoutDays: 30,
  retentionDays: 7,
};
