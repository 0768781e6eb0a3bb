import type { Context } from "../context.ts";
import { closeHeader } from "../items/header-writes.ts";
import { sendControl } from "../messages/send.ts";
import { stopExecution } from "../waits/executions.ts";

/**
 * Closes a decided group, after everything that follows from its decision. While its execution may still run, the group
 * stays open, so the sweeper keeps checking it. It is closed once the execution is stopped.
 */
export async function closeGroup(context: Context, gid: string, round: number): Promise<void> {
  const { applied, header } = await closeHeader(context, gid, round);
  if (
    applied ||
    !header?.wait ||
    header.execution === undefined ||
    header.state === "closed" ||
    header.round !== round ||
    !header.outcome
  )
    return;
  if (!context.executions) return sendControl(context, { kind: "execution", gid });
  await stopExecution(context, header);
  await closeHeader(context, gid, round, true);
}
