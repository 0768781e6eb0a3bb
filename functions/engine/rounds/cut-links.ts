import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { calledLinkGroup } from "../groups/link-groups.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";

/**
 * Returns the group of the links of a run that a decision above has cut off, or will. They run to their end in the next
 * round, although their own run has ended well and does not run again.
 */
export async function cutLinks(context: Context, parent: Header, run: Run): Promise<string | undefined> {
  if (!isSuccess(run.status)) return undefined;
  const gid = await calledLinkGroup(context, parent, run);
  if (gid === undefined) return undefined;
  const outcome = (await readHeader(context, gid))?.outcome;
  return outcome === undefined || outcome === "dropped" ? gid : undefined;
}
