import { type BatchHandler, batchHandler } from "./batch-function.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { openAws } from "./aws-platform.ts";
import { type Open, openFunction } from "./function.ts";

/** The engine's own queue: expands, settles, cancels, checks groups, and answers the supervisors of jobs. Runs no tasks. */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  return batchHandler(openFunction(code, open, { tokens: true, executions: true }));
}
