import { closeFailure } from "../host/log.ts";
import { processPool } from "../sdk/resource-pool.ts";
import type { FunctionEngine } from "./open-function.ts";

/**
 * Closes the resources of tasks when Lambda ends the process. It says so by SIGTERM, and only to functions that have an
 * extension. Without one the process ends at once, and so do its connections.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
 */
export function closeOnShutdown(
  opening: Promise<Pick<FunctionEngine, "log">>,
  lambda: { once(event: "SIGTERM", listener: () => void): unknown; exit(code: number): void },
): void {
  if (process.env["AWS_LAMBDA_RUNTIME_API"] === undefined) return;
  lambda.once("SIGTERM", () => {
    void opening
      .then(({ log }) => processPool.close(closeFailure(log)))
      .catch(() => undefined)
      .finally(() => lambda.exit(0));
  });
}
