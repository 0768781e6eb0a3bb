import type { Context } from "aws-lambda";
import { METRICS } from "../core/names/metric-names.ts";
import { messageOf } from "../host/log.ts";
import { openAws } from "./aws-platform.ts";
import type { DeployedCode } from "./deployed-code.ts";
import { type Open, openFunction } from "./open-function.ts";

/**
 * Creates the handler that is called every minute. It orders a check of each group that is due for one, and sends the
 * runs that are due.
 */
export function createHandler(
  code: DeployedCode,
  open: Open = openAws,
): (event: unknown, context: Context) => Promise<void> {
  const opening = openFunction(code, open);
  return async (_event, context) => {
    const { engine, log, now, invocation } = await opening;
    await invocation(context, async (report) => {
      const until = now() + context.getRemainingTimeInMillis() - BEFORE_END_MS;
      const { checked, due, failed, error, unfinished } = await engine.sweep({ until });
      if (failed > 0)
        log("error", "runs that are due could not be sent; the next sweep tries again", {
          failed,
          cause: messageOf(error),
        });
      report.field("message", "sweep");
      report.field("unfinished", unfinished);
      report.add(METRICS.checkedGroups, checked);
      report.add(METRICS.dueRuns, due);
      report.add(METRICS.dueFailed, failed);
    });
  };
}
/** Milliseconds for the checks in progress and for the report. */
const BEFORE_END_MS = 5_000;
