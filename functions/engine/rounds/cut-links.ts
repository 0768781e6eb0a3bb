import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { calledLinkGroup } from "../groups/link-groups.ts";
import type { Header, Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";

/** Links that a decision above has cut off, or will. `dropped`: their group exists, and has to be opened again. */
export interface CutLinks {
  readonly gid: string;
  readonly dropped: boolean;
}
/**
 * Returns the links of a run that have not run to their end. They do in the next round, although their own run has ended
 * well and does not run again.
 */
export async function cutLinks(context: Context, parent: Header, run: Run): Promise<CutLinks | undefined> {
  if (!isSuccess(run.status)) return undefined;
  const gid = await calledLinkGroup(context, parent, run);
  if (gid === undefined) return undefined;
  const outcome = (await readHeader(context, gid))?.outcome;
  return outcome === undefined || outcome === "dropped" ? { gid, dropped: outcome !== undefined } : undefined;
}
