import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { HandlerName } from "./bundling.ts";
import type { Deployment } from "./deployment.ts";

/**
 * AWS actions of each port: one for each command that its implementation in functions/aws sends. A test compares the
 * two.
 */
export const PORT_ACTIONS = {
  store: [
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
  ],
  queue: ["sqs:GetQueueAttributes", "sqs:SendMessage"],
  visibility: ["sqs:ChangeMessageVisibility"],
  // Without ListBucket, S3 answers that access is denied when an object does not exist.
  blobs: ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
  tokens: ["states:SendTaskFailure", "states:SendTaskSuccess"],
  supervisions: ["states:DescribeExecution", "states:StartExecution"],
  executions: ["states:DescribeExecution", "states:StartExecution", "states:StopExecution"],
} as const;
export type Port = keyof typeof PORT_ACTIONS;
type PortAction = (typeof PORT_ACTIONS)[Port][number];

/** The ports that each handler is built with. */
export const HANDLER_PORTS: Readonly<Record<HandlerName, readonly Port[]>> = {
  worker: ["store", "queue", "visibility", "blobs"],
  control: ["store", "queue", "visibility", "blobs", "tokens", "executions"],
  api: ["store", "queue", "blobs", "supervisions"],
  sweeper: ["store", "queue", "blobs"],
  "dead-letter": ["store", "queue", "visibility", "blobs"],
  supervisor: ["store", "queue", "blobs"],
};

/** Actions that Lambda takes in the role of a function, to feed it from a queue. */
export const CONSUME_ACTIONS = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"] as const;
export const LOG_ACTIONS = ["logs:CreateLogStream", "logs:PutLogEvents"] as const;

/** Resources that not every function works on. */
export interface Reach {
  /** ARNs of the queues that feed the function. */
  readonly consumes: readonly string[];
  /** Names or ARNs of the state machines that tasks name. */
  readonly stateMachines: readonly string[];
}

/** Returns the permissions that the engine needs in this handler. A port without resources gets none. */
export function engineStatements(deployment: Deployment, handler: HandlerName, reach: Reach): PolicyStatement[] {
  const statements = HANDLER_PORTS[handler].flatMap((port) =>
    PORT_ACTIONS[port].flatMap((action) => {
      const resources = resourcesOf(deployment, port, action, reach);
      return resources.length === 0 ? [] : [allow([action], resources)];
    }),
  );
  const { consumes } = reach;
  if (consumes.length > 0) statements.push(allow(CONSUME_ACTIONS, consumes));
  return statements;
}

function resourcesOf(
  deployment: Deployment,
  port: Port,
  action: PortAction,
  { consumes, stateMachines }: Reach,
): readonly string[] {
  switch (action) {
    case "dynamodb:Query":
      return [...deployment.tableArns, ...deployment.indexArns];
    case "dynamodb:BatchGetItem":
    case "dynamodb:DeleteItem":
    case "dynamodb:GetItem":
    case "dynamodb:PutItem":
    case "dynamodb:UpdateItem":
      return deployment.tableArns;
    case "s3:ListBucket":
      return [deployment.bucketArn];
    case "s3:AbortMultipartUpload":
    case "s3:GetObject":
    case "s3:PutObject":
      return [deployment.anyBlobArn];
    case "sqs:ChangeMessageVisibility":
      return consumes;
    case "sqs:GetQueueAttributes":
    case "sqs:SendMessage":
      return [deployment.anyQueueArn];
    case "states:DescribeExecution":
    case "states:StopExecution":
      return port === "supervisions"
        ? [deployment.anyExecutionArn]
        : stateMachines.map((machine) => deployment.ownExecutionsArn(machine));
    case "states:SendTaskFailure":
    case "states:SendTaskSuccess":
      return [deployment.anyStateMachineArn];
    case "states:StartExecution":
      return port === "supervisions"
        ? [deployment.stateMachineArn]
        : stateMachines.map((machine) => deployment.arnOfMachine(machine));
  }
}

/** Returns the resources above that stand for many, each with its reason. No action ever has a wildcard. */
export function wideResources(
  deployment: Deployment,
  handler: HandlerName,
  { stateMachines }: Reach,
): readonly (readonly [resource: string, reason: string])[] {
  const ports = HANDLER_PORTS[handler];
  return [
    ...when(
      ports.includes("blobs"),
      deployment.anyBlobArn,
      "Values of jobs: their names are made as they are written. The bucket holds nothing else.",
    ),
    ...when(
      ports.includes("queue"),
      deployment.anyQueueArn,
      "Work goes to any queue of the deployment, and sites come and go.",
    ),
    ...when(
      ports.includes("supervisions"),
      deployment.anyExecutionArn,
      "Executions have the names of jobs. They are those of the deployment's own state machine.",
    ),
    ...stateMachines.flatMap((machine) =>
      when(
        ports.includes("executions"),
        deployment.ownExecutionsArn(machine),
        "Executions of a task's state machine, as the deployment names them.",
      ),
    ),
    ...when(
      ports.includes("tokens"),
      deployment.anyStateMachineArn,
      "A workflow may be a step of any state machine of the account. The right reaches no further than the task token that such a step has sent.",
    ),
  ];
}
function when(given: boolean, resource: string, reason: string): (readonly [string, string])[] {
  return given ? [[resource, reason]] : [];
}

export function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  return new PolicyStatement({ actions: [...actions], resources: [...resources] });
}
