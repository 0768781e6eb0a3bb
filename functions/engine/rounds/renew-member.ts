import { mayHaveFailed } from "../../core/plan/counts.ts";
import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isFailure, isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { calledLinkGroup } from "../groups/link-groups.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { setOutcome } from "../items/header-writes.ts";
import { doneOf, marksExistingOnly, readLedger } from "../items/ledger-reads.ts";
import { isLive } from "../items/run-conditions.ts";
import { currentRows, readMember } from "../items/run-reads.ts";
import { cancelVoid, deferAgain, queueAgain, waitAgain } from "../items/round-writes.ts";
import { noteRenewed } from "../jobs/progress.ts";
import type { RetryOrder } from "../requests.ts";
import { cutLinks } from "./cut-links.ts";
import { unmetAgain } from "./renew-node.ts";
import { readOrder, reopenGroup } from "./reopen-group.ts";
import { needsRetry, selectsIn } from "./selection.ts";

/** The row by which a member goes on. `renewed` says that it was taken up again now, so its message is owed. */
export interface Renewal {
  readonly run: Run | undefined;
  readonly renewed: boolean;
}

/**
 * Takes up a member whose rows are of an earlier round than its group. `header` was read as undecided.
 *
 *     error, broken, cancelled, idle        -> queued, attempt + 1
 *     ended, with failures below            -> waiting, for the same group in the new round
 *     ended well, or kept by the selection  -> stays
 *     first run of a member of a graph      -> deferred, when what it follows runs again
 *     held under a lease                    -> stays, until the lease or the run has ended
 *
 * The first step of the strand that needs it is taken up. The rows of the steps after it are void from then on: they
 * begin anew when the steps before them have ended (follow/next-steps.ts). Idempotent: each write has the condition
 * that the row is of an earlier round. Costs two reads and the rows of the member, and a write.
 */
export async function renewMember(context: Context, header: Header, index: number): Promise<Renewal> {
  const rows = currentRows(await readMember(context, header.gid, index));
  const last = rows.at(-1);
  if (!last || last.round >= header.round || (await isKept(context, header, index)))
    return { run: last, renewed: false };
  const order = await readOrder(context, header.gid, header.round);
  if (!order) return { run: undefined, renewed: false };
  for (const run of rows) await reviveLinks(context, header, run, order);
  const follows = await unmetAgain(context, header, index, order);
  const first = follows
    ? rows[0]
    : ((await firstToRun(context, header, rows, order)) ?? (isTerminal(last.status) ? undefined : last));
  if (order.filter && !(await areStill(context, rows))) return renewMember(context, header, index);
  if (!first) return { run: last, renewed: false };
  for (const later of rows.slice(rows.indexOf(first) + 1)) await endVoid(context, header, later);
  return renew(context, header, first, order, follows);
}
async function firstToRun(
  context: Context,
  header: Header,
  rows: readonly Run[],
  order: RetryOrder,
): Promise<Run | undefined> {
  for (const run of rows) if (run.round < header.round && (await needsRetry(context, header, run, order))) return run;
  return undefined;
}
/**
 * Reads the rows of a member again that a filter was asked about. Another process may have taken one of them up
 * meanwhile. It does so before it opens the group below, and an open group shows no failures.
 */
async function areStill(context: Context, rows: readonly Run[]): Promise<boolean> {
  const [{ gid, index }] = rows as readonly [Run];
  const now = currentRows(await readMember(context, gid, index));
  return now.length === rows.length && now.every(({ round }, k) => round === rows[k]?.round);
}
/** Ends a step that had not ended, and drops its group: it begins anew, and must not run meanwhile. */
async function endVoid(context: Context, { round }: Header, run: Run): Promise<void> {
  if (isTerminal(run.status) || isLive(context, run)) return;
  await cancelVoid(context, run, round);
  if (run.joins !== undefined) await setOutcome(context, { gid: run.joins }, run.round, "dropped", {}, true);
}
/**
 * Opens the links again that a group above has cut off. Their own run has ended well. Those that were not dropped yet
 * may have ended runs below them already, because of that group.
 */
async function reviveLinks(context: Context, header: Header, run: Run, order: RetryOrder): Promise<void> {
  const gid = await cutLinks(context, header, run);
  if (gid !== undefined) await reopenGroup(context, gid, header.round, order);
}
/** Whether the ledger of this round has the member already, because it ended in an earlier round. */
async function isKept(context: Context, header: Header, index: number): Promise<boolean> {
  const { width } = context.config;
  const node = await readLedger(context, {
    gid: header.gid,
    round: header.round,
    level: 1,
    node: leafOf(index, width),
  });
  return node ? doneOf(node).has(localIndex(index, width)) : marksExistingOnly(header);
}

async function renew(
  context: Context,
  header: Header,
  run: Run,
  order: RetryOrder,
  follows: readonly string[] | undefined,
): Promise<Renewal> {
  const { round } = header;
  if (isLive(context, run)) return { run, renewed: false };
  // Error links that a decision has cut off must not be told of an end that is no more.
  const links = isFailure(run.status) ? await calledLinkGroup(context, header, run) : undefined;
  if (links !== undefined) await setOutcome(context, { gid: links }, run.round, "dropped", {}, true);
  const child = run.joins === undefined ? undefined : await readHeader(context, run.joins);
  const way = follows ? "anew" : await wayOf(context, run, child, order);
  // What the run had waited for must not begin any more. A group of this round is that of another process, further on.
  if (way !== "wait" && child && !child.outcome && child.round < round)
    await setOutcome(context, child, child.round, "dropped", {}, true);
  const write =
    way === "wait"
      ? await waitAgain(context, run, round)
      : follows
        ? await deferAgain(context, run, round, follows)
        : await queueAgain(context, run, round, way === "anew");
  if (write.applied) await noteRenewed(context, run, way !== "wait", way === "anew");
  return { run: write.run, renewed: write.run?.round === round && !isTerminal(write.run.status) };
}
/**
 * Returns how a run goes on. `wait`: it had a child group, which is opened again. `queue`: its own code runs again; an
 * owner that streams goes on after its last page. `anew`: nothing below it runs again, so it needs other children.
 */
async function wayOf(
  context: Context,
  run: Run,
  child: Header | undefined,
  order: RetryOrder,
): Promise<"queue" | "wait" | "anew"> {
  if (run.joins === undefined) return "queue";
  if (child?.pages && (child.memberCount === undefined || child.cut) && run.task !== undefined) return "queue";
  // With an input that its task makes again. The round may have ended before the group was created.
  if (child ? child.execution !== undefined : run.takes === "answer" && run.manifest !== undefined) return "anew";
  if (!child || child.wait || child.outcome !== "complete") return "wait";
  return mayHaveFailed(child.totals ?? {}) && (await selectsIn(context, child, order)) ? "wait" : "anew";
}
