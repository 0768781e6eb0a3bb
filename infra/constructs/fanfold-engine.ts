import { Construct } from "constructs";
import { FanfoldControl } from "./fanfold-control.ts";
import type { DeploymentProps } from "./fanfold-function.ts";
import { FanfoldState } from "./fanfold-state.ts";

/**
 * State and control in one construct, which an existing CDK app adds first. Sites and an API are added beside it, in
 * the same stack or in others.
 */
export class FanfoldEngine extends Construct {
  readonly state: FanfoldState;
  readonly control: FanfoldControl;

  constructor(scope: Construct, id: string, props: DeploymentProps) {
    super(scope, id);
    this.state = new FanfoldState(this, "State", props);
    this.control = new FanfoldControl(this, "Control", props);
  }
}
