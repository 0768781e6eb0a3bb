import { Stack, Validations } from "aws-cdk-lib";
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
    ([resource, reason]) => [`AwsSolutions-IAM5[Resource::${flatten(stack.resolve(resource))}]`, reason] as const,
  );
  acknowledge(construct, Object.fromEntries(findings));
}

/** A name in a template: text, or what CloudFormation puts together. */
type Reference =
  | string
  | { readonly "Fn::Join": readonly [delimiter: string, parts: readonly Reference[]] }
  | { readonly "Fn::GetAtt": readonly [resource: string, attribute: string] }
  | { readonly "Fn::ImportValue": Reference }
  | { readonly Ref: string };
/** Returns a resource's name as the checks of cdk-nag write it. It is not needed by apps that do not check. */
function flatten(reference: Reference): string {
  if (typeof reference === "string") return reference;
  if ("Fn::Join" in reference) return reference["Fn::Join"][1].map(flatten).join(reference["Fn::Join"][0]);
  if ("Fn::GetAtt" in reference) return `<${reference["Fn::GetAtt"].join(".")}>`;
  if ("Fn::ImportValue" in reference) return flatten(reference["Fn::ImportValue"]);
  return "Ref" in reference ? `<${reference.Ref}>` : JSON.stringify(reference);
}
