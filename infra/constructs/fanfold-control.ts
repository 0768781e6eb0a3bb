import { Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import { Deployment } from "../deployment.ts";
import { ExecutionEvents } from "./execution-events.ts";
import { type DeploymentProps, FanfoldFunction } from "./fanfold-function.ts";
import { FanfoldQueue } from "./fanfold-queue.ts";
import { FanfoldSupervisor } from "./fanfold-supervisor.ts";

const CONTROL = { memoryMb: 1_024, timeoutSeconds: 120 };
const SWEEPER = { memoryMb: 512, timeoutSeconds: 55 };
export const DEAD_LETTER = { memoryMb: 512, timeoutSeconds: 60 };
/** Feeds control messages fast and in parallel, because all other work waits for expanding and settling. */
const CONTROL_FEED = { batchSize: 10, windowSeconds: 0, maxConcurrency: 50 };
/** Dead letters are few and not urgent. */
export const DEAD_LETTER_FEED = { batchSize: 10, windowSeconds: 0, maxConcurrency: 2 };

/** Seconds in place of a function's timeout, because people read this queue and no function does. */
const READ_SECONDS = 5;

/**
 * Moves jobs forward: the engine's queue and its function, the sweeper, the dead letters, and the supervisor of
 * supervised jobs.
 */
export class FanfoldControl extends Construct {
  readonly control: FanfoldFunction;
  readonly sweeper: FanfoldFunction;
  readonly deadLetter: FanfoldFunction;
  readonly queue: FanfoldQueue;
  readonly supervisor: FanfoldSupervisor;

  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id);
    const deployment = new Deployment(this, props.settings.prefix);
    const deadLetters = new FanfoldQueue(this, "DeadLetters", {
      queueName: deployment.engineDeadLetterQueueName,
      timeoutSeconds: DEAD_LETTER.timeoutSeconds,
    });
    this.queue = new FanfoldQueue(this, "EngineQueue", {
      queueName: deployment.engineQueueName,
      timeoutSeconds: CONTROL.timeoutSeconds,
      deadLetters,
    });

    const undelivered = new FanfoldQueue(this, "EventDeadLetters", {
      queueName: deployment.eventsDeadLetterQueueName,
      timeoutSeconds: READ_SECONDS,
    });
    const stateMachines = props.code.stateMachines();
    if (stateMachines.length > 0)
      new ExecutionEvents(this, "ExecutionEvents", { deployment, stateMachines, engine: this.queue, undelivered });

    this.control = new FanfoldFunction(this, "Control", {
      ...props,
      ...CONTROL,
      handler: "control",
      functionName: deployment.functionName("control"),
      description:
        "Expands, settles, cancels, checks groups and answers supervisors, starts state machines, fires schedules",
      tasks: "all",
      consumes: [this.queue.queue.queueArn],
      stateMachines,
      environment: { FANFOLD_STATE_MACHINE_ARN_BASE: deployment.stateMachineArnBase },
    });
    this.queue.feed(this.control.function, CONTROL_FEED);

    this.sweeper = this.makeSweeper(props, deployment, undelivered);
    this.deadLetter = this.makeDeadLetter(props, deployment, deadLetters);
    this.supervisor = new FanfoldSupervisor(this, "Supervisor", { ...props, undelivered });
  }

  private makeSweeper(props: DeploymentProps, deployment: Deployment, undelivered: FanfoldQueue): FanfoldFunction {
    const sweeper = new FanfoldFunction(this, "Sweeper", {
      ...props,
      ...SWEEPER,
      handler: "sweeper",
      functionName: deployment.functionName("sweeper"),
      description: "Every minute: orders checks of open groups, sends runs whose time has come",
      tasks: "none",
    });
    new Rule(this, "EveryMinute", {
      description: `${deployment.prefix}: the sweeper`,
      schedule: Schedule.rate(Duration.minutes(1)),
      // A failed sweep is not repeated, because the next one is a minute away.
      targets: [
        new LambdaFunction(sweeper.function, {
          retryAttempts: 0,
          maxEventAge: Duration.minutes(1),
          deadLetterQueue: undelivered.queue,
        }),
      ],
    });
    return sweeper;
  }

  private makeDeadLetter(props: DeploymentProps, deployment: Deployment, deadLetters: FanfoldQueue): FanfoldFunction {
    const deadLetter = new FanfoldFunction(this, "DeadLetter", {
      ...props,
      ...DEAD_LETTER,
      handler: "dead-letter",
      functionName: deployment.functionName("engine-dead-letter"),
      description: "Looks again at control messages that were given up",
      tasks: "none",
      consumes: [deadLetters.queue.queueArn],
    });
    deadLetters.feed(deadLetter.function, DEAD_LETTER_FEED);
    return deadLetter;
  }
}
