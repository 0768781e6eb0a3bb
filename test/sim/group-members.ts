import { childGroupOf, isIdentity, jobIdOf, runIdOf, scopesOf } from "../../functions/core/plan/run-id.ts";
import { isTerminal } from "../../functions/core/plan/run-state.ts";
import type { Header } from "../../functions/engine/item-kinds.ts";
import type { Item } from "../../functions/engine/ports.ts";
import { resultMembers } from "./graph-shape.ts";
import type { Shape } from "./shape.ts";

export function membersOf(shape: Shape, header: Header): number {
  return header.memberCount ?? shape.membersWithRows(header.gid);
}

export function flatMembers(shape: Shape, gid: string): number {
  const header = shape.header(gid);
  if (!header) return 0;
  const members = membersOf(shape, header);
  if (!header.pages) return header.graph ? resultMembers(shape, gid, members) : members;
  const pages = Array.from({ length: members }, (_, page) => flatMembers(shape, childGroupOf(runIdOf(gid, page, 0))));
  return pages.reduce((sum, size) => sum + size, 0);
}
/**
 * Returns whether the group that a run collects decided before all its members had ended. Its results may still
 * change.
 */
export function earlyAbove(shape: Shape, gid: string, index: number, step: number): boolean {
  if (step === 0) return false;
  const before = shape.row({ gid, index, stepIndex: step - 1 });
  return before?.joins !== undefined && anyEarly(shape, before.joins);
}
export function anyEarly(shape: Shape, gid: string): boolean {
  const header = shape.header(gid);
  if (!header || header.early) return true;
  for (let index = 0; index < membersOf(shape, header); index++) {
    for (let step = 0; ; step++) {
      const run = shape.row({ gid, index, stepIndex: step });
      if (!run) break;
      if (run.joins !== undefined && anyEarly(shape, run.joins)) return true;
    }
  }
  return false;
}
/** Returns whether a group above has decided, or the owner has ended. */
export function mayDrop(shape: Shape, header: Header): boolean {
  const owner = header.joins === undefined ? undefined : shape.rowOf(header.joins);
  if (!owner || (isTerminal(owner.status) && !header.side)) return true;
  // A later round of the job opens the group again, or has no use for it.
  if (shape.roundOf(jobIdOf(header.gid)) > header.round) return true;
  return scopesOf(owner.gid).some((gid) => {
    const above = shape.header(gid);
    return !above || above.outcome !== undefined;
  });
}
/** Whether an item is the header of a group that has not closed. An identity never decides. */
export const isOpenGroup = ({ key, attributes }: Item): boolean =>
  key.table === "callbacks" && attributes["state"] === "open" && !isIdentity(key.partition.slice(2));
