import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { loadWorkflows } from "./load-workflows.ts";
import { type Open, openFunction } from "./open-function.ts";
import { schedulePortsOf } from "./schedule-ports.ts";
import { type BatchHandler, batchHandler } from "./sqs-handler.ts";

/**
 * Creates the handler of the engine's own queue. It expands, settles, cancels, checks groups, answers the supervisors of
 * jobs, and fires schedules. It runs no tasks, but makes the canvases of workflows that a schedule starts.
 */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  const schedules = schedulePortsOf(loadWorkflows(code.modules));
  return batchHandler(openFunction(code, open, { tokens: true, executions: true }, schedules));
}
