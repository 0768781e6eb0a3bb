import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { EventInvokeConfig } from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import {
  Choice,
  Condition,
  DefinitionBody,
  IntegrationPattern,
  JsonPath,
  LogLevel,
  Pass,
  Result,
  StateMachine,
  StateMachineType,
  TaskInput,
  Timeout,
} from "aws-cdk-lib/aws-stepfunctions";
import { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import { Construct } from "constructs";
import type { Settings } from "../../functions/sdk/config.ts";
import { acknowledgeResources } from "../acknowledge.ts";
import { Deployment } from "../deployment.ts";
import { type DeploymentProps, FanfoldFunction } from "./fanfold-function.ts";
import type { FanfoldQueue } from "./fanfold-queue.ts";

const SUPERVISOR = { memoryMb: 512, timeoutSeconds: 60 };
/**
 * Longest Standard execution, in days.
 * https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
const LONGEST_EXECUTION_DAYS = 365;
const SECONDS_PER_DAY = 86_400;

export interface FanfoldSupervisorProps extends DeploymentProps {
  /** Takes events that could not be delivered, or that the function could not handle. */
  readonly undelivered: FanfoldQueue;
}

/**
 * Supervises jobs. An execution has the name of its job and submits the workflow with its task token. It ends when the
 * job ends and with the same outcome, `Fanfold.JobTimedOut` included. An execution that is stopped or runs out of time
 * cancels its job.
 *
 *     start { workflow, fields, principal, timeoutSeconds? } -> submit -> (job ends)
 *       -> { jobId, state, counts, value } or error and cause
 */
export class FanfoldSupervisor extends Construct {
  readonly function: FanfoldFunction;
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: FanfoldSupervisorProps) {
    super(scope, id);
    const { settings } = props;
    const deployment = new Deployment(this, settings.prefix);
    this.function = new FanfoldFunction(this, "Function", {
      ...props,
      ...SUPERVISOR,
      handler: "supervisor",
      functionName: deployment.functionName("supervisor"),
      description: "Submits jobs for state machines, cancels those whose execution was stopped",
      tasks: "all",
    });

    this.stateMachine = this.makeStateMachine(deployment, settings);
    this.cancelStoppedJobs(deployment, props.undelivered);
  }

  private makeDefinition(settings: Settings): Choice {
    const submit = new LambdaInvoke(this, "Submit and wait for the job", {
      lambdaFunction: this.function.function,
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      payload: TaskInput.fromObject({
        action: "submit",
        token: JsonPath.taskToken,
        jobId: JsonPath.executionName,
        workflow: JsonPath.stringAt("$.workflow"),
        fields: JsonPath.objectAt("$.fields"),
        principal: JsonPath.stringAt("$.principal"),
        timeoutSeconds: JsonPath.numberAt("$.timeoutSeconds"),
      }),
      // The job's own deadline ends the state earlier. This limit is for an engine that no longer answers.
      taskTimeout: Timeout.duration(Duration.days(LONGEST_EXECUTION_DAYS)),
    });
    const fallback = new Pass(this, "Usual time limit", {
      result: Result.fromNumber(settings.jobTimeoutDays * SECONDS_PER_DAY),
      resultPath: "$.timeoutSeconds",
    });
    return new Choice(this, "Time limit given?")
      .when(Condition.isPresent("$.timeoutSeconds"), submit)
      .otherwise(fallback.next(submit));
  }

  private makeStateMachine(deployment: Deployment, settings: Settings): StateMachine {
    const stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineName: deployment.stateMachineName,
      stateMachineType: StateMachineType.STANDARD,
      comment: "One execution per supervised job",
      definitionBody: DefinitionBody.fromChainable(this.makeDefinition(settings)),
      timeout: Duration.days(LONGEST_EXECUTION_DAYS),
      tracingEnabled: true,
      logs: {
        destination: new LogGroup(this, "Log", {
          logGroupName: `/aws/vendedlogs/states/${deployment.stateMachineName}`,
          retention: settings.logRetentionDays as RetentionDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
        level: LogLevel.ALL,
        // Parameters of jobs may be private. The execution holds them, and it has permissions of its own.
        includeExecutionData: false,
      },
    });
    acknowledgeResources(stateMachine, [
      [`${this.function.function.functionArn}:*`, "Versions of the supervisor, which invoking it includes."],
      [
        "*",
        "Log delivery and tracing have no resources to name (https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html).",
      ],
    ]);
    return stateMachine;
  }

  private cancelStoppedJobs(deployment: Deployment, undelivered: FanfoldQueue): void {
    new Rule(this, "Stopped", {
      description: `${deployment.prefix}: an execution that was stopped cancels its job`,
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: { stateMachineArn: [this.stateMachine.stateMachineArn], status: ["ABORTED", "TIMED_OUT", "FAILED"] },
      },
      targets: [
        new LambdaFunction(this.function.function, {
          retryAttempts: 10,
          maxEventAge: Duration.hours(2),
          deadLetterQueue: undelivered.queue,
        }),
      ],
    });
    // EventBridge only delivers the event. Lambda then retries the function and keeps the events that it could not
    // handle. The role of the function may already send to every queue.
    new EventInvokeConfig(this, "Asynchronous", {
      function: this.function.function,
      retryAttempts: 2,
      onFailure: { bind: () => ({ destination: undelivered.queue.queueArn }) },
    });
  }
}
