import { addCounts, type Counts } from "../../core/plan/counts.ts";
import { expectedMarks } from "../../core/plan/ledger.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { leftCounts } from "../groups/member-marks.ts";
import { readLastPage } from "../groups/pages.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeaders } from "../items/header-reads.ts";
import { cutAt, setOutcome } from "../items/header-writes.ts";
import { countersOf, doneOf, readCurrents } from "../items/ledger-reads.ts";
import { childGroup } from "../items/run-reads.ts";

/** An open group whose owner has failed, and what its runs add to the counts of the owner's member. */
export interface LeftGroup {
  readonly header: Header;
  readonly counts: Counts;
}

/**
 * Drops the open groups that failed runs have left, and returns them by run. A run that fails while it streams waits
 * for no page, yet its pages have done work. The totals stand in the header before the member is marked, so every
 * follow-up of the run marks the same counts. Costs two write units for each open group.
 */
export async function dropLeftGroups(
  context: Context,
  failed: readonly Run[],
): Promise<ReadonlyMap<string, LeftGroup>> {
  const headers = await readHeaders(context, failed.map(childGroup));
  const left = await all(
    headers.map(async (header, k) => {
      const { runId, round } = failed[k] as Run;
      if (!header || header.round > round) return [];
      const ended = header.outcome ? header : await dropOpenGroup(context, header);
      if (!ended?.outcome) return [];
      return [[runId, { header: ended, counts: leftCounts(ended) }] as const];
    }),
  );
  return new Map(left.flat());
}

/**
 * Seals a group with the pages that it has, and decides it as `dropped`. Its totals are the sum of its leaves, because
 * a leaf that is not full has not been marked upward. They are a snapshot while a page has not been marked.
 */
export async function dropOpenGroup(context: Context, open: Header): Promise<Header | undefined> {
  const header = open.memberCount === undefined ? await sealAtLastPage(context, open) : open;
  // A later round may have opened the group again meanwhile.
  if (header?.memberCount === undefined || header.round !== open.round) return undefined;
  const { round, memberCount, height } = header;
  const { width } = context.config;
  const leaves = Array.from({ length: Math.ceil(memberCount / width) }, (_, node) => ({ level: 1, node }));
  const nodes = await readCurrents(context, header, leaves);
  const early = nodes.some(
    (node, k) => doneOf(node).size !== expectedMarks(memberCount, height, { level: 1, node: k }, width),
  );
  return (await setOutcome(context, header, round, "dropped", addCounts(...nodes.map(countersOf)), early)).header;
}
async function sealAtLastPage(context: Context, { gid, round }: Header): Promise<Header | undefined> {
  const last = await readLastPage(context, gid);
  return (await cutAt(context, gid, round, last ? last.index + 1 : 0)).header;
}
