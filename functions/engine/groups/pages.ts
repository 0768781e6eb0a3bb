import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import { trackingOf } from "../../core/plan/compile.ts";
import type { GroupStep, Strand } from "../../core/plan/plan.ts";
import { pagePolicy } from "../../core/plan/policy.ts";
import { MIDDLE_BAND } from "../../core/plan/priority-band.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy, type Run, type RunAttributes } from "../item-kinds.ts";
import { readLeaf } from "../items/run-reads.ts";
import { createRun, type RunWrite } from "../items/run-writes.ts";
import { sendRuns } from "../messages/send.ts";
import { declaredTracking } from "../plan/compile-child.ts";

/** Whether a member of this index does not count, because its group was sealed with fewer members. */
export function isBehindSeal({ memberCount }: Pick<Header, "memberCount">, index: number): boolean {
  return memberCount !== undefined && index >= memberCount;
}
/**
 * Puts page `page` of an open group: a member whose only step is a group. An existing page stays as it is. `own` holds
 * attributes by which the caller recognises its own page.
 */
export async function createPage(
  context: Context,
  header: Header,
  page: number,
  planPage: string,
  members: readonly Strand[],
  own: Partial<RunAttributes>,
): Promise<RunWrite> {
  const owned = ownedBy(header);
  const step: GroupStep = {
    policy: pagePolicy(header.policy),
    tracking: trackingOf(members, declaredTracking(context)),
    members,
  };
  const { pointer: manifest } = await context.plans.write(planPage, step, owned);
  const sentAt = context.clock.now();
  const attributes = {
    ...owned,
    status: "queued" as const,
    round: header.round,
    attempt: 0,
    sentAt,
    page: true,
    manifest,
    ...own,
  };
  return createRun(context, { ref: { gid: header.gid, index: page, stepIndex: 0 }, attributes });
}
/** Returns the last page of an open group. Pages are put in order, so it tells how many there are. */
export async function readLastPage(context: Context, gid: string): Promise<Run | undefined> {
  let last: Run | undefined;
  for (let leaf = 0; ; leaf++) {
    const pages = await readLeaf(context, gid, leaf);
    last = pages.at(-1) ?? last;
    if (pages.length < context.config.width) return last;
  }
}
/** Sends a page. Needed for an existing page, too, because the process that put it may have died before its send. */
export async function sendPage(context: Context, gid: string, page: number): Promise<void> {
  await sendRuns(
    context,
    [{ gid, index: page, stepIndex: 0, queue: ENGINE_QUEUE, band: MIDDLE_BAND, delaySeconds: 0 }],
    1,
  );
}
