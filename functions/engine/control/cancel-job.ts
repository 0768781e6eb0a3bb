import { FanfoldError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import { setOutcome } from "../items/header-writes.ts";
import { sendControl } from "../messages/send.ts";

/**
 * Cancels a job. The cancellation is durable once the outcome is written, and the message only speeds up what follows.
 * Returns false when the job had ended before.
 */
export async function cancelJob(context: Context, jobId: string): Promise<boolean> {
  const root = await readHeader(context, jobId);
  if (!root?.job) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  if (root.outcome === "cancelled" && root.state === "open") {
    // An earlier call may have died before its send.
    await sendControl(context, { kind: "cancel", gid: jobId, round: root.round });
    return true;
  }
  if (root.outcome) return false;
  const { header } = await setOutcome(context, root, root.round, "cancelled", {}, true);
  await sendControl(context, { kind: "cancel", gid: jobId, round: root.round });
  return header?.outcome === "cancelled";
}
