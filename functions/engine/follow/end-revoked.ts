import { addCounts } from "../../core/plan/counts.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { createChildGroup } from "../groups/create-group.ts";
import { snapshotOf } from "../groups/member-marks.ts";
import type { Header, Run } from "../item-kinds.ts";
import { revokedAttributes } from "../items/revoked-run.ts";
import { isLive } from "../items/run-conditions.ts";
import { cancelWaitingRun, revokeIdleRun } from "../items/run-writes.ts";
import { withReportsOf } from "../jobs/reported-items.ts";
import { follow } from "./follow.ts";

/**
 * Ends a revoked run that no worker executes. Returns the run once it has ended. Returns undefined while an attempt
 * runs, and when the run ends with its group.
 */
export async function endRevoked(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
): Promise<Run | undefined> {
  if (run?.status === "waiting") return endWaiting(context, header, run);
  if (run && isLive(context, run)) return undefined;
  const end = revokedAttributes(context);
  const set = run ? await withReportsOf(context, run, end) : end;
  const { ended } = await revokeIdleRun(context, ref, header, run, set);
  return ended;
}
/**
 * Decides the child group of a waiting run as `cancelled`, which ends the run. A group that does not exist yet is
 * created first. So a process that wants to open it finds it decided.
 */
async function endWaiting(context: Context, parent: Header, run: Run): Promise<Run | undefined> {
  const group = await createChildGroup(context, parent, run);
  if (!group) return undefined;
  // A group that the run's round has not opened again holds nothing that could end.
  if (group.round < run.round) {
    const counts = addCounts(run.ownCounts, snapshotOf(group));
    return (await cancelWaitingRun(context, run, { ...revokedAttributes(context), counts })).ended;
  }
  await follow(context, [{ kind: "decide", gid: group.gid, round: run.round, outcome: "cancelled", header: group }]);
  return undefined;
}
