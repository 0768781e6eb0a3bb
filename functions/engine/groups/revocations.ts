import { countOf } from "../../core/plan/counts.ts";
import { isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { carriesStamp } from "../../core/plan/stamps.ts";
import type { Context } from "../context.ts";
import type { Header, RunAttributes } from "../item-kinds.ts";
import { REVOKED } from "../items/end-reasons.ts";
import { memberStrand } from "../plan/strands.ts";

/** What headers say of revoked members, and of stamps whose runs are revoked. */

/** The step from which a member is revoked; infinite: it is not. */
export function revokedFrom(header: Header, index: number): number {
  let from = Number.POSITIVE_INFINITY;
  for (const mark of header.revoked ?? []) {
    const [member, step] = mark.split("~");
    if (Number(member) === index) from = Math.min(from, Number(step));
  }
  return from;
}
export const isRevokedById = (header: Header, ref: Pick<RunRef, "index" | "stepIndex">): boolean =>
  header.revoked !== undefined && ref.stepIndex >= revokedFrom(header, ref.index);

/** Whether it is worth asking for each run. */
export const mayBeRevoked = ({ revoked, revokedStamps }: Header): boolean => revoked !== undefined || revokedStamps !== undefined;
/** Was the run revoked, by its id or by a stamp that it carries? `header`: of its group, as the gate gives it. Reads the plan, and that only when there are revoked stamps. */
export async function isRevoked(context: Context, header: Header, run: RunRef): Promise<boolean> {
  if (isRevokedById(header, run)) return true;
  if (header.revokedStamps === undefined || header.pages) return false;
  return hasRevokedStamp(header, (await memberStrand(context, header, run.index)).strand[run.stepIndex]);
}
/** Stamps are on tasks: what the engine runs itself has none. */
export function hasRevokedStamp({ revokedStamps }: Pick<Header, "revokedStamps">, step: PlanStep | undefined): boolean {
  return revokedStamps !== undefined && step !== undefined && !isGroupStep(step) && carriesStamp(step.options?.stamps, revokedStamps);
}

export function revokedAttributes(context: Context): Pick<RunAttributes, "status" | "counts" | "endedAt" | "error"> {
  return { status: "cancelled", counts: countOf("cancelled"), endedAt: context.clock.now(), error: REVOKED };
}
export { REVOKED };
