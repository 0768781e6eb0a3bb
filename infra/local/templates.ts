import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CloudFormationClient, paginateListStackResources } from "@aws-sdk/client-cloudformation";

type Value = unknown;
export type Properties = { readonly [name: string]: Value };

/** A resource as a synthesised template asks for it, with the id that its deployment gave it. */
export interface WantedResource {
  readonly stack: string;
  readonly type: string;
  readonly physicalId: string;
  /** Properties with intrinsic functions resolved where `resolve` knows them. Others stay as in the template. */
  readonly properties: Properties;
  readonly retained: boolean;
}

interface Template {
  readonly Resources: {
    readonly [id: string]: {
      readonly Type: string;
      readonly Properties?: Properties;
      readonly DeletionPolicy?: string;
    };
  };
}
const POSITION = { account: "000000000000", region: "us-east-1" };

/** Returns all resources of the stacks in a `cdk.out` folder. Throws when one of the stacks is not deployed. */
export async function wantedResources(
  folder: string,
  { account, region } = POSITION,
): Promise<readonly WantedResource[]> {
  const client = new CloudFormationClient({});
  const wanted: WantedResource[] = [];
  for (const [stack, template] of templatesIn(folder)) {
    const ids = new Map<string, string>();
    for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client }, { StackName: stack }))
      for (const { LogicalResourceId = "", PhysicalResourceId = "" } of StackResourceSummaries)
        ids.set(LogicalResourceId, PhysicalResourceId);
    const known = new Map([
      ...ids,
      ["AWS::Region", region],
      ["AWS::AccountId", account],
      ["AWS::Partition", "aws"],
      ["AWS::StackName", stack],
      ["AWS::URLSuffix", "amazonaws.com"],
    ]);
    const typeOf = (id: string) => template.Resources[id]?.Type;
    for (const [id, resource] of Object.entries(template.Resources)) {
      const properties = resolve(resource.Properties ?? {}, { known, typeOf, account, region }) as Properties;
      wanted.push({
        stack,
        type: resource.Type,
        physicalId: ids.get(id) ?? "",
        properties,
        retained: resource.DeletionPolicy?.startsWith("Retain") ?? false,
      });
    }
  }
  return wanted;
}

/** Returns the name and the template of each stack. */
function templatesIn(folder: string): readonly (readonly [stack: string, Template])[] {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as {
    readonly artifacts: {
      readonly [id: string]: {
        readonly type: string;
        readonly properties?: { readonly templateFile?: string; readonly stackName?: string };
      };
    };
  };
  return Object.entries(manifest.artifacts)
    .filter(([, artifact]) => artifact.type === "aws:cloudformation:stack")
    .map(([id, { properties }]) => {
      const file = properties?.templateFile ?? `${id}.template.json`;
      if (!readdirSync(folder).includes(file)) throw new Error(`${folder} has no ${file}: synthesise again`);
      return [properties?.stackName ?? id, JSON.parse(readFileSync(join(folder, file), "utf8")) as Template] as const;
    });
}

interface Scope {
  readonly known: ReadonlyMap<string, string>;
  readonly typeOf: (id: string) => string | undefined;
  readonly account: string;
  readonly region: string;
}
function resolve(value: Value, scope: Scope): Value {
  if (Array.isArray(value)) return value.map((each) => resolve(each, scope));
  if (typeof value !== "object" || value === null) return value;
  const [[name, argument] = ["", undefined], ...more] = Object.entries(value);
  if (more.length === 0) {
    const found = intrinsic(name, argument, scope);
    if (found !== undefined) return found;
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, scope)]));
}
function intrinsic(name: string, argument: Value, scope: Scope): string | undefined {
  if (name === "Ref") return scope.known.get(String(argument));
  if (name === "Fn::GetAtt" && Array.isArray(argument) && argument[1] === "Arn")
    return arnOf(String(argument[0]), scope);
  if (name === "Fn::Join" && Array.isArray(argument)) {
    const parts = resolve(argument[1], scope);
    if (Array.isArray(parts) && parts.every((part) => typeof part === "string")) return parts.join(String(argument[0]));
  }
  return undefined;
}
/** Returns the ARN of a resource that other resources here refer to. */
function arnOf(id: string, { known, typeOf, account, region }: Scope): string | undefined {
  const physicalId = known.get(id);
  const name = physicalId?.split(/[/:]/).at(-1);
  switch (typeOf(id)) {
    case "AWS::SQS::Queue":
      return `arn:aws:sqs:${region}:${account}:${name}`;
    case "AWS::Lambda::Function":
      return `arn:aws:lambda:${region}:${account}:function:${name}`;
    default:
      return undefined;
  }
}
