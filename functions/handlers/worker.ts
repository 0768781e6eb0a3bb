import { openAws } from "./aws-platform.ts";
import { closeOnShutdown } from "./close-on-shutdown.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { type Open, openFunction } from "./open-function.ts";
import { type BatchHandler, batchHandler } from "./sqs-handler.ts";

/** Creates the handler that runs the tasks of one site, from the messages of its queues. */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  const opening = openFunction(code, open);
  closeOnShutdown(opening, process);
  return batchHandler(opening);
}
