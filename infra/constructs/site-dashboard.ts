import { Dashboard, GraphWidget } from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import { type MetricName, METRICS } from "../../functions/core/names/metric-names.ts";
import { formatQueueName } from "../../functions/core/names/queue-name.ts";
import type { Settings, SiteSettings } from "../../functions/sdk/config.ts";
import { Deployment } from "../deployment.ts";
import { engineMetric, functionMetric, messagesIn, queueMetric, timeToDrain } from "./metrics.ts";

const HALF = { width: 12, height: 6 };

/** Shows how a site is doing: what waits, how long that will take, and what fails. */
export class SiteDashboard extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { settings, site }: { readonly settings: Settings; readonly site: SiteSettings },
  ) {
    super(scope, id);
    const deployment = new Deployment(this, settings.prefix);
    const queues = site.queues.flatMap(({ name: queue, function: kind, bands }) => {
      const text = formatQueueName({ site: site.name, queue, function: kind });
      return (bands ? ([1, 2, 0] as const) : ([1] as const)).map((band) => deployment.bandName(text, band));
    });
    const workers = site.functions.map(({ kind }) =>
      deployment.siteFunctionName(site.name, { role: "worker", function: kind }),
    );
    new Dashboard(this, "Dashboard", {
      dashboardName: `${settings.prefix}-site-${site.name}`,
      widgets: [...queueRows(queues, deployment.deadLetterQueueName(site.name)), workerRow(settings.prefix, workers)],
    });
  }
}

function queueRows(queues: readonly string[], deadLetters: string): GraphWidget[][] {
  return [
    [
      new GraphWidget({
        ...HALF,
        title: "Time to drain (seconds)",
        left: queues.map((name, place) => timeToDrain(name, place)),
      }),
      new GraphWidget({
        ...HALF,
        title: "Messages waiting",
        left: queues.map((name) => queueMetric(name, "ApproximateNumberOfMessagesVisible")),
      }),
    ],
    [
      new GraphWidget({
        ...HALF,
        title: "Oldest message (seconds)",
        left: queues.map((name) => queueMetric(name, "ApproximateAgeOfOldestMessage")),
      }),
      new GraphWidget({ ...HALF, title: "Dead letters", left: [messagesIn(deadLetters)] }),
    ],
  ];
}
function workerRow(prefix: string, workers: readonly string[]): GraphWidget[] {
  const engine = (metric: MetricName) => workers.map((name) => engineMetric(prefix, name, metric));
  return [
    new GraphWidget({
      ...HALF,
      title: "Runs",
      left: engine(METRICS.runs),
      right: [...engine(METRICS.failedRuns), ...engine(METRICS.stoppedRuns)],
    }),
    new GraphWidget({
      ...HALF,
      title: "Workers",
      left: workers.map((name) => functionMetric(name, "ConcurrentExecutions")),
      right: workers.flatMap((name) => [functionMetric(name, "Errors"), functionMetric(name, "Throttles")]),
    }),
  ];
}
