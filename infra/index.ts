/** `fanfold/cdk`: adds Fanfold to a CDK app. */
export { defineConfig, type FanfoldConfig, type Settings, type SiteSettings } from "../functions/sdk/config.ts";
export { FunctionCode } from "./constructs/code.ts";
export { Fanfold, type FanfoldProps } from "./constructs/fanfold.ts";
export { FanfoldApi } from "./constructs/fanfold-api.ts";
export { FanfoldControl } from "./constructs/fanfold-control.ts";
export { FanfoldEngine } from "./constructs/fanfold-engine.ts";
export type { DeploymentProps } from "./constructs/fanfold-function.ts";
export { FanfoldOperations } from "./constructs/fanfold-operations.ts";
export { FanfoldSite, type FanfoldSiteProps } from "./constructs/fanfold-site.ts";
export { FanfoldState } from "./constructs/fanfold-state.ts";
export { WorkflowTask, type WorkflowTaskProps } from "./constructs/workflow-task.ts";
export { addDeployment } from "./stacks/deployment-stacks.ts";
