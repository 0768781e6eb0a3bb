/** States of a job. A job ends as `success`, `failure`, `cancelled` or `timed-out`. */
export type JobState =
  | "pending"
  | "started"
  | "success"
  | "failure"
  | "pausing"
  | "paused"
  | "cancelling"
  | "cancelled"
  | "timed-out";
