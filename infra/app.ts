import { App } from "aws-cdk-lib";
import { config } from "../fanfold.config.ts";
import { fitForEmulators } from "./local/emulated.ts";
import { addDeployment } from "./stacks/deployment-stacks.ts";

const app = new App();
// Emulators do not stream responses.
const emulated = process.env["AWS_ENDPOINT_URL"] !== undefined;
addDeployment(app, { ...config, api: { ...config.api, streaming: config.api.streaming && !emulated } });
if (emulated) fitForEmulators(app);
