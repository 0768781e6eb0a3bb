import { FanfoldError } from "../../core/errors.ts";
import { isShared, ownerOf, parseRunId } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { endRevoked } from "../follow/end-revoked.ts";
import { follow } from "../follow/follow.ts";
import { readGate } from "../groups/gate.ts";
import { isBehindSeal } from "../groups/pages.ts";
import { isRevoked, revokedFrom } from "../groups/revocations.ts";
import { readHeader } from "../items/header-reads.ts";
import { addRevoked } from "../items/header-writes.ts";
import { readLastStep } from "../items/run-reads.ts";
import { sendControl } from "../messages/send.ts";

/** Most revocations in one header. A caller that needs more of them can revoke the group. */
const MOST_REVOKED = 200;
/** Matches ids of the groups of links beside a run. */
const LINKS = /\.[le]\d*$/;

/**
 * Revokes a run, or the group that a run waits for (docs/adr/0007). One write is the revocation: the header of the
 * run's group then names the step from which the strand must not go on. A step that has not started is created as
 * cancelled, or never claimed. A waiting step ends with its group. A running step is notified by its next heartbeat.
 * Returns false when the run had ended before. Throws `run_not_found` and `too_many_children`.
 */
export async function revokeRun(context: Context, id: string): Promise<boolean> {
  if (LINKS.test(id))
    throw new FanfoldError("invalid_request", `${id} are callbacks, which nobody waits for: revoke them one by one`, {
      details: { runId: id },
    });
  if (isShared(id))
    throw new FanfoldError(
      "shared_run",
      `${id} is shared by jobs, so no one of them can stop it: cancel the runs that wait for it`,
      {
        details: { runId: id },
      },
    );
  const ref = parseRunId(ownerOf(id) ?? id);
  const header = ref && (await readHeader(context, ref.gid));
  if (!ref || !header || isBehindSeal(header, ref.index)) {
    throw new FanfoldError("run_not_found", `no run ${id}`, { details: { runId: id } });
  }
  if (header.pages)
    throw new FanfoldError(
      "invalid_request",
      `${id} is a page of input: revoke what is in it, or the run that opened it`,
      { details: { runId: id } },
    );
  const last = await readLastStep(context, header, ref.index);
  const hasEnded =
    last !== undefined &&
    isTerminal(last.status) &&
    (last.stepIndex >= ref.stepIndex || (last.status !== "success" && last.status !== "skipped"));
  if (header.outcome || hasEnded) return false;
  const revocation = `${ref.index}~${ref.stepIndex}`;
  if ((header.revoked?.size ?? 0) >= MOST_REVOKED && !header.revoked?.has(revocation)) {
    throw new FanfoldError(
      "too_many_children",
      `${MOST_REVOKED} members of this group are revoked already: revoke the group`,
      {
        details: { group: header.gid },
      },
    );
  }
  await addRevoked(context, ref.gid, revocation);
  await sendControl(context, { kind: "revoke", gid: ref.gid, index: ref.index });
  return true;
}

/** Ends the current step of a revoked member, unless it runs; then its holder ends it. Idempotent. */
export async function applyRevocation(context: Context, gid: string, index: number): Promise<void> {
  const gate = await readGate(context, gid);
  if (gate.kind === "gone") return;
  const { header } = gate;
  const last = await readLastStep(context, header, index);
  // The process that ended the run may have died before its follow-up, even when the group has decided.
  if (last && isTerminal(last.status)) return void (await follow(context, [{ kind: "run", run: last }]));
  if (header.outcome) return;
  if (last ? !(await isRevoked(context, header, last)) : revokedFrom(header, index) > 0 || header.pages) return;
  const ended = await endRevoked(context, header, { gid, index, stepIndex: last?.stepIndex ?? 0 }, last);
  if (ended) await follow(context, [{ kind: "run", run: ended }]);
}
