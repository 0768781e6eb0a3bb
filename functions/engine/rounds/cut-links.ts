import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { calledLinkGroup } from "../groups/link-groups.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";

/**
 * Returns the links of a run that a decision above has cut off, or will. They run in the next round, although their own
 * run has ended well and does not.
 */
export async function cutLinks(context: Context, parent: Header, run: Run): Promise<Header | undefined> {
  if (!isSuccess(run.status)) return undefined;
  const gid = await calledLinkGroup(context, parent, run);
  const links = gid === undefined ? undefined : await readHeader(context, gid);
  return links && (links.outcome === undefined || links.outcome === "dropped") ? links : undefined;
}
