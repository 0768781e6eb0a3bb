import type { GroupStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { createChildGroup } from "../groups/create-group.ts";
import { expandAll } from "../groups/expand-group.ts";
import { decidedAbove } from "../groups/gate.ts";
import type { Header, Run, RunAttributes } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { childGroup } from "../items/run-reads.ts";
import { cancelWaitingRun, waitForGroup } from "../items/run-writes.ts";
import { sendControl } from "../messages/send.ts";
import { subscribe } from "../waits/events.ts";
import { follow } from "./follow.ts";

/**
 * A waiting row met again, by whoever meets it: finishes what its writer may have left undone (create the header, expand), then looks whether the
 * wait is over. Idempotent. `row.gid`'s header is passed when the caller has just read it.
 */
export async function resumeWaiting(context: Context, run: Run): Promise<void> {
  const gid = childGroup(run);
  const decided = await decidedAbove(context, run.gid);
  const child = await readHeader(context, gid);
  if (decided && !child) {
    // Cancelled before the outbox was expanded: there are no children.
    const set: Partial<RunAttributes> = { status: "cancelled", counts: run.ownCounts ?? {}, endedAt: context.clock.now(), error: UPSTREAM };
    const { run: ended } = await cancelWaitingRun(context, run, set);
    if (ended && isTerminal(ended.status)) await follow(context, [{ kind: "run", run: ended }]);
    return;
  }
  if (!decided && child?.execution !== undefined && !child.outcome) await sendControl(context, { kind: "execution", gid });
  else if (!decided && !(child && ((child.expanded && child.wait?.of !== "event") || child.outcome))) await expandGroup(context, run);
  await follow(context, [{ kind: "check", run }]);
}
const UPSTREAM = { name: "Cancelled", message: "a group above this run was decided before its children started", reason: "upstream" };

/** Begins a group step, which needs no lease: its row waits, then its group is created. Returns the row as it stands, which another writer may have ended. */
export async function openGroupStep(context: Context, header: Header, ref: RunRef, seen: Run | undefined, step: GroupStep): Promise<Run | undefined> {
  const { run } = await waitForGroup(context, ref, header, seen, step.wait ? "answer" : step.choose || step.repeat ? "replace" : "group");
  if (run?.status === "waiting") await resumeWaiting(context, run);
  return run;
}

/** Creates the child group of a waiting row and sends its members. */
async function expandGroup(context: Context, run: Run): Promise<void> {
  const parent = await readHeader(context, run.gid);
  const header = parent && (await createChildGroup(context, parent, run));
  if (!header || header.round !== run.round || header.outcome) return;
  if (header.execution !== undefined) return sendControl(context, { kind: "execution", gid: header.gid });
  if (header.wait) return subscribe(context, header);
  if (header.expanded) return;
  if (header.memberCount === 0) await follow(context, [{ kind: "decide", gid: header.gid, round: header.round, outcome: "complete", totals: {} }]);
  await expandAll(context, header);
}
