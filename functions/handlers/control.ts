import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { type Open, openFunction } from "./open-function.ts";
import { type BatchHandler, batchHandler } from "./sqs-handler.ts";

/**
 * Creates the handler of the engine's own queue. It expands, settles, cancels, checks groups, and answers the
 * supervisors of jobs. It runs no tasks.
 */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  return batchHandler(openFunction(code, open, { tokens: true, executions: true }));
}
