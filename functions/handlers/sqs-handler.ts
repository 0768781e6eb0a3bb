import type { Context, SQSBatchResponse, SQSEvent } from "aws-lambda";
import { queueOfResource } from "../core/names/aws-resource-names.ts";
import { METRICS } from "../core/names/metric-names.ts";
import type { FunctionEngine } from "./open-function.ts";
import { SqsBatch } from "./sqs-batch.ts";

export type BatchHandler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

/**
 * Returns a handler that answers an SQS event source with partial batch responses (ReportBatchItemFailures). Lambda
 * deletes the messages that are done; the others come back.
 */
export function batchHandler(
  opening: Promise<FunctionEngine>,
  handle: "handle" | "handleDeadLetter" = "handle",
): BatchHandler {
  return async (event, context) => {
    const { engine, environment, platform, config, log, now, invocation } = await opening;
    return invocation(context, async (report) => {
      const batch = new SqsBatch(event.Records, {
        handle: (message, loop) => engine[handle](message, loop),
        heartbeat: (claims) => engine.heartbeat(claims),
        visibility: platform.visibility,
        slots: environment.concurrency,
        leaseSeconds: config.leaseSeconds,
        remainingMs: context.getRemainingTimeInMillis(),
        queueOf: (name) => queueOfResource(environment.prefix, name) ?? name,
        log,
        now,
      });
      const { failures, counts, runs, stopped } = await batch.run();
      report.field("message", "batch");
      report.add(METRICS.messages, counts.messages);
      report.add(METRICS.done, counts.done);
      report.add(METRICS.later, counts.later);
      report.add(METRICS.failed, counts.failed);
      report.add(METRICS.left, counts.left);
      report.add(METRICS.runs, runs);
      report.add(METRICS.stoppedRuns, stopped);
      return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
    });
  };
}
