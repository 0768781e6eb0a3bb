import { Aws, CfnOutput, Duration } from "aws-cdk-lib";
import { ComparisonOperator, Dashboard, GraphWidget, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Construct } from "constructs";
import { tableDefinitions } from "../../functions/core/items/table-definitions.ts";
import type { DeploymentRole } from "../../functions/core/names/aws-resource-names.ts";
import { type MetricName, METRICS } from "../../functions/core/names/metric-names.ts";
import type { Settings } from "../../functions/sdk/config.ts";
import { Deployment } from "../deployment.ts";
import { Alarms } from "./alarms.ts";
import {
  apiMetric,
  deploymentMetric,
  engineMetric,
  functionMetric,
  messagesIn,
  percentFailed,
  queueMetric,
  sum,
  tableMetric,
  timeToDrain,
} from "./metrics.ts";

const HALF = { width: 12, height: 6 };
const ROLES: readonly DeploymentRole[] = ["control", "api", "sweeper", "supervisor", "engine-dead-letter"];

/**
 * Watches the resources that all sites share: the topic, its alarms and a dashboard. Sites bring alarms and dashboards
 * of their own.
 */
export class FanfoldOperations extends Construct {
  readonly topic: Topic;
  private readonly settings: Settings;
  private readonly deployment: Deployment;

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id);
    this.settings = settings;
    this.deployment = new Deployment(this, settings.prefix);
    this.topic = this.makeTopic();
    this.addAlarms();
    this.addDashboard();
  }

  private makeTopic(): Topic {
    const topic = new Topic(this, "Topic", {
      topicName: this.deployment.alarmTopicName,
      displayName: `${this.settings.prefix} alarms`,
      enforceSSL: true,
    });
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: "AlarmsOfThisAccount",
        principals: [new ServicePrincipal("cloudwatch.amazonaws.com")],
        actions: ["sns:Publish"],
        resources: [topic.topicArn],
        conditions: { StringEquals: { "aws:SourceAccount": Aws.ACCOUNT_ID } },
      }),
    );
    if (this.settings.alarms.email !== undefined)
      topic.addSubscription(new EmailSubscription(this.settings.alarms.email));
    new CfnOutput(this, "TopicArn", { value: topic.topicArn, description: "Alarms are sent here" });
    return topic;
  }

  private addAlarms(): void {
    const { deployment, settings } = this;
    const alarms = new Alarms(this, "Alarms", settings);
    for (const role of ROLES) alarms.ofFunction(deployment.functionName(role));
    alarms.ofQueue(deployment.engineQueueName);
    alarms.ofDeadLetters(
      deployment.engineDeadLetterQueueName,
      (["control", "engine-dead-letter"] as const).map((role) => deployment.functionName(role)),
    );
    this.addEventAlarm(alarms);
    this.addFailureAlarms(alarms);
    this.addSweeperAlarms(alarms);
    this.addTableAlarms(alarms);
    const api = deployment.functionName("api");
    alarms.above(
      `${api}-5xx`,
      apiMetric(api, "5XXError"),
      0,
      `The API answers with server errors: read the log of ${api}.`,
      2,
    );
  }

  private addEventAlarm(alarms: Alarms): void {
    const queue = this.deployment.eventsDeadLetterQueueName;
    alarms.above(
      `${queue}-not-empty`,
      messagesIn(queue),
      0,
      "Events were not delivered. What they told of state machines of tasks, and the sweep, is repaired by itself; the job of a supervisor that was stopped (detail.name) must be cancelled. Then purge the queue.",
    );
  }

  private addFailureAlarms(alarms: Alarms): void {
    const { prefix } = this.settings;
    const { failedPercent } = this.settings.alarms;
    for (const [what, advice] of [
      ["jobs", "`GET /jobs?state=failure` lists them, and each names its first error."],
      ["runs", "What tasks call may be down: `GET /jobs/{id}/runs?status=error` says what they met."],
    ] as const)
      alarms.above(
        `${prefix}-${what}-failed`,
        this.failed()[what],
        failedPercent,
        `More than ${failedPercent} % of the ${what} failed for a quarter of an hour. ${advice}`,
        3,
      );
  }
  /** Returns the shares of jobs and runs that failed. Runs are counted by attempt. */
  private failed() {
    const of = (metric: MetricName) => deploymentMetric(this.settings.prefix, metric);
    return {
      jobs: percentFailed("Failed jobs (%)", of(METRICS.failedJobs), of(METRICS.jobs)),
      runs: percentFailed("Failed runs (%)", of(METRICS.failedRuns), of(METRICS.runs)),
    };
  }

  private addSweeperAlarms(alarms: Alarms): void {
    const { deployment } = this;
    const { prefix } = this.settings;
    alarms.above(
      `${prefix}-groups-stuck`,
      sum("Groups that stay stuck", this.ofSweep(METRICS.stuckGroups)),
      0,
      "Work was sent again more than once without an effect: look for its job (open, no progress) and for errors of the workers of its queue.",
      2,
    );
    alarms.above(
      `${prefix}-sweeper-repairs`,
      sum("Repairs", this.ofSweep(METRICS.repairs)),
      0,
      "The sweeper repairs what a lost message or a killed function left behind. Now and then is what it is for; if it stays on, look at errors, throttles and dead letters.",
      6,
    );
    alarms.above(
      `${prefix}-runs-not-sent`,
      engineMetric(prefix, deployment.functionName("sweeper"), METRICS.dueFailed),
      0,
      "Runs whose time has come could not be sent: most often a task names a queue that no site has. The sweeper's log names the first reason.",
      2,
    );
    alarms.above(
      `${prefix}-sweeper-silent`,
      functionMetric(deployment.functionName("sweeper"), "Invocations"),
      1,
      "The sweeper did not run for ten minutes: timers, retries that wait long and repairs stand still. Is its rule enabled?",
      2,
      { comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD, treatMissingData: TreatMissingData.BREACHING },
    );
  }

  private addTableAlarms(alarms: Alarms): void {
    for (const { tableName } of tableDefinitions(this.settings.prefix)) {
      alarms.above(
        `${tableName}-throttles`,
        sum("Throttled requests", [
          tableMetric(tableName, "ReadThrottleEvents"),
          tableMetric(tableName, "WriteThrottleEvents"),
        ]),
        0,
        `DynamoDB throttles ${tableName}: it grows by itself within minutes; give tables.warmThroughput where bursts are expected.`,
        3,
      );
    }
  }

  private addDashboard(): void {
    new Dashboard(this, "Dashboard", {
      dashboardName: `${this.settings.prefix}-engine`,
      widgets: [this.workWidgets(), this.queueWidgets(), this.functionWidgets(), this.tableAndApiWidgets()],
    });
  }
  private workWidgets(): GraphWidget[] {
    const of = (metric: MetricName) => deploymentMetric(this.settings.prefix, metric);
    return [
      new GraphWidget({ ...HALF, title: "Jobs", left: [of(METRICS.jobs), of(METRICS.failedJobs)] }),
      new GraphWidget({ ...HALF, title: "Runs", left: [of(METRICS.runs), of(METRICS.failedRuns)] }),
    ];
  }
  private queueWidgets(): GraphWidget[] {
    const queue = this.deployment.engineQueueName;
    return [
      new GraphWidget({ ...HALF, title: "Engine queue: time to drain (seconds)", left: [timeToDrain(queue)] }),
      new GraphWidget({
        ...HALF,
        title: "Engine queue",
        left: [
          queueMetric(queue, "ApproximateNumberOfMessagesVisible"),
          messagesIn(this.deployment.engineDeadLetterQueueName),
        ],
        right: [queueMetric(queue, "ApproximateAgeOfOldestMessage")],
      }),
    ];
  }
  private functionWidgets(): GraphWidget[] {
    const functions = ROLES.map((role) => this.deployment.functionName(role));
    return [
      new GraphWidget({
        ...HALF,
        title: "Sweeper",
        left: [...this.ofSweep(METRICS.repairs), ...this.ofSweep(METRICS.stuckGroups)],
        right: this.ofSweep(METRICS.checkedGroups),
      }),
      new GraphWidget({
        ...HALF,
        title: "Functions",
        left: functions.map((name) => functionMetric(name, "Errors")),
        right: functions.map((name) => functionMetric(name, "Throttles")),
      }),
    ];
  }
  private tableAndApiWidgets(): GraphWidget[] {
    const api = this.deployment.functionName("api");
    const tables = tableDefinitions(this.settings.prefix).map(({ tableName }) => tableName);
    const perMinute = { statistic: "Sum", period: Duration.minutes(1) };
    return [
      new GraphWidget({
        ...HALF,
        title: "Tables: units per minute",
        left: tables.flatMap((name) => [
          tableMetric(name, "ConsumedWriteCapacityUnits").with(perMinute),
          tableMetric(name, "ConsumedReadCapacityUnits").with(perMinute),
        ]),
      }),
      new GraphWidget({
        ...HALF,
        title: "API",
        left: [apiMetric(api, "Count"), apiMetric(api, "4XXError"), apiMetric(api, "5XXError")],
        right: [apiMetric(api, "Latency")],
      }),
    ];
  }

  /**
   * Returns a metric of both functions that report repairs. The sweeper orders checks and the control function makes
   * them.
   */
  private ofSweep(metric: MetricName) {
    return (["sweeper", "control"] as const).map((role) =>
      engineMetric(this.settings.prefix, this.deployment.functionName(role), metric),
    );
  }
}
