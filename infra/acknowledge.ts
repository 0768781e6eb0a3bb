import { Stack, Validations } from "aws-cdk-lib";
import { flattenCfnReference } from "cdk-nag/lib/utils/flatten-cfn-reference.js";
import type { IConstruct } from "constructs";

/** Records why a finding of the checks is accepted, on the smallest construct that has it. */
export function acknowledge(construct: IConstruct, findings: Readonly<Record<string, string>>): void {
  Validations.of(construct).acknowledge(...Object.entries(findings).map(([id, reason]) => ({ id, reason })));
}

/** Records why resources of a policy may stand for many, with one reason for each. */
export function acknowledgeResources(
  construct: IConstruct,
  resources: readonly (readonly [resource: string, reason: string])[],
): void {
  const stack = Stack.of(construct);
  const findings = resources.map(
    ([resource, reason]) =>
      [`AwsSolutions-IAM5[Resource::${flattenCfnReference(stack.resolve(resource))}]`, reason] as const,
  );
  acknowledge(construct, Object.fromEntries(findings));
}
