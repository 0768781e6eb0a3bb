import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { config } from "../fanfold.config.ts";
import { fitForEmulators } from "./local/emulated.ts";
import { addDeployment } from "./stacks/deployment-stacks.ts";

const app = new App();
// Emulators do not stream responses.
const emulated = process.env["AWS_ENDPOINT_URL"] !== undefined;
addDeployment(app, { ...config, api: { ...config.api, streaming: config.api.streaming && !emulated } });
// The checks are for this app only: in an app of others they would judge stacks that are not ours.
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
if (emulated) fitForEmulators(app);
