import { scopeOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { decidedAbove, readHeader } from "../items/header-reads.ts";
import { setOutcome } from "../items/header-writes.ts";
import { countersOf, readLedger } from "../items/ledger-reads.ts";
import { endJob } from "../jobs/finish-job.ts";
import { dropOpenGroup } from "./drop-group.ts";
import type { DecideItem, WorkList } from "./work-list.ts";

/**
 * Decides a group, once per round. The outcome is `dropped` when a group above has decided. The condition of the write
 * checks the round again. So a header that was read before the groups above is good enough. A root that is closed with
 * its decision needs no settle.
 */
export async function followDecide(context: Context, item: DecideItem, list: WorkList): Promise<void> {
  const header = item.header ?? (await readHeader(context, item.gid));
  if (!header || header.round !== item.round) return;
  const decided = header.outcome ? header : await writeOutcome(context, header, item);
  if (decided && isOver(decided)) return;
  if (decided?.outcome && decided.round === item.round) list.push({ kind: "settle", gid: item.gid, header: decided });
}
/** Whether everything has happened that follows from the decision of a root. */
export const isOver = (header: Header): boolean =>
  header.joins === undefined && header.state === "closed" && header.job?.supervised !== true;
/** Writes the outcome. Returns the header after the write, with the outcome of the first writer. */
async function writeOutcome(
  context: Context,
  header: Header,
  { gid, round, outcome, totals }: DecideItem,
): Promise<Header | undefined> {
  if (header.joins === undefined && totals) return (await endJob(context, header, outcome, totals)).header;
  if (outcome === "dropped" && header.pages) return dropOpenGroup(context, header);
  const scope = scopeOf(gid);
  const dropped = outcome !== "dropped" && scope !== undefined && (await decidedAbove(context, scope, round));
  const counted = totals ?? countersOf(await readLedger(context, { gid, round, level: header.height, node: 0 }));
  const early = totals === undefined || dropped;
  return (await setOutcome(context, header, round, dropped ? "dropped" : outcome, counted, early)).header;
}
