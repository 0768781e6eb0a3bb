import { Arn, ArnFormat, Aws, RemovalPolicy, Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { tableDefinitions } from "../functions/core/items/table-definitions.ts";
import {
  bandResourceName,
  bucketName,
  deadLetterQueueName,
  type DeploymentRole,
  functionResourceName,
  queueResourceName,
  resourceNames,
  siteFunctionName,
} from "../functions/core/names/aws-resource-names.ts";
import type { Settings } from "../functions/sdk/config.ts";

/** Returns what becomes of data when its stack is destroyed. */
export function removalPolicyOf({ removal }: Settings): RemovalPolicy {
  return removal === "destroy" ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN;
}

/**
 * Derives the names and ARNs of a deployment from its prefix and nothing else. No stack exports or imports a value, so
 * each stack is deployed and destroyed alone. Account and region are those of the stack that asks, known at deploy
 * time.
 */
export class Deployment {
  readonly prefix: string;
  private readonly stack: Stack;
  constructor(scope: Construct, prefix: string) {
    this.prefix = prefix;
    this.stack = Stack.of(scope);
  }

  get bucketName(): string {
    return bucketName(this.prefix, Aws.ACCOUNT_ID, Aws.REGION);
  }
  get bucketArn(): string {
    return Arn.format({ service: "s3", region: "", account: "", resource: this.bucketName }, this.stack);
  }
  get anyBlobArn(): string {
    return `${this.bucketArn}/*`;
  }
  get tableArns(): readonly string[] {
    return tableDefinitions(this.prefix).map(({ tableName }) => this.arn("dynamodb", "table", tableName));
  }
  get indexArns(): readonly string[] {
    return tableDefinitions(this.prefix).flatMap(({ tableName, indexes }) =>
      indexes.map(({ indexName }) => this.arn("dynamodb", "table", `${tableName}/index/${indexName}`)),
    );
  }
  /** Common prefix of all queue URLs. The name of the queue follows. */
  get queueUrlBase(): string {
    return `https://sqs.${Aws.REGION}.${Aws.URL_SUFFIX}/${Aws.ACCOUNT_ID}`;
  }
  /** Pattern for every queue of the deployment, including those of sites that do not exist yet. */
  get anyQueueArn(): string {
    return this.queueArn(`${this.prefix}-*`);
  }
  get engineQueueName(): string {
    return resourceNames(this.prefix).engineQueue;
  }
  get engineDeadLetterQueueName(): string {
    return resourceNames(this.prefix).engineDeadLetterQueue;
  }
  get eventsDeadLetterQueueName(): string {
    return resourceNames(this.prefix).eventsDeadLetterQueue;
  }
  get stateMachineName(): string {
    return resourceNames(this.prefix).supervisorStateMachine;
  }
  get stateMachineArn(): string {
    return this.arn("states", "stateMachine", this.stateMachineName, ArnFormat.COLON_RESOURCE_NAME);
  }
  get anyExecutionArn(): string {
    return this.arn("states", "execution", `${this.stateMachineName}:*`, ArnFormat.COLON_RESOURCE_NAME);
  }
  /** Common prefix of state machine ARNs of this account and region. The name of the machine follows. */
  get stateMachineArnBase(): string {
    return this.arn("states", "stateMachine", "", ArnFormat.COLON_RESOURCE_NAME);
  }
  /** Returns the ARN of a machine, given its name or its ARN. */
  arnOfMachine(machine: string): string {
    return machine.startsWith("arn:")
      ? machine
      : this.arn("states", "stateMachine", machine, ArnFormat.COLON_RESOURCE_NAME);
  }
  /** Returns a pattern for the executions of a machine that this deployment has started. */
  ownExecutionsArn(machine: string): string {
    return `${this.arnOfMachine(machine).replace(":stateMachine:", ":execution:")}:${this.prefix}-*`;
  }
  /** Pattern for all state machines of the account in this region, because a workflow may be a step of any. */
  get anyStateMachineArn(): string {
    return this.arn("states", "stateMachine", "*", ArnFormat.COLON_RESOURCE_NAME);
  }
  /** Name of the topic that the alarms of all stacks notify. */
  get alarmTopicName(): string {
    return `${this.prefix}-alarms`;
  }
  get alarmTopicArn(): string {
    return Arn.format({ service: "sns", resource: this.alarmTopicName }, this.stack);
  }
  /** Returns the resource name of a queue, given its text form, `london.default#worker`. */
  queueName(queue: string): string {
    return queueResourceName(this.prefix, queue);
  }
  bandName(queue: string, band: Parameters<typeof bandResourceName>[2]): string {
    return bandResourceName(this.prefix, queue, band);
  }
  deadLetterQueueName(site: string): string {
    return deadLetterQueueName(this.prefix, site);
  }
  functionName(role: DeploymentRole): string {
    return functionResourceName(this.prefix, role);
  }
  siteFunctionName(site: string, role: Parameters<typeof siteFunctionName>[2]): string {
    return siteFunctionName(this.prefix, site, role);
  }
  functionArn(functionName: string): string {
    return this.arn("lambda", "function", functionName, ArnFormat.COLON_RESOURCE_NAME);
  }

  private queueArn(queueName: string): string {
    return Arn.format({ service: "sqs", resource: queueName }, this.stack);
  }
  private arn(
    service: string,
    resource: string,
    resourceName: string,
    arnFormat = ArnFormat.SLASH_RESOURCE_NAME,
  ): string {
    return Arn.format({ service, resource, resourceName, arnFormat }, this.stack);
  }
}
