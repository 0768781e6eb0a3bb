import { FanfoldError } from "../../core/errors.ts";
import { ownerOf, parseRunId } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { endRevoked } from "../follow/end-revoked.ts";
import { follow } from "../follow/follow.ts";
import { readGate } from "../groups/gate.ts";
import { isRevoked, revokedFrom } from "../groups/revocations.ts";
import { readHeader } from "../items/header-reads.ts";
import { addRevoked } from "../items/header-writes.ts";
import { readLastStep } from "../items/run-reads.ts";
import { sendControl } from "../messages/send.ts";

/**
 * Revoking a run (docs/adr/0007). Its group's header says that the strand must not go past a step; that write is the revocation, all else follows from it:
 * a step that has not begun is created as cancelled or never claimed, one that waits ends with its group, one that runs is told by its next heartbeat.
 */

/** Revocations that one header holds; whoever wants more of them wants to revoke the group. */
const MOST = 200;
/** Ids of the groups beside a run. */
const CALLBACKS = /\.[le]$/;

/** A run, or the group that a run waits for. `false`: it has ended already. Throws `run_not_found`, `too_many_children`. */
export async function revokeRun(context: Context, id: string): Promise<boolean> {
  if (CALLBACKS.test(id))
    throw new FanfoldError("invalid_request", `${id} are callbacks, which nobody waits for: revoke them one by one`, { details: { runId: id } });
  const ref = parseRunId(ownerOf(id) ?? id);
  const header = ref && (await readHeader(context, ref.gid));
  if (!ref || !header || (header.memberCount !== undefined && ref.index >= header.memberCount)) {
    throw new FanfoldError("run_not_found", `no run ${id}`, { details: { runId: id } });
  }
  if (header.pages)
    throw new FanfoldError("invalid_request", `${id} is a page of input: revoke what is in it, or the run that opened it`, { details: { runId: id } });
  const last = await readLastStep(context, ref.gid, ref.index);
  const over = last !== undefined && isTerminal(last.status) && (last.stepIndex >= ref.stepIndex || (last.status !== "success" && last.status !== "skipped"));
  if (header.outcome || over) return false;
  const mark = `${ref.index}~${ref.stepIndex}`;
  if ((header.revoked?.size ?? 0) >= MOST && !header.revoked?.has(mark)) {
    throw new FanfoldError("too_many_children", `${MOST} members of this group are revoked already: revoke the group`, { details: { group: header.gid } });
  }
  await addRevoked(context, ref.gid, mark);
  await sendControl(context, { kind: "revoke", gid: ref.gid, index: ref.index });
  return true;
}

/** Ends what a revocation finds of a member. Idempotent; what runs is left to its holder. */
export async function applyRevocation(context: Context, gid: string, index: number): Promise<void> {
  const gate = await readGate(context, gid);
  if (gate.kind === "gone") return;
  const { header } = gate;
  const last = await readLastStep(context, gid, index);
  // Also when the group has decided: whoever ended the run may have died before all that follows from it.
  if (last && isTerminal(last.status)) return void (await follow(context, [{ kind: "run", run: last }]));
  if (header.outcome) return;
  if (last ? !(await isRevoked(context, header, last)) : revokedFrom(header, index) > 0 || header.pages) return;
  const ended = await endRevoked(context, header, { gid, index, stepIndex: last?.stepIndex ?? 0 }, last);
  if (ended) await follow(context, [{ kind: "run", run: ended }]);
}
