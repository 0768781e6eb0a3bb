import { join } from "node:path";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { FanfoldError } from "../functions/core/errors.ts";
import { FunctionCode } from "./constructs/code.ts";
import { fitForEmulators } from "./local/emulated.ts";
import { LAMBDA, THIS_MACHINE } from "./packages.ts";
import { addDeployment } from "./stacks/deployment-stacks.ts";

try {
  const { config } = await import("../fanfold.config.ts");
  const app = new App();
  const emulated = process.env["AWS_ENDPOINT_URL"] !== undefined;
  // Emulators do not stream responses, and run functions on this machine.
  const settings = { ...config, api: { ...config.api, streaming: config.api.streaming && !emulated } };
  const machine = emulated ? THIS_MACHINE : LAMBDA;
  addDeployment(app, settings, new FunctionCode(settings, { outDir: join(app.outdir, "functions"), machine }));
  // The checks are for this app only: in an app of others they would judge stacks that are not ours.
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  if (emulated) fitForEmulators(app);
} catch (error) {
  if (!(error instanceof FanfoldError)) throw error;
  // The author of the configuration and the tasks reads this, and has no use for the stack of this app.
  process.stderr.write(`${error.message}\n  (${error.code})\n`);
  process.exitCode = 1;
}
