import { Duration } from "aws-cdk-lib";
import { type IMetric, MathExpression, Metric, Stats } from "aws-cdk-lib/aws-cloudwatch";
import { METRIC_DIMENSIONS, METRIC_NAMESPACE, type MetricName } from "../../functions/core/names/metric-names.ts";

/**
 * Metrics, apart from how they are drawn and when they alarm. Each is by name, because its resource may be in another
 * stack.
 */
const PERIOD = Duration.minutes(5);

type QueueMetric =
  | "ApproximateAgeOfOldestMessage"
  | "ApproximateNumberOfMessagesVisible"
  | "ApproximateNumberOfMessagesNotVisible"
  | "NumberOfMessagesDeleted";
export function queueMetric(queueName: string, metricName: QueueMetric): Metric {
  const statistic = metricName === "NumberOfMessagesDeleted" ? Stats.SUM : Stats.MAXIMUM;
  return new Metric({
    namespace: "AWS/SQS",
    metricName,
    dimensionsMap: { QueueName: queueName },
    statistic,
    period: PERIOD,
  });
}
export function functionMetric(
  functionName: string,
  metricName: "Errors" | "Throttles" | "Invocations" | "Duration" | "ConcurrentExecutions",
): Metric {
  const statistic = metricName === "Duration" || metricName === "ConcurrentExecutions" ? Stats.MAXIMUM : Stats.SUM;
  return new Metric({
    namespace: "AWS/Lambda",
    metricName,
    dimensionsMap: { FunctionName: functionName },
    statistic,
    period: PERIOD,
  });
}
export function tableMetric(
  tableName: string,
  metricName: "ReadThrottleEvents" | "WriteThrottleEvents" | "ConsumedReadCapacityUnits" | "ConsumedWriteCapacityUnits",
): Metric {
  return new Metric({
    namespace: "AWS/DynamoDB",
    metricName,
    dimensionsMap: { TableName: tableName },
    statistic: Stats.SUM,
    period: PERIOD,
  });
}
export function apiMetric(apiName: string, metricName: "5XXError" | "4XXError" | "Count" | "Latency"): Metric {
  const statistic = metricName === "Latency" ? Stats.percentile(99) : Stats.SUM;
  return new Metric({
    namespace: "AWS/ApiGateway",
    metricName,
    dimensionsMap: { ApiName: apiName },
    statistic,
    period: PERIOD,
  });
}
/** Returns a metric that the functions publish themselves. */
export function engineMetric(prefix: string, functionName: string, metricName: MetricName): Metric {
  const [deployment, name] = METRIC_DIMENSIONS;
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { [deployment]: prefix, [name]: functionName },
    statistic: Stats.SUM,
    period: PERIOD,
  });
}

/** Returns a metric that the functions publish for the whole deployment. */
export function deploymentMetric(prefix: string, metricName: MetricName): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { [METRIC_DIMENSIONS[0]]: prefix },
    statistic: Stats.SUM,
    period: PERIOD,
  });
}
/** Returns how many of a hundred failed, and 0 when there were none. */
export function percentFailed(label: string, failed: IMetric, all: IMetric): MathExpression {
  return new MathExpression({
    expression: "IF(FILL(all, 0) > 0, 100 * FILL(failed, 0) / all, 0)",
    usingMetrics: { failed, all },
    label,
    period: PERIOD,
  });
}

export function sum(label: string, metrics: readonly IMetric[]): MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, k) => [`m${k}`, metric]));
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(" + ");
  return new MathExpression({ expression, usingMetrics, label, period: PERIOD });
}
/** Counts all messages of a queue, including those that a reader has received. */
export function messagesIn(queueName: string): MathExpression {
  return sum(queueName, [
    queueMetric(queueName, "ApproximateNumberOfMessagesVisible"),
    queueMetric(queueName, "ApproximateNumberOfMessagesNotVisible"),
  ]);
}
/**
 * Estimates the seconds until the queue is empty at the rate of the last five minutes. The estimate is a day when no
 * message is deleted. `place` is the position in a graph of several queues.
 */
export function timeToDrain(queueName: string, place = 0): MathExpression {
  const [visible, deleted] = [`visible${place}`, `deleted${place}`];
  return new MathExpression({
    expression: `IF(${deleted} > 0, ${visible} / ${deleted} * PERIOD(${deleted}), IF(${visible} > 0, 86400, 0))`,
    usingMetrics: {
      [visible]: queueMetric(queueName, "ApproximateNumberOfMessagesVisible"),
      [deleted]: queueMetric(queueName, "NumberOfMessagesDeleted"),
    },
    label: `${queueName}: seconds to drain`,
    period: PERIOD,
  });
}
