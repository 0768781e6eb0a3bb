import { scopeOf } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { decidedAbove } from "../groups/gate.ts";
import type { Outcome } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { setOutcome } from "../items/header-writes.ts";
import { countersOf, readLedger } from "../items/ledger-reads.ts";
import type { FollowItem, WorkList } from "./work-list.ts";

/** Decides a group, once per round. When a group above has decided, the outcome is `dropped`; the round was read before the groups above were. */
export async function followDecide(context: Context, item: Extract<FollowItem, { kind: "decide" }>, list: WorkList): Promise<void> {
  const header = await readHeader(context, item.gid);
  if (!header || header.round !== item.round) return;
  if (!header.outcome) {
    const scope = scopeOf(item.gid);
    const dropped = item.outcome !== "dropped" && scope !== undefined && (await decidedAbove(context, scope));
    const outcome: Outcome = dropped ? "dropped" : item.outcome;
    const totals = item.totals ?? countersOf(await readLedger(context, { gid: item.gid, round: item.round, level: header.height, node: 0 }));
    const early = item.totals === undefined || dropped;
    await setOutcome(context, item.gid, item.round, outcome, totals, early);
  }
  list.push({ kind: "settle", gid: item.gid });
}

export async function followEnd(context: Context, { gid, round }: Extract<FollowItem, { kind: "end" }>, list: WorkList): Promise<void> {
  const header = await readHeader(context, gid);
  if (!header || header.state === "closed" || header.round > round) return;
  await setOutcome(context, gid, header.round, "dropped", {}, true);
  list.push({ kind: "close", gid, round: header.round });
}
