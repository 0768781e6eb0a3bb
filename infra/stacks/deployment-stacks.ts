import { join } from "node:path";
import type { App } from "aws-cdk-lib";
import type { Settings } from "../../functions/sdk/config.ts";
import { FunctionCode } from "../constructs/code.ts";
import { FanfoldApi } from "../constructs/fanfold-api.ts";
import { FanfoldControl } from "../constructs/fanfold-control.ts";
import { FanfoldOperations } from "../constructs/fanfold-operations.ts";
import { FanfoldSite } from "../constructs/fanfold-site.ts";
import { FanfoldState } from "../constructs/fanfold-state.ts";
import { writePage } from "../deployment-page.ts";
import { FanfoldStack } from "./fanfold-stack.ts";

/**
 * Adds all stacks of a deployment: state, engine, one per site, api, operations. Their order is that of a first deploy.
 * Only names pass between them, so each stack is deployed, changed and destroyed alone. Source maps of the functions
 * are left beside the templates, for reading stack traces; so is a page that says what is made. Nothing is added to the app beside these stacks.
 */
export function addDeployment(
  app: App,
  settings: Settings,
  code = new FunctionCode(settings, { outDir: join(app.outdir, "functions") }),
): void {
  const state = new FanfoldStack(app, settings, "state", {
    description: "Fanfold: tables and large values. Kept when it is destroyed.",
  });
  new FanfoldState(state, "State", { settings });

  const engine = new FanfoldStack(app, settings, "engine", { description: "Fanfold: control, sweeper, supervisor" });
  new FanfoldControl(engine, "Engine", { settings, code });
  engine.addStackDependency(state);

  const sites = settings.sites.map((site) => {
    const stack = new FanfoldStack(app, settings, `site-${site.name}`, {
      description: `Fanfold: queues and workers of ${site.name}`,
    });
    new FanfoldSite(stack, "Site", { settings, code, site });
    stack.addStackDependency(state);
    return stack;
  });
  const api = new FanfoldStack(app, settings, "api", { description: "Fanfold: HTTP API" });
  new FanfoldApi(api, "Api", { settings, code });
  api.addStackDependency(state);

  const operations = new FanfoldStack(app, settings, "operations", { description: "Fanfold: alarms and dashboards" });
  new FanfoldOperations(operations, "Operations", { settings });
  writePage(settings, code, [state, engine, ...sites, api, operations]);
}
