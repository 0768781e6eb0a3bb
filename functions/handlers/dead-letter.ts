import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { type Open, openFunction } from "./open-function.ts";
import { type BatchHandler, batchHandler } from "./sqs-handler.ts";

/**
 * Creates the handler that checks again the messages that their queue gave up. What it cannot handle becomes an item,
 * so the queue of dead letters is empty unless the handler itself fails.
 */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  return batchHandler(openFunction(code, open), "handleDeadLetter");
}
