import { Stack, type StackProps, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { Settings } from "../../functions/sdk/config.ts";

/** A stack of a deployment, for any account and region. All its resources carry the tags that split the bill. */
export class FanfoldStack extends Stack {
  constructor(scope: Construct, settings: Settings, component: string, props: StackProps = {}) {
    super(scope, `${settings.prefix}-${component}`, props);
    for (const [name, value] of Object.entries(settings.tags)) Tags.of(this).add(name, value);
    Tags.of(this).add("fanfold:deployment", settings.prefix);
    Tags.of(this).add("fanfold:component", component);
  }
}
