import { Duration } from "aws-cdk-lib";
import { EventField, Rule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { SqsQueue } from "aws-cdk-lib/aws-events-targets";
import { Construct } from "constructs";
import type { Deployment } from "../deployment.ts";
import type { FanfoldQueue } from "./fanfold-queue.ts";

/**
 * Machines of one rule. An event pattern has at most 2,048 characters.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
const MACHINES_PER_RULE = 10;
const ENDED = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"];

export interface ExecutionEventsProps {
  readonly deployment: Deployment;
  /** Names or ARNs of the machines that run as tasks. */
  readonly stateMachines: readonly string[];
  readonly engine: FanfoldQueue;
  readonly undelivered: FanfoldQueue;
}

/**
 * Notifies the engine's queue when an execution that a task started has ended. The message is `executionEnded` in
 * functions/engine/messages/wire.ts. A lost event only costs time, because the sweeper reads the state of the
 * execution.
 */
export class ExecutionEvents extends Construct {
  constructor(scope: Construct, id: string, { deployment, stateMachines, engine, undelivered }: ExecutionEventsProps) {
    super(scope, id);
    const message = RuleTargetInput.fromObject({
      v: 1,
      kind: "executionEnded",
      execution: EventField.fromPath("$.detail.name"),
    });
    for (let at = 0; at < stateMachines.length; at += MACHINES_PER_RULE) {
      const machines = stateMachines.slice(at, at + MACHINES_PER_RULE);
      new Rule(this, `Ended${at / MACHINES_PER_RULE}`, {
        description: `${deployment.prefix}: an execution of a task's state machine has ended`,
        eventPattern: {
          source: ["aws.states"],
          detailType: ["Step Functions Execution Status Change"],
          detail: {
            status: ENDED,
            stateMachineArn: machines.map((machine) => deployment.arnOfMachine(machine)),
            name: [{ prefix: `${deployment.prefix}-` }],
          },
        },
        targets: [
          new SqsQueue(engine.queue, {
            message,
            retryAttempts: 10,
            maxEventAge: Duration.hours(2),
            deadLetterQueue: undelivered.queue,
          }),
        ],
      });
    }
  }
}
