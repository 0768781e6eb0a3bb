/** Metrics that the functions of a deployment publish, by way of their logs. Alarms and dashboards name the same ones. */
export const METRIC_NAMESPACE = "Fanfold";
/** Values: the deployment's prefix, and the name of the Lambda function. Every metric has both. */
export const METRIC_DIMENSIONS = ["Deployment", "Function"] as const;

export const METRICS = {
  /** Of each batch of messages; the next five add up to the first. */
  messages: "Messages",
  done: "MessagesDone",
  /** Postponed by the engine: not due yet, or somebody else is at it. */
  later: "MessagesLater",
  dead: "MessagesDead",
  /** Their handling threw; they come back. */
  failed: "MessagesFailed",
  /** Not begun, or not through, at the end of the invocation. */
  left: "MessagesLeft",
  runs: "Runs",
  /** Cut off by the end of an invocation, and given back. */
  stoppedRuns: "RunsStopped",
  writeUnits: "WriteUnits",
  readUnits: "ReadUnits",
  /** Messages sent. */
  sends: "Sends",
  /** By the sweep, and by the messages that it orders. */
  checkedGroups: "GroupsChecked",
  dueRuns: "RunsDue",
  dueFailed: "RunsDueFailed",
  repairs: "Repairs",
  /** Repairs of what had been repaired before, without an effect. */
  stuckGroups: "GroupsStuck",
} as const;
export type MetricName = (typeof METRICS)[keyof typeof METRICS];
