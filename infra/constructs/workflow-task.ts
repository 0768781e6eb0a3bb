import { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import {
  IntegrationPattern,
  JsonPath,
  TaskInput,
  type TaskStateBaseProps,
  type Timeout,
} from "aws-cdk-lib/aws-stepfunctions";
import { LambdaInvoke } from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { Construct } from "constructs";
import { DEFAULT_PREFIX } from "../../functions/core/names/aws-resource-names.ts";
import { Deployment } from "../deployment.ts";

export interface WorkflowTaskProps extends Pick<
  TaskStateBaseProps,
  "comment" | "inputPath" | "outputPath" | "resultPath" | "resultSelector" | "stateName"
> {
  /** Name of the workflow, or a path into the state's input, which is text that begins with `$.`. */
  readonly workflow: string;
  /** Parameters of the workflow. Values may be paths: `{ year: JsonPath.numberAt("$.year") }`. Default: none. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Seconds until the job is timed out. Default: the limit of the workflow. */
  readonly timeoutSeconds?: number;
  /** Time until the step gives up; the job goes on. Default: as long as its state machine runs. */
  readonly taskTimeout?: Timeout;
  /** Prefix of the deployment, in the same account and region. Default `fanfold`. */
  readonly prefix?: string;
}

/**
 * A step of your own state machine that runs a Fanfold workflow and waits for its end, without polling. Its output is
 * `{ jobId, state, counts, value }`. A job that does not end well is the error `Fanfold.JobFailure`,
 * `Fanfold.JobCancelled` or `Fanfold.JobTimedOut`, for Catch and Retry. Each entry of the step starts a job of its own.
 * @example
 * new WorkflowTask(this, "Close the year", {
 *   workflow: "accounts.close",
 *   fields: { year: JsonPath.numberAt("$.year") },
 * })
 */
export class WorkflowTask extends LambdaInvoke {
  constructor(scope: Construct, id: string, props: WorkflowTaskProps) {
    const { workflow, fields = {}, timeoutSeconds, prefix = DEFAULT_PREFIX, ...rest } = props;
    const deployment = new Deployment(scope, prefix);
    const functionArn = deployment.functionArn(deployment.functionName("supervisor"));
    super(scope, id, {
      ...rest,
      // The reference is by name, because the deployment may belong to another app.
      lambdaFunction: LambdaFunction.fromFunctionAttributes(scope, `${id} supervisor`, {
        functionArn,
        sameEnvironment: true,
        skipPermissions: true,
      }),
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      payload: TaskInput.fromObject({
        action: "submit",
        token: JsonPath.taskToken,
        workflow: workflow.startsWith("$.") ? JsonPath.stringAt(workflow) : workflow,
        fields,
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
      }),
    });
  }
}
