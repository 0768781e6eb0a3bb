import type { RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { createChildGroup } from "../groups/create-group.ts";
import { revokedAttributes } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { isLive } from "../items/run-conditions.ts";
import { revokeIdleRun } from "../items/run-writes.ts";
import { follow } from "./follow.ts";

/** The run once it is terminal; undefined: it runs, or will end with its group. */
export async function endRevoked(context: Context, header: Header, ref: RunRef, run: Run | undefined): Promise<Run | undefined> {
  if (run?.status === "waiting") {
    await endWaiting(context, header, run);
    return undefined;
  }
  if (run && isLive(context, run)) return undefined;
  const write = await revokeIdleRun(context, ref, header, run, revokedAttributes(context));
  return write.run && isTerminal(write.run.status) ? write.run : undefined;
}
/** Its group decides `cancelled`, which ends the run. A group that does not exist yet is created for that: whoever comes to open it finds it decided. */
async function endWaiting(context: Context, parent: Header, run: Run): Promise<void> {
  const group = await createChildGroup(context, parent, run);
  if (!group) return;
  await follow(context, [{ kind: "decide", gid: group.gid, round: run.round, outcome: "cancelled", header: group }]);
}
