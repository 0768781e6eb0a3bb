import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { PolicyDocument, type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type CfnFunction,
  Function as LambdaFunction,
  LayerVersion,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { Settings } from "../../functions/sdk/config.ts";
import { bandedQueuesOf, capsOf, queuesOf } from "../../functions/sdk/queue-settings.ts";
import { acknowledgeResources } from "../acknowledge.ts";
import type { HandlerName } from "../bundling.ts";
import { Deployment } from "../deployment.ts";
import {
  ANY_INTERFACE,
  type Needs,
  needsEnvironment,
  NETWORK_REASON,
  networkStatements,
  secretStatements,
} from "../function-needs.ts";
import { allow, engineStatements, LOG_ACTIONS, wideResources } from "../permissions.ts";
import type { FunctionCode } from "./code.ts";

/** Properties of every construct of a deployment. */
export interface DeploymentProps {
  readonly settings: Settings;
  readonly code: FunctionCode;
}

export interface FanfoldFunctionProps extends DeploymentProps {
  readonly handler: HandlerName;
  readonly functionName: string;
  readonly description: string;
  /** Tasks to include in its code; see FunctionCode. */
  readonly tasks: Parameters<FunctionCode["of"]>[1];
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Site of the function. Default: the site of queues that name none. */
  readonly site?: string;
  readonly reservedConcurrency?: number;
  /** ARNs of the queues that feed the function. */
  readonly consumes?: readonly string[];
  /** Names or ARNs of the state machines that the function starts for tasks. */
  readonly stateMachines?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What its tasks need beside their code. Default: nothing. */
  readonly needs?: Needs;
  /** Permissions beside those that the engine needs. */
  readonly statements?: readonly PolicyStatement[];
}

const ASKED_FOR = "What the tasks of this site use, as fanfold.config.ts says.";

/** A Lambda function of the engine, with its log, its environment, and a role that permits only what it uses. */
export class FanfoldFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: FanfoldFunctionProps) {
    super(scope, id);
    const { settings, handler, functionName } = props;
    const deployment = new Deployment(this, settings.prefix);
    const logGroup = new LogGroup(this, "Log", {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: settings.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = this.makeRole(props, deployment, logGroup);
    this.function = new LambdaFunction(this, "Function", {
      functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      ...props.code.of(handler, props.tasks),
      role: this.role,
      logGroup,
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      environment: environmentOf(props, deployment),
      layers: (props.needs?.layers ?? []).map((arn, k) => LayerVersion.fromLayerVersionArn(this, `Layer${k}`, arn)),
    });
    // The construct of CDK would need the zones of the subnets, which the configuration does not have.
    const { vpc } = props.needs ?? {};
    if (vpc)
      (this.function.node.defaultChild as CfnFunction).vpcConfig = {
        subnetIds: [...vpc.subnetIds],
        securityGroupIds: [...vpc.securityGroupIds],
      };
  }

  private makeRole(props: FanfoldFunctionProps, deployment: Deployment, logGroup: LogGroup): Role {
    const { handler, consumes = [], stateMachines = [], statements = [] } = props;
    const reach = { consumes, stateMachines };
    const { needs } = props;
    const needed = needs && [
      ...secretStatements(Stack.of(this), needs),
      ...networkStatements(needs, deployment.functionArn(props.functionName)),
    ];
    // The policy is inline, so the permissions are in place before the function starts.
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
      description: `${props.functionName}: ${props.description}`,
      inlinePolicies: {
        fanfold: new PolicyDocument({
          statements: [
            allow(LOG_ACTIONS, [logGroup.logGroupArn]),
            ...engineStatements(deployment, handler, reach),
            ...statements,
            ...(needed ?? []),
          ],
        }),
      },
    });
    acknowledgeResources(role, [
      ...wideResources(deployment, handler, reach),
      ...(needs?.vpc ? [[ANY_INTERFACE, NETWORK_REASON] as const] : []),
      ...statements.flatMap(({ resources }) =>
        resources.filter((each) => each.includes("*")).map((each) => [each, ASKED_FOR] as const),
      ),
    ]);
    return role;
  }
}

function environmentOf(
  { settings, site, environment, needs }: FanfoldFunctionProps,
  deployment: Deployment,
): Record<string, string> {
  const { concurrency, jobTimeoutDays, retentionDays } = settings;
  const caps = capsOf(settings);
  const banded = bandedQueuesOf(settings);
  return {
    FANFOLD_PREFIX: settings.prefix,
    FANFOLD_SITE: site ?? settings.site,
    FANFOLD_BUCKET: deployment.bucketName,
    FANFOLD_QUEUE_URL_BASE: deployment.queueUrlBase,
    ...(banded.length > 0 && { FANFOLD_BANDED: banded.join(",") }),
    FANFOLD_CONFIG: JSON.stringify({
      site: settings.site,
      queues: queuesOf(settings),
      ...(caps && { caps }),
      concurrency,
      jobTimeoutDays,
      retentionDays,
    }),
    ...environment,
    ...(needs && needsEnvironment(needs)),
  };
}
