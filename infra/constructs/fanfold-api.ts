import { CfnOutput, Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  AccessLogFormat,
  AuthorizationType,
  CognitoUserPoolsAuthorizer,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  type MethodOptions,
  MethodLoggingLevel,
  ResponseTransferMode,
  RestApi,
  type StageOptions,
} from "aws-cdk-lib/aws-apigateway";
import { type IUserPool, Mfa, UserPool } from "aws-cdk-lib/aws-cognito";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import type { Settings } from "../../functions/sdk/config.ts";
import { acknowledge } from "../acknowledge.ts";
import { Deployment, removalPolicyOf } from "../deployment.ts";
import { allow } from "../permissions.ts";
import { type DeploymentProps, FanfoldFunction } from "./fanfold-function.ts";

const NO_LOGS =
  "Logs of API Gateway need a role that is a setting of the whole account: given when asked for (api.accountLogRole). The function's own log names every request that failed.";
const STAGE = "v1";
const MEMORY_MB = 1_024;
/** Longest answer in seconds: API Gateway's limit for one piece, and Lambda's limit for a stream. */
const ONE_PIECE_SECONDS = 29;
const STREAMED_SECONDS = 900;

/**
 * The HTTP API: a REST API that passes every request to one function. Callers are authorised first, except on
 * `/health`.
 */
export class FanfoldApi extends Construct {
  readonly restApi: RestApi;
  readonly function: FanfoldFunction;
  /** Set only with Cognito. */
  readonly userPool: IUserPool | undefined;

  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id);
    const { settings } = props;
    const { streaming } = settings.api;
    const deployment = new Deployment(this, settings.prefix);
    const timeoutSeconds = streaming ? STREAMED_SECONDS : ONE_PIECE_SECONDS;
    this.function = new FanfoldFunction(this, "Function", {
      ...props,
      handler: "api",
      functionName: deployment.functionName("api"),
      description: "Answers the HTTP API",
      tasks: "all",
      memoryMb: MEMORY_MB,
      timeoutSeconds,
      environment: {
        FANFOLD_STATE_MACHINE_ARN: deployment.stateMachineArn,
        ...(streaming && { FANFOLD_STREAMING: "1" }),
      },
    });
    this.restApi = this.makeRestApi(props);
    this.userPool = settings.api.auth === "cognito" ? this.makeUserPool(settings) : undefined;

    const integration = new LambdaIntegration(this.function.function, {
      allowTestInvoke: false,
      timeout: Duration.seconds(timeoutSeconds),
      responseTransferMode: streaming ? ResponseTransferMode.STREAM : ResponseTransferMode.BUFFERED,
    });
    // root.addProxy would answer at the root as well.
    const every = this.restApi.root
      .addResource("{proxy+}")
      .addMethod("ANY", integration, this.authorisation(settings.api.scopes));
    if (!this.userPool)
      acknowledge(every, {
        "AwsSolutions-COG4": "Callers are authorised by IAM: they sign each request with AWS credentials.",
      });
    const health = this.restApi.root
      .addResource("health")
      .addMethod("GET", integration, { authorizationType: AuthorizationType.NONE });
    const open =
      "The one open route: says whether the deployment can store work and how long its own queue is, and nothing else. Load balancers and monitors have no credentials.";
    acknowledge(health, { "AwsSolutions-APIG4": open, "AwsSolutions-COG4": open });
  }

  /** Permits a role or user of this account to call every route, with IAM authorisation. */
  grantInvoke(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(allow(["execute-api:Invoke"], [this.restApi.arnForExecuteApi()]));
  }

  private makeRestApi({ settings }: DeploymentProps): RestApi {
    const { throttle, accountLogRole } = settings.api;
    const api = new RestApi(this, "RestApi", {
      restApiName: new Deployment(this, settings.prefix).functionName("api"),
      description: "Fanfold: workflows, jobs and runs",
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: accountLogRole === "create",
      ...(accountLogRole === "create" && {
        cloudWatchRoleRemovalPolicy: removalPolicyOf(settings),
      }),
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: throttle.ratePerSecond,
        throttlingBurstLimit: throttle.burst,
        metricsEnabled: true,
        tracingEnabled: false,
        dataTraceEnabled: false,
        ...(accountLogRole !== undefined && this.logging(settings)),
      },
    });
    if (accountLogRole === undefined)
      acknowledge(api.deploymentStage, {
        "AwsSolutions-APIG1": NO_LOGS,
        "AwsSolutions-APIG6": NO_LOGS,
      });
    acknowledge(api, {
      "AwsSolutions-APIG2":
        "The function checks every request against the schemas of its route table, and answers with a problem document that names the field.",
      "AwsSolutions-APIG3":
        "Every request but /health is signed or carries a token, and is throttled. A WAF costs a fixed price per month: attach one to the stage where the API is public.",
      "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]":
        "The managed policy of API Gateway's own log role, which AWS names for it: a setting of the account (api.accountLogRole).",
    });
    return api;
  }

  /** Returns the settings of the stage by which API Gateway writes logs. */
  private logging({ logRetentionDays }: Settings): StageOptions {
    const accessLog = new LogGroup(this, "AccessLog", {
      retention: logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    return {
      loggingLevel: MethodLoggingLevel.ERROR,
      accessLogDestination: new LogGroupLogDestination(accessLog),
      accessLogFormat: AccessLogFormat.jsonWithStandardFields({
        caller: true,
        httpMethod: true,
        ip: true,
        protocol: true,
        requestTime: true,
        resourcePath: true,
        responseLength: true,
        status: true,
        user: true,
      }),
    };
  }

  private makeUserPool(settings: Settings): IUserPool {
    const { userPoolArn } = settings.api;
    if (userPoolArn !== undefined) return UserPool.fromUserPoolArn(this, "UserPool", userPoolArn);
    const pool = new UserPool(this, "UserPool", {
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { sms: false, otp: true },
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
      },
      deletionProtection: settings.removal === "retain",
      removalPolicy: removalPolicyOf(settings),
    });
    const client = pool.addClient("Client", { authFlows: { userSrp: true }, preventUserExistenceErrors: true });
    acknowledge(pool, {
      "AwsSolutions-COG8":
        "Threat protection is a paid plan; users are made by an administrator, have long passwords and a second factor. Give a pool of yours (api.userPoolArn) for more.",
    });
    new CfnOutput(this, "UserPoolId", { value: pool.userPoolId });
    new CfnOutput(this, "UserPoolClientId", { value: client.userPoolClientId });
    return pool;
  }

  private authorisation(scopes: readonly string[]): MethodOptions {
    if (this.userPool === undefined) return { authorizationType: AuthorizationType.IAM };
    const authorizer = new CognitoUserPoolsAuthorizer(this, "Authorizer", { cognitoUserPools: [this.userPool] });
    return {
      authorizationType: AuthorizationType.COGNITO,
      authorizer,
      ...(scopes.length > 0 && { authorizationScopes: [...scopes] }),
    };
  }
}
