import { childrenOf, type Parents } from "../../core/dag/order.ts";
import { FanfoldError } from "../../core/errors.ts";
import { countOf } from "../../core/plan/counts.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import type { PlanStep } from "../../core/plan/plan.ts";
import { runIdOf } from "../../core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { Header, Run, RunAttributes } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { doneOf, readCurrent } from "../items/ledger-reads.ts";
import { cancelNode, queueNode } from "../items/node-writes.ts";
import { duePart, readLastStep } from "../items/run-reads.ts";
import { sendRun } from "../messages/send.ts";
import { expiresAtOf, notBeforeOf } from "../plan/step-placement.ts";
import { hasNext, memberStrand } from "../plan/strands.ts";

/**
 * Members of a graph wait for other members of it (docs/adr/0030). The first row of such a member holds the members that
 * it waits for in `unmet`, as `node:<index>`.
 *
 *     deferred -> queued      all of them have ended well
 *     deferred -> cancelled   one of them has failed
 *
 * All rows are put before anything of the graph is sent. A member ends and THEN changes the rows of those that follow it
 * (follow/wake-nodes.ts). A row that is put, or put back into its wait, later than that is looked at THEN. So one of the
 * two sees both.
 */
export const nodeDependency = (index: number): string => `node:${index}`;

/** Returns for each member of a graph the members that it follows. */
export async function parentsIn(context: Context, header: Header): Promise<Parents> {
  const { parents } = await context.plans.group(header.plan as string);
  if (!parents) throw new FanfoldError("internal", `${header.gid} is no graph`);
  return parents;
}
export async function parentsOf(context: Context, header: Header, index: number): Promise<readonly number[]> {
  return header.graph ? ((await parentsIn(context, header))[index] ?? []) : [];
}
/** Returns the members that none follows. Their results are those of the graph. */
export async function endsIn(context: Context, header: Header): Promise<ReadonlySet<number>> {
  const children = childrenOf(await parentsIn(context, header));
  return new Set(children.flatMap((each, index) => (each.length === 0 ? [index] : [])));
}
/** Returns the id of the last run of a member that has ended well. */
export async function lastRunId(context: Context, header: Header, index: number): Promise<string> {
  return runIdOf(header.gid, index, (await memberStrand(context, header, index)).strand.length - 1);
}

/** Returns how a member has ended in the round of its graph. Returns undefined while it has not, or will run again. */
async function endOf(context: Context, header: Header, index: number): Promise<Run | undefined> {
  const last = await readLastStep(context, header, index);
  if (!last || !isTerminal(last.status)) return undefined;
  if (isSuccess(last.status) && (await hasNext(context, header, await memberStrand(context, header, index), last)))
    return undefined;
  return last.round >= header.round || (await isMarked(context, header, index)) ? last : undefined;
}
/** Whether the ledger of the round has a member. One of an earlier round that it has does not run again. */
export async function isMarked(context: Context, header: Header, index: number): Promise<boolean> {
  const { width } = context.config;
  const node = await readCurrent(context, header, { level: 1, node: leafOf(index, width) });
  return doneOf(node).has(localIndex(index, width));
}

/**
 * Returns what a member waits for that begins anew in a round. Those that have ended well and do not run again would
 * never wake it. When there is no other, it waits until it is looked at.
 */
export async function unmetIn(
  context: Context,
  header: Header,
  parents: readonly number[],
): Promise<readonly string[]> {
  const ends = await all(parents.map((parent) => endOf(context, header, parent)));
  const open = parents.filter((_, k) => !isSuccess(ends[k]?.status ?? "queued"));
  return (open.length > 0 ? open : parents).map(nodeDependency);
}
/** Looks at what a member waits for, and queues or cancels it if it waits no more. The caller follows an ended run. */
export async function resumeNode(
  context: Context,
  run: Run,
): Promise<{ readonly woken: boolean; readonly ended?: Run | undefined }> {
  const header = await readHeader(context, run.gid);
  if (!header || header.outcome || header.round !== run.round) return { woken: false };
  const parents = await parentsOf(context, header, run.index);
  const ends = await all(parents.map((parent) => endOf(context, header, parent)));
  const failed = ends.findIndex((end) => end !== undefined && isFailure(end.status));
  if (failed >= 0) {
    const set = cancelledBy(context, ends[failed] as Run);
    const parent = nodeDependency(parents[failed] as number);
    return { woken: false, ended: (await cancelNode(context, run, run.round, parent, set)).ended };
  }
  if (ends.includes(undefined)) return { woken: false };
  await startNode(context, header, run);
  return { woken: true };
}
/**
 * Queues a member whose wait is over, and sends it. Sends it whenever it is queued, because the process that queued it
 * may have died before.
 */
export async function startNode(context: Context, header: Header, seen: Run): Promise<void> {
  const step = (await memberStrand(context, header, seen.index)).strand[0] as PlanStep;
  const now = context.clock.now();
  const notBefore = notBeforeOf(step, now);
  const expiresAt = expiresAtOf(step, now);
  const { run } = await queueNode(context, seen, {
    ...(expiresAt !== undefined && { expiresAt }),
    ...(notBefore !== undefined && duePart(context, seen.runId, notBefore, now)),
  });
  await sendNode(context, header, run);
}
/** Sends a member that is queued, unless the sweeper will. */
export async function sendNode(context: Context, header: Header, run: Run | undefined): Promise<void> {
  if (run?.status !== "queued" || run.due !== undefined) return;
  await sendRun(context, header, run, Math.max(0, ((run.notBefore ?? 0) - context.clock.now()) / 1_000));
}
/** Returns the attributes that end a member below one that has failed. */
export function cancelledBy(context: Context, failed: Run): Partial<RunAttributes> {
  const origin = failed.error?.runId ?? failed.runId;
  return {
    status: "cancelled",
    counts: countOf("cancelled"),
    endedAt: context.clock.now(),
    error: {
      name: "Cancelled",
      message: `${origin}, which it follows, has failed`,
      reason: "upstream",
      runId: origin,
      retryable: false,
    },
  };
}
