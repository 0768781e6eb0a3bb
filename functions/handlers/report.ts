import {
  DEPLOYMENT_METRICS,
  METRIC_DIMENSIONS,
  METRIC_NAMESPACE,
  type MetricName,
} from "../core/names/metric-names.ts";
import { type TaskCount, taskGroup, type TaskMetric } from "../core/names/task-metrics.ts";
import type { Log } from "../host/log.ts";

/** Writes one line to the function's log. */
export type Print = (line: string) => void;
/**
 * Writes to stdout directly. The console would put a time and a request id in front, and a line of metrics must be pure
 * JSON.
 */
export const printLine: Print = (line) => {
  process.stdout.write(`${line}\n`);
};

/** Returns a log that prints JSON lines, without the debug lines. */
export function jsonLog(print: Print, context: Readonly<Record<string, string>>): Log {
  return (level, message, fields) => {
    if (level !== "debug")
      print(JSON.stringify({ level, message, time: new Date().toISOString(), ...context, ...fields }));
  };
}

/** The deployment and the function that metrics belong to. */
export interface MetricSource {
  readonly deployment: string;
  readonly function: string;
}
/**
 * Returns one line that CloudWatch turns into metrics and that people can query as a log. Zeroes are published too,
 * because an alarm ends only when it sees one.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricsLine(
  source: MetricSource,
  now: number,
  metrics: Readonly<Partial<Record<MetricName, number>>>,
  fields: Readonly<Record<string, unknown>>,
): string {
  const [deployment, name] = METRIC_DIMENSIONS;
  const directive = (dimensions: readonly string[], names: readonly string[]) => ({
    Namespace: METRIC_NAMESPACE,
    Dimensions: [dimensions],
    Metrics: names.map((Name) => ({ Name, Unit: "Count" })),
  });
  // Custom metrics cost by the hour in which they are published, and the alarms on these need no zeroes.
  const shared = DEPLOYMENT_METRICS.filter((each) => metrics[each]);
  return JSON.stringify({
    level: "info",
    ...fields,
    [deployment]: source.deployment,
    [name]: source.function,
    ...metrics,
    _aws: {
      Timestamp: now,
      CloudWatchMetrics: [
        directive(METRIC_DIMENSIONS, Object.keys(metrics)),
        ...(shared.length > 0 ? [directive([deployment], shared)] : []),
      ],
    },
  });
}

/**
 * Returns a line of metrics for each task and site that was counted. The metrics are those of the whole deployment. The
 * task, its group and its site are fields of the line, by which people query: as dimensions each would be billed as a
 * metric of its own.
 */
export function taskMetricsLines(
  source: MetricSource,
  now: number,
  counts: readonly TaskCount[],
  requestId: string,
): readonly string[] {
  const [deployment, name] = METRIC_DIMENSIONS;
  const lines = new Map<string, { task: string; site: string; metrics: { [metric in TaskMetric]?: number } }>();
  for (const { metric, task, site, count } of counts) {
    const line = lines.get(`${site} ${task}`) ?? { task, site, metrics: {} };
    lines.set(`${site} ${task}`, line);
    line.metrics[metric] = count;
  }
  return [...lines.values()].map(({ task, site, metrics }) =>
    JSON.stringify({
      level: "info",
      message: "task",
      requestId,
      [deployment]: source.deployment,
      [name]: source.function,
      task,
      task_group: taskGroup(task),
      site,
      ...metrics,
      _aws: {
        Timestamp: now,
        CloudWatchMetrics: [
          {
            Namespace: METRIC_NAMESPACE,
            Dimensions: [[deployment]],
            Metrics: Object.keys(metrics).map((Name) => ({ Name, Unit: "Count" })),
          },
        ],
      },
    }),
  );
}
