import {
  Alarm,
  type AlarmProps,
  type IAlarmAction,
  ComparisonOperator,
  type IMetric,
  TreatMissingData,
} from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import { METRICS } from "../../functions/core/names/metric-names.ts";
import type { Settings } from "../../functions/sdk/config.ts";
import { Deployment } from "../deployment.ts";
import { engineMetric, functionMetric, messagesIn, queueMetric, sum } from "./metrics.ts";

/** Creates the alarms of one stack. Each alarm notifies the deployment's topic and says what to do. */
export class Alarms extends Construct {
  private readonly settings: Settings;
  private readonly action: IAlarmAction;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.settings = settings;
    const alarmActionArn = new Deployment(this, settings.prefix).alarmTopicArn;
    this.action = { bind: () => ({ alarmActionArn }) };
  }

  /**
   * Adds an alarm for a metric that stays above `threshold` during `periods` of five minutes. `id` is also the alarm's
   * name, so it is unique in account and region. Missing data counts as good, unless `props` says otherwise.
   */
  above(
    id: string,
    metric: IMetric,
    threshold: number,
    alarmDescription: string,
    periods = 1,
    props: Partial<AlarmProps> = {},
  ): void {
    const alarm = new Alarm(this, id, {
      alarmName: id,
      alarmDescription,
      metric,
      threshold,
      evaluationPeriods: periods,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...props,
    });
    alarm.addAlarmAction(this.action);
    alarm.addOkAction(this.action);
  }

  ofFunction(functionName: string): void {
    const [errors, throttles] = [functionMetric(functionName, "Errors"), functionMetric(functionName, "Throttles")];
    this.above(
      `${functionName}-errors`,
      errors,
      0,
      `${functionName} fails: read its log. Messages come back, so nothing is lost yet.`,
      2,
    );
    this.above(
      `${functionName}-throttles`,
      throttles,
      0,
      `${functionName} is throttled: raise the account's concurrency, or lower maxConcurrency of its queues.`,
      3,
    );
  }
  ofQueue(queueName: string): void {
    const { oldestMessageSeconds } = this.settings.alarms;
    this.above(
      `${queueName}-oldest-message`,
      queueMetric(queueName, "ApproximateAgeOfOldestMessage"),
      oldestMessageSeconds,
      `Work waits in ${queueName} for more than ${oldestMessageSeconds} s: raise its maxConcurrency, or find out why its function does not get on.`,
      2,
    );
  }
  /** `functions` put messages that they give up with the dead letters. The others arrive in the queue `queueName`. */
  ofDeadLetters(queueName: string, functions: readonly string[]): void {
    const { prefix } = this.settings;
    this.above(
      `${queueName}-kept`,
      sum(
        "Dead letters",
        functions.map((name) => engineMetric(prefix, name, METRICS.dead)),
      ),
      0,
      "Messages were given up and are kept. `GET /dead-letters` says which and why; mend the cause, then redrive or purge them (docs/guide-operate.md).",
    );
    this.above(
      `${queueName}-not-empty`,
      messagesIn(queueName),
      0,
      `Messages stay in ${queueName}: the function that reads it fails. Its log says why.`,
      3,
    );
  }
}
