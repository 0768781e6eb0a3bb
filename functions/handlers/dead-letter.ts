import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { type Open, openFunction } from "./open-function.ts";
import { type BatchHandler, batchHandler } from "./sqs-handler.ts";

/** Looks again at messages that their queue gave up. What can never be handled stays there, for people, until its queue forgets it. */
export function createHandler(code: DeployedCode, open: Open = openAws): BatchHandler {
  return batchHandler(openFunction(code, open), { handle: "handleDeadLetter", deadSeconds: OUT_OF_SIGHT_SECONDS });
}
/** Twice a day it is counted again, so that the alarm stays on while it is there. */
const OUT_OF_SIGHT_SECONDS = 12 * 3_600;
