/** Metrics that the functions of a deployment publish through their logs. Alarms and dashboards use the same names. */
export const METRIC_NAMESPACE = "Fanfold";
/** Dimensions of every metric: the prefix of the deployment, and the name of the Lambda function. */
export const METRIC_DIMENSIONS = ["Deployment", "Function"] as const;

export const METRICS = {
  /** Messages of each batch. The next four add up to this number. */
  messages: "Messages",
  done: "MessagesDone",
  /** Postponed by the engine, because they are not due yet or another worker holds the run. */
  later: "MessagesLater",
  /** Returned to the queue, because their handling threw. */
  failed: "MessagesFailed",
  /** Not begun or not finished at the end of the invocation. */
  left: "MessagesLeft",
  /** Messages that were put with the dead letters. */
  dead: "MessagesDead",
  runs: "Runs",
  /** Stopped by the end of an invocation, and returned to the queue. */
  stoppedRuns: "RunsStopped",
  writeUnits: "WriteUnits",
  readUnits: "ReadUnits",
  /** Messages sent. */
  sends: "Sends",
  /** Runs that failed for good. */
  failedRuns: "RunsFailed",
  /** Jobs that have ended, and those of them that failed or timed out. */
  jobs: "Jobs",
  failedJobs: "JobsFailed",
  /** Groups that the sweep checked, and those checked by messages that the sweep sent. */
  checkedGroups: "GroupsChecked",
  dueRuns: "RunsDue",
  dueFailed: "RunsDueFailed",
  repairs: "Repairs",
  /** Repairs of groups that an earlier repair had not moved on. */
  stuckGroups: "GroupsStuck",
} as const;
/** Metrics that are published for the whole deployment as well, with its prefix as the only dimension. */
export const DEPLOYMENT_METRICS: readonly MetricName[] = [
  METRICS.runs,
  METRICS.failedRuns,
  METRICS.jobs,
  METRICS.failedJobs,
];
export type MetricName = (typeof METRICS)[keyof typeof METRICS];
