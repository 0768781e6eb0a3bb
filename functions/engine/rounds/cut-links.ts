import { isFailure, isSuccess } from "../../core/plan/run-state.ts";
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
/**
 * Returns whether the error links of a run were never opened, because a decision above came before its failure. They are
 * called in the next round, if that leaves the run as it is.
 */
export async function hasUncalledErrors(context: Context, parent: Header, run: Run): Promise<boolean> {
  if (!isFailure(run.status)) return false;
  const gid = await calledLinkGroup(context, parent, run);
  return gid !== undefined && (await readHeader(context, gid)) === undefined;
}
