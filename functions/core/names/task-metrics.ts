/** What is counted of task runs, and what each name says. The list is closed: hosts publish these names and no others. */
export const TASK_METRICS = {
  run_started: "Attempts whose code began",
  run_success: "Runs that ended well",
  run_skipped: "Runs that were skipped",
  run_error: "Runs that failed for good",
  run_broken: "Runs that can never succeed",
  run_cancelled: "Runs that were cancelled",
  run_retried: "Attempts that failed and are tried again",
  task_killed: "Attempts whose worker died, or lost its lease",
  lease_taken_over: "Claims of a run that another process had held",
  identity_reused: "Times that the end of a shared run was taken, so its code did not run",
  dependency_missing: "Times that a run waited, because a dependency had not ended",
  dependency_extra: "Dependencies that code asked for and that were not declared",
} as const;
export type TaskMetric = keyof typeof TASK_METRICS;

/** Attributes of each count. */
export interface TaskCount {
  readonly metric: TaskMetric;
  readonly task: string;
  /** Empty for work of the engine's own queue. */
  readonly site: string;
  readonly count: number;
}
/** Returns the group of a task: its name before the first dot. */
export const taskGroup = (task: string): string => task.split(".", 1)[0] as string;
