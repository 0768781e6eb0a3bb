import { Construct } from "constructs";
import { formatQueueName, type QueueFunction } from "../../functions/core/names/queue-name.ts";
import type { Settings, SiteSettings } from "../../functions/sdk/config.ts";
import { Deployment } from "../deployment.ts";
import { allow } from "../permissions.ts";
import { Alarms } from "./alarms.ts";
import { DEAD_LETTER, DEAD_LETTER_FEED } from "./fanfold-control.ts";
import { type DeploymentProps, FanfoldFunction } from "./fanfold-function.ts";
import { FanfoldQueue } from "./fanfold-queue.ts";
import { SiteDashboard } from "./site-dashboard.ts";

type FunctionSettings = SiteSettings["functions"][number];
type SiteQueue = Omit<SiteSettings["queues"][number], "bands"> & {
  readonly text: string;
  readonly made: FanfoldQueue;
  /** Queues of the high and the low priority band, where the configuration asks for them. */
  readonly bands: readonly { readonly name: string; readonly made: FanfoldQueue }[];
};

const BESIDE_THE_MIDDLE = [
  [2, "-high"],
  [0, "-low"],
] as const;

export interface FanfoldSiteProps extends DeploymentProps {
  readonly site: SiteSettings;
}

/**
 * A place where work runs: a queue per (queue, function), a worker per function, a dead-letter queue with its function,
 * alarms and a dashboard. It refers to the rest of the deployment by name only.
 */
export class FanfoldSite extends Construct {
  readonly workers: ReadonlyMap<QueueFunction, FanfoldFunction>;
  /** Queues by text form, `london.default#worker`. */
  readonly queues: ReadonlyMap<string, FanfoldQueue>;
  readonly deadLetters: FanfoldQueue;

  private readonly site: SiteSettings;
  private readonly deployment: Deployment;

  constructor(scope: Construct, id: string, props: FanfoldSiteProps) {
    super(scope, id);
    this.site = props.site;
    this.deployment = new Deployment(this, props.settings.prefix);
    this.deadLetters = new FanfoldQueue(this, "DeadLetters", {
      queueName: this.deployment.deadLetterQueueName(this.site.name),
      timeoutSeconds: DEAD_LETTER.timeoutSeconds,
    });
    const queues = this.makeQueues();
    this.queues = new Map(queues.map(({ text, made }) => [text, made]));
    this.workers = new Map(this.site.functions.map((size) => [size.kind, this.makeWorker(props, size, queues)]));
    this.makeDeadLetter(props);
    this.addAlarms(props.settings, queues);
    new SiteDashboard(this, "Dashboard", { settings: props.settings, site: this.site });
  }

  private makeQueues(): readonly SiteQueue[] {
    const { site } = this;
    const sized = new Map(site.functions.map((size) => [size.kind, size]));
    return site.queues.map((queue) => {
      const text = formatQueueName({ site: site.name, queue: queue.name, function: queue.function });
      const make = (id: string, queueName: string): FanfoldQueue =>
        new FanfoldQueue(this, `Queue-${queue.name}-${queue.function}${id}`, {
          queueName,
          timeoutSeconds: sized.get(queue.function)?.timeoutSeconds ?? 0,
          windowSeconds: queue.windowSeconds,
          deadLetters: this.deadLetters,
        });
      const made = make("", this.deployment.queueName(text));
      const bands = (queue.bands ? BESIDE_THE_MIDDLE : []).map(([band, id]) => {
        const name = this.deployment.bandName(text, band);
        return { name, made: make(id, name) };
      });
      return { ...queue, text, made, bands };
    });
  }

  private makeWorker(
    { settings, code }: DeploymentProps,
    size: FunctionSettings,
    queues: readonly SiteQueue[],
  ): FanfoldFunction {
    const { site } = this;
    const fed = queues.filter((queue) => queue.function === size.kind);
    const worker = new FanfoldFunction(this, `Worker-${size.kind}`, {
      settings,
      code,
      handler: "worker",
      functionName: this.deployment.siteFunctionName(site.name, { role: "worker", function: size.kind }),
      description: `Runs tasks: ${size.kind} of ${site.name}`,
      tasks: { site: site.name },
      site: site.name,
      memoryMb: size.memoryMb,
      timeoutSeconds: size.timeoutSeconds,
      ...(size.reservedConcurrency !== undefined && { reservedConcurrency: size.reservedConcurrency }),
      consumes: fed.flatMap(({ made, bands }) =>
        [made, ...bands.map((band) => band.made)].map((each) => each.queue.queueArn),
      ),
      needs: size,
      statements: size.permissions.map(({ actions, resources }) => allow(actions, resources)),
    });
    for (const queue of fed) for (const { made } of [queue, ...queue.bands]) made.feed(worker.function, queue);
    return worker;
  }

  private makeDeadLetter({ settings, code }: DeploymentProps): void {
    const { name } = this.site;
    const deadLetter = new FanfoldFunction(this, "DeadLetter", {
      settings,
      code,
      ...DEAD_LETTER,
      handler: "dead-letter",
      functionName: this.deployment.siteFunctionName(name, { role: "dead-letter" }),
      description: `Looks again at messages that workers of ${name} gave up`,
      tasks: "none",
      site: name,
      consumes: [this.deadLetters.queue.queueArn],
    });
    this.deadLetters.feed(deadLetter.function, DEAD_LETTER_FEED);
  }

  private addAlarms(settings: Settings, queues: readonly SiteQueue[]): void {
    const { site, deployment } = this;
    const alarms = new Alarms(this, "Alarms", settings);
    for (const { text, bands } of queues)
      for (const name of [deployment.queueName(text), ...bands.map((band) => band.name)]) alarms.ofQueue(name);
    const functions = [
      ...site.functions.map(({ kind }) => deployment.siteFunctionName(site.name, { role: "worker", function: kind })),
      deployment.siteFunctionName(site.name, { role: "dead-letter" }),
    ];
    for (const name of functions) alarms.ofFunction(name);
    alarms.ofDeadLetters(deployment.deadLetterQueueName(site.name), functions);
  }
}
