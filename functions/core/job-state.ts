/** States of a job. A job ends as `success`, `failure`, `cancelled` or `timed-out`. */
export const JOB_STATES = [
  "pending",
  "started",
  "success",
  "failure",
  "pausing",
  "paused",
  "cancelling",
  "cancelled",
  "timed-out",
] as const;
export type JobState = (typeof JOB_STATES)[number];
