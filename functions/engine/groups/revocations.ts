import { isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { carriesStamp } from "../../core/plan/stamps.ts";
import type { Context } from "../context.ts";
import type { Header } from "../item-kinds.ts";
import { memberStrand } from "../plan/strands.ts";

/** Returns the first step of a member that is revoked; infinity when none is. */
export function revokedFrom(header: Header, index: number): number {
  let from = Number.POSITIVE_INFINITY;
  for (const revocation of header.revoked ?? []) {
    const [member, step] = revocation.split("~");
    if (Number(member) === index) from = Math.min(from, Number(step));
  }
  return from;
}
export const isRevokedById = (header: Header, ref: Pick<RunRef, "index" | "stepIndex">): boolean =>
  header.revoked !== undefined && ref.stepIndex >= revokedFrom(header, ref.index);

/** Whether any run of the group may be revoked. When false, no run needs to be checked. */
export const mayBeRevoked = ({ revoked, revokedStamps }: Header): boolean =>
  revoked !== undefined || revokedStamps !== undefined;
/**
 * Whether a run was revoked, by its id or by a stamp that it carries. `header` is that of its group, as `readGate`
 * returns it. Reads the plan only when there are revoked stamps.
 */
export async function isRevoked(context: Context, header: Header, run: RunRef): Promise<boolean> {
  if (isRevokedById(header, run)) return true;
  if (header.revokedStamps === undefined || header.pages) return false;
  return hasRevokedStamp(header, (await memberStrand(context, header, run.index)).strand[run.stepIndex]);
}
/** Whether a step carries a revoked stamp. Only tasks carry stamps; steps that the engine runs itself have none. */
export function hasRevokedStamp({ revokedStamps }: Pick<Header, "revokedStamps">, step: PlanStep | undefined): boolean {
  return (
    revokedStamps !== undefined &&
    step !== undefined &&
    !isGroupStep(step) &&
    carriesStamp(step.options?.stamps, revokedStamps)
  );
}
