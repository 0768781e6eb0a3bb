import type { Stack } from "aws-cdk-lib";
import { Effect, PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { SiteSettings } from "../functions/sdk/config.ts";
import { isToken } from "../functions/sdk/function-config.ts";
import { allow } from "./permissions.ts";

type FunctionSettings = SiteSettings["functions"][number];
/** What the tasks of a function need beside their code. */
export type Needs = Pick<FunctionSettings, "environment" | "secrets" | "vpc" | "layers">;

/** Returns the variables of the tasks, and where their secrets are. What the secrets are is in no template. */
export function needsEnvironment({ environment, secrets }: Needs): Record<string, string> {
  const places = Object.fromEntries(Object.entries(secrets).map(([name, { key: _key, ...place }]) => [name, place]));
  return { ...environment, ...(Object.keys(places).length > 0 && { FANFOLD_SECRETS: JSON.stringify(places) }) };
}

/** Returns the permission to read each secret that is named, and no other. */
export function secretStatements(stack: Stack, { secrets }: Needs): PolicyStatement[] {
  const all = Object.values(secrets);
  const statement = (action: string, resources: readonly string[]): PolicyStatement[] =>
    resources.length === 0 ? [] : [allow([action], [...new Set(resources)])];
  return [
    ...statement(
      "secretsmanager:GetSecretValue",
      all.flatMap(({ secret }) => (secret === undefined ? [] : [secretArn(stack, secret)])),
    ),
    ...statement(
      "ssm:GetParameter",
      all.flatMap(({ parameter }) => (parameter === undefined ? [] : [parameterArn(stack, parameter)])),
    ),
    ...statement(
      "kms:Decrypt",
      all.flatMap(({ key }) => key ?? []),
    ),
  ];
}
/** Secrets Manager adds six characters to a name, which the ARN of a secret ends with. */
function secretArn(stack: Stack, secret: string): string {
  if (isToken(secret)) return secret;
  const arn = secret.startsWith("arn:")
    ? secret
    : stack.formatArn({ service: "secretsmanager", resource: `secret:${secret}` });
  return /^arn:.*-[A-Za-z0-9]{6}$/.test(secret) ? arn : `${arn}-??????`;
}
function parameterArn(stack: Stack, parameter: string): string {
  return isToken(parameter) || parameter.startsWith("arn:")
    ? parameter
    : stack.formatArn({ service: "ssm", resource: "parameter", resourceName: parameter.replace(/^\//, "") });
}

/**
 * Actions by which Lambda attaches a function to a network. EC2 knows no resources for some of them.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 */
const NETWORK_ACTIONS = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];
export const ANY_INTERFACE = "*";
export const NETWORK_REASON =
  "Lambda attaches the function to its subnets with these rights. A second statement keeps them from the code of tasks.";
/** Returns what Lambda needs to attach a function to its network. The code of the function may not use it. */
export function networkStatements({ vpc }: Needs, functionArn: string): PolicyStatement[] {
  if (vpc === undefined) return [];
  return [
    allow(NETWORK_ACTIONS, [ANY_INTERFACE]),
    new PolicyStatement({
      effect: Effect.DENY,
      actions: NETWORK_ACTIONS,
      resources: [ANY_INTERFACE],
      conditions: { ArnEquals: { "lambda:SourceFunctionArn": functionArn } },
    }),
  ];
}
