import type { IGrantable } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import type { Settings } from "../../functions/sdk/config.ts";
import { writePage } from "../deployment-page.ts";
import { FunctionCode } from "./code.ts";
import { FanfoldApi } from "./fanfold-api.ts";
import { FanfoldControl } from "./fanfold-control.ts";
import { FanfoldOperations } from "./fanfold-operations.ts";
import { FanfoldSite } from "./fanfold-site.ts";
import { FanfoldState } from "./fanfold-state.ts";

export interface FanfoldProps {
  /** What `defineConfig` returns. */
  readonly config: Settings;
  /** The code of its functions. Default: bundled from the tasks that `config` names, as the working folder finds them. */
  readonly code?: FunctionCode;
}

/**
 * A whole deployment in one stack of yours: state, control, a site for each of the configuration, the API, alarms and
 * dashboards. `addDeployment` makes the same in stacks of their own, which are deployed one by one.
 * @example
 * const fanfold = new Fanfold(this, "Fanfold", { config });
 * fanfold.grantInvoke(shop);
 */
export class Fanfold extends Construct {
  readonly state: FanfoldState;
  readonly control: FanfoldControl;
  /** Sites by name. Their workers and queues are the constructs to grant more to. */
  readonly sites: ReadonlyMap<string, FanfoldSite>;
  readonly api: FanfoldApi;
  readonly operations: FanfoldOperations;

  constructor(scope: Construct, id: string, { config, code = new FunctionCode(config) }: FanfoldProps) {
    super(scope, id);
    const props = { settings: config, code };
    this.state = new FanfoldState(this, "State", props);
    this.control = new FanfoldControl(this, "Control", props);
    this.control.node.addDependency(this.state);
    this.sites = new Map(
      config.sites.map((site) => [site.name, new FanfoldSite(this, `Site-${site.name}`, { ...props, site })]),
    );
    this.api = new FanfoldApi(this, "Api", props);
    this.operations = new FanfoldOperations(this, "Operations", props);
    for (const each of [...this.sites.values(), this.api]) each.node.addDependency(this.state);
    writePage(config, code, [this]);
  }
  /** Permits a role or user of this account to call every route of the API, with IAM authorisation. */
  grantInvoke(grantee: IGrantable): void {
    this.api.grantInvoke(grantee);
  }
}
