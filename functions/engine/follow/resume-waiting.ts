import { addCounts } from "../../core/plan/counts.ts";
import type { GroupStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { createChildGroup } from "../groups/create-group.ts";
import { expandAll } from "../groups/expand-group.ts";
import { snapshotOf } from "../groups/member-marks.ts";
import type { Header, Run, RunAttributes } from "../item-kinds.ts";
import { CANCELLED } from "../items/end-reasons.ts";
import { decidedAbove, readHeader } from "../items/header-reads.ts";
import { childGroup } from "../items/run-reads.ts";
import { cancelWaitingRun, waitForGroup } from "../items/run-writes.ts";
import { sendControl } from "../messages/send.ts";
import { readOrder, reopenGroup } from "../rounds/reopen-group.ts";
import { subscribe } from "../waits/events.ts";
import { follow } from "./follow.ts";
import { decide } from "./work-list.ts";

/**
 * Starts a group step, which needs no lease. First its row becomes waiting, then its group is created. Returns the row
 * as it is now; another writer may have ended it.
 */
export async function openGroupStep(
  context: Context,
  parent: Header,
  ref: RunRef,
  seen: Run | undefined,
  step: GroupStep,
): Promise<Run | undefined> {
  const { run } = await waitForGroup(context, ref, parent, seen, takesOf(step));
  if (run?.status === "waiting") await resumeWaiting(context, run, parent);
  return run;
}

/** Returns where the value of a group step comes from. */
export function takesOf(step: GroupStep): NonNullable<RunAttributes["takes"]> {
  if (step.wait) return "answer";
  return step.choose || step.repeat ? "replace" : "group";
}

/**
 * Finishes what the writer of a waiting row may have left undone: creates the header and expands the group. Then checks
 * whether the group has decided. Every process that finds the row waiting may call this. `parent` is the header of the
 * row's own group, if the caller has read it; only attributes that never change are used.
 */
export async function resumeWaiting(context: Context, run: Run, parent?: Header): Promise<void> {
  const gid = childGroup(run);
  const decided = await decidedAbove(context, run.gid, run.round);
  const child = await readHeader(context, gid);
  const earlier = child !== undefined && child.round < run.round;
  if (decided && (!child || earlier)) return cancelUnopened(context, run, child);
  if (earlier) {
    const reopened = await reopenGroup(context, gid, run.round, await readOrder(context, gid, run.round));
    if (reopened?.wait && reopened.round === run.round) await expandGroup(context, run, parent);
    return follow(context, [{ kind: "check", run }]).then(() => undefined);
  }
  if (!decided && child?.execution !== undefined && !child.outcome)
    await sendControl(context, { kind: "execution", gid });
  else if (!decided && !isOpened(child)) await expandGroup(context, run, parent);
  await follow(context, [{ kind: "check", run }]);
}
/** Returns whether the group needs no more writes to be open. The waiter of an event is put again each time. */
function isOpened(child: Header | undefined): boolean {
  return (
    child !== undefined && ((child.expanded === true && child.wait?.of !== "event") || child.outcome !== undefined)
  );
}
/**
 * Ends a run whose child group its round has not opened, so that there are no children to wait for. What children of an
 * earlier round have done is a snapshot, because another process may be opening the group again.
 */
async function cancelUnopened(context: Context, run: Run, earlier: Header | undefined): Promise<void> {
  const set: Partial<RunAttributes> = {
    status: "cancelled",
    counts: addCounts(run.ownCounts, earlier && snapshotOf(earlier)),
    endedAt: context.clock.now(),
    error: CANCELLED.unstartedChildren,
  };
  const { ended } = await cancelWaitingRun(context, run, set);
  if (ended) await follow(context, [{ kind: "run", run: ended }]);
}

/** Creates the child group of a waiting row and sends its members. */
async function expandGroup(context: Context, run: Run, known: Header | undefined): Promise<void> {
  const parent = known ?? (await readHeader(context, run.gid));
  const header = parent && (await createChildGroup(context, parent, run));
  if (!header || header.round !== run.round || header.outcome) return;
  if (header.execution !== undefined) return sendControl(context, { kind: "execution", gid: header.gid });
  if (header.wait) return subscribe(context, header);
  if (header.expanded) return;
  if (header.memberCount === 0) await follow(context, [decide(header, "complete", {})]);
  await expandAll(context, header);
}
