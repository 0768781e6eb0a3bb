import { rightEdge } from "../../core/plan/ledger.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import { type Seal, setMemberCount } from "../items/header-writes.ts";
import { follow } from "./follow.ts";
import { recheckNodes } from "./recheck-ledger.ts";
import { decide } from "./work-list.ts";

/**
 * Seals an open group with one write, then ALWAYS rechecks the right edge. An earlier sealer may have died before its
 * recheck. A mark writes and then reads the member count. The seal writes the member count and then reads nodes. So one
 * of them sees both.
 */
export async function sealGroup(context: Context, gid: string, memberCount: number, seal: Seal = {}): Promise<void> {
  await setMemberCount(context, gid, memberCount, seal);
  await recheckEdges(context, gid);
}
/** Repeats what follows from the seal or the decision of a group. */
export async function recheckEdges(context: Context, gid: string): Promise<void> {
  const header = await readHeader(context, gid);
  if (!header || header.memberCount === undefined) return;
  if (header.outcome) {
    // The process that decided may have died before the settle.
    await follow(context, [{ kind: "settle", gid, header }]);
    return;
  }
  if (header.memberCount === 0) {
    await follow(context, [decide(header, header.ownError ? "failed" : "complete", {})]);
    return;
  }
  await recheckNodes(context, header, rightEdge(header.memberCount, header.height, context.config.width));
}
