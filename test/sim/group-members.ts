import { childGroupOf, runIdOf } from "../../functions/core/plan/run-id.ts";
import type { Header } from "../../functions/engine/item-kinds.ts";
import type { Shape } from "./shape.ts";

export function membersOf(shape: Shape, header: Header): number {
  return header.memberCount ?? shape.membersWithRows(header.gid);
}

export function flatMembers(shape: Shape, gid: string): number {
  const header = shape.header(gid);
  if (!header) return 0;
  const members = membersOf(shape, header);
  if (!header.pages) return members;
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
