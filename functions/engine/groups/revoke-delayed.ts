import { isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import { jobIdOf, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import { sendControl } from "../messages/send.ts";
import { hasRevokedStamp } from "./revocations.ts";

/**
 * Revokes rows that were just written with a revoked stamp and a start time, because no worker reads them before that
 * time. The writer of such a row THEN reads the root. A revocation by stamp writes the root, THEN reads the rows. So
 * one of the two sees both. Costs one read for each job whose rows carry stamps.
 */
export async function recheckDelayed(
  context: Context,
  rows: readonly { readonly ref: RunRef; readonly step: PlanStep }[],
): Promise<void> {
  const stamped = rows.filter(({ step }) => !isGroupStep(step) && step.options?.stamps !== undefined);
  for (const jobId of new Set(stamped.map(({ ref }) => jobIdOf(ref.gid)))) {
    const root = await readHeader(context, jobId);
    const revoked = stamped.filter(
      ({ ref, step }) => jobIdOf(ref.gid) === jobId && root !== undefined && hasRevokedStamp(root, step),
    );
    if (revoked.length > 0)
      await sendControl(
        context,
        ...revoked.map(({ ref: { gid, index } }) => ({ kind: "revoke" as const, gid, index })),
      );
  }
}
