import { childrenOf } from "../../core/dag/order.ts";
import { isFailure, isTerminal } from "../../core/plan/run-state.ts";
import { all, eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Header, Run } from "../item-kinds.ts";
import { cancelNode, takeParent } from "../items/node-writes.ts";
import { readRuns } from "../items/run-reads.ts";
import { hasNext, strandOf } from "../plan/strands.ts";
import { cancelledBy, nodeDependency, parentsIn, sendNode, startNode } from "../waits/nodes.ts";
import type { WorkList } from "./work-list.ts";

const AT_ONCE = 16;

/**
 * What follows in a graph for the members that wait for one that has ended (docs/adr/0030):
 *
 *     it ended well, others are left  -> taken from what the member waits for
 *     it ended well, and was the last -> the member is queued and sent
 *     it failed                       -> the member is cancelled and followed, which cancels those below
 *
 * It may be repeated. A member that an earlier follow-up has queued or cancelled is sent, or followed, again, because
 * that process may have died. A member that has ended otherwise has a message of its own. Costs one write unit for each
 * edge.
 */
export async function wakeNodes(
  context: Context,
  followed: readonly { readonly run: Run; readonly header: Header }[],
  list: WorkList,
): Promise<void> {
  await all(
    followed.map(async ({ run, header }) => {
      if (!header.graph || header.outcome || !(await endsMember(context, header, run))) return;
      const children = childrenOf(await parentsIn(context, header))[run.index] ?? [];
      const rows = await readRuns(
        context,
        children.map((index) => ({ gid: header.gid, index, stepIndex: 0 })),
      );
      await eachBounded(rows, AT_ONCE, async (row) => {
        // A row of an earlier round is looked at once it is taken up, and an absent one once it is put.
        if (row?.round !== header.round) return;
        const ended = isFailure(run.status)
          ? await cancelBelow(context, row, run)
          : await takeOrStart(context, header, row, run);
        if (ended) list.push({ kind: "run", run: ended });
      });
    }),
  );
}
async function endsMember(context: Context, header: Header, run: Run): Promise<boolean> {
  return isFailure(run.status) || !(await hasNext(context, header, await strandOf(context, header, run), run));
}
/** Cancels a member below one that has failed. Returns it, also when it had been cancelled so before. */
async function cancelBelow(context: Context, row: Run, failed: Run): Promise<Run | undefined> {
  const dependency = nodeDependency(failed.index);
  const { ended } = isTerminal(row.status)
    ? { ended: row }
    : await cancelNode(context, row, row.round, dependency, cancelledBy(context, failed));
  return ended?.status === "cancelled" && ended.error?.reason === "upstream" ? ended : undefined;
}
async function takeOrStart(context: Context, header: Header, row: Run, parent: Run): Promise<undefined> {
  const dependency = nodeDependency(parent.index);
  const { status, unmet } = row;
  if (status === "queued") return sendNode(context, header, row).then(() => undefined);
  if (status !== "deferred") return undefined;
  // Nothing is left when the process that took the last one died before it queued the member. A member may also wait for
  // an event by now, and then it names no others.
  if (unmet !== undefined && !unmet.has(dependency)) return undefined;
  if ((unmet?.size ?? 0) <= 1) return startNode(context, header, row).then(() => undefined);
  const { run } = await takeParent(context, row, row.round, dependency);
  if (run?.status === "queued") await sendNode(context, header, run);
  else if (run?.status === "deferred" && run.unmet === undefined) await startNode(context, header, run);
  return undefined;
}
