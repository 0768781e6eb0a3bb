import { isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import { jobIdOf, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import { sendControl } from "../messages/send.ts";
import { hasRevokedStamp } from "./revocations.ts";

/**
 * Rows that were just written and wait for their time, so that nobody meets them soon. The pair of a revocation by stamp: whoever writes such a row THEN reads the
 * root; whoever revokes writes the root and THEN looks at the rows. One of them sees both. Costs a read only where there are stamps.
 */
export async function recheckDelayed(context: Context, rows: readonly { readonly ref: RunRef; readonly step: PlanStep }[]): Promise<void> {
  const stamped = rows.filter(({ step }) => !isGroupStep(step) && step.options?.stamps !== undefined);
  for (const jobId of new Set(stamped.map(({ ref }) => jobIdOf(ref.gid)))) {
    const root = await readHeader(context, jobId);
    const revoked = stamped.filter(({ ref, step }) => jobIdOf(ref.gid) === jobId && root !== undefined && hasRevokedStamp(root, step));
    if (revoked.length > 0) await sendControl(context, ...revoked.map(({ ref: { gid, index } }) => ({ kind: "revoke" as const, gid, index })));
  }
}
