import { FanfoldError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { TaskOutcome } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { ownedBy, type RunAttributes } from "../item-kinds.ts";
import { childGroup } from "../items/run-reads.ts";
import { jsonBytes } from "../items/values.ts";
import { checkDepth } from "../plan/compile-child.ts";
import { unavailable } from "../waits/executions.ts";
import type { Attempt } from "./live-attempt.ts";

/**
 * Returns what the commit writes when a task starts an execution. The input is stored in the plan of the run's group.
 * Throws `executions_unavailable`, `payload_too_large` and `too_deep`.
 */
export async function waitForExecution(
  context: Context,
  { header, run, step, info, log }: Attempt,
  { machine, input }: Extract<TaskOutcome, { kind: "execution" }>,
): Promise<Partial<RunAttributes> & Pick<RunAttributes, "status">> {
  if (!context.config.executions) throw unavailable();
  checkDepth(run.gid);
  const bytes = jsonBytes(JSON.stringify(input));
  if (bytes > LIMITS.executionInputBytes) {
    const message = `the input of an execution may have ${LIMITS.executionInputBytes} bytes, this one has ${bytes}: store it yourself, and give the state machine where it is`;
    throw new FanfoldError("payload_too_large", message, { details: { bytes, limit: LIMITS.executionInputBytes } });
  }
  const expires = step.options?.timeout ?? info.stateMachine?.timeoutSeconds;
  const ignoreResult = step.options?.ignoreResult ?? info.ignoreResult;
  const wait = {
    of: "execution",
    name: machine,
    input,
    ...(expires !== undefined && { expires }),
    ...(ignoreResult && { ignoreResult }),
  } as const;
  const page = `${run.runId}!${run.round}.${run.attempt}`;
  const { pointer: manifest } = await context.plans.write(
    context,
    page,
    { policy: "settled", tracking: "lazy", members: [], wait },
    ownedBy(header),
  );
  await log.keep(context, run);
  return { status: "waiting", joins: childGroup(run), ownCounts: {}, takes: "answer", manifest };
}
