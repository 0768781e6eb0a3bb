import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { type Open, openFunction } from "./open-function.ts";
import { type BatchHandler, batchHandler } from "./sqs-handler.ts";

/**
 * Creates the handler that checks again the messages that their queue gave up. A message that can never be handled
 * stays there for an operator, until its queue deletes it.
 */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  return batchHandler(openFunction(code, open), { handle: "handleDeadLetter", deadSeconds: OUT_OF_SIGHT_SECONDS });
}
/**
 * Seconds that an unhandled message stays invisible. It is received again twice a day, so the alarm stays on while the
 * message is there.
 */
const OUT_OF_SIGHT_SECONDS = 12 * 3_600;
