import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { type GroupStep, isGroupStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { leaveOver } from "../attempt/limited-attempt.ts";
import { DONE, type MemberOutcome } from "../attempt/member-outcome.ts";
import { runsUnclaimed } from "../attempt/unclaimed.ts";
import type { Context } from "../context.ts";
import { endRevoked } from "../follow/end-revoked.ts";
import { follow } from "../follow/follow.ts";
import { followMarked } from "../follow/recheck-ledger.ts";
import { openGroupStep, resumeWaiting } from "../follow/resume-waiting.ts";
import { decide } from "../follow/work-list.ts";
import type { Gate } from "../groups/gate.ts";
import { isBehindSeal } from "../groups/pages.ts";
import { isRevoked } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { isDue, isLive, isReady } from "../items/run-conditions.ts";
import { readRuns } from "../items/run-reads.ts";
import { sendRun } from "../messages/send.ts";
import { strandOf, strandsOf } from "../plan/strands.ts";
import { renewMember } from "../rounds/renew-member.ts";
import { handleDeferred, secondsUntil } from "./deferred-member.ts";
import { endUnstarted } from "./end-unstarted.ts";
import type { Ready, Report } from "./member-reports.ts";
import { Startable } from "./startable-members.ts";

/** The findings of the check of a message's members. */
export interface CheckedMembers {
  readonly ready: readonly Ready[];
  /** Reports of the members that do not start now. */
  readonly reports: readonly Report[];
  /** Errors of the members whose check failed. The other members are handled all the same. */
  readonly failures: readonly unknown[];
}
type Checked = Ready | MemberOutcome;
type OpenGate = Exclude<Gate, { readonly kind: "gone" }>;

/**
 * Finds the members of a message that may run. At a first delivery, lazy members are expected to have no rows. So their
 * claim is the first to see a row. The rows of all other members are read first. Waiting runs are resumed here, and
 * runs that must not start are ended.
 */
export async function checkMembers(
  context: Context,
  gate: OpenGate,
  refs: readonly RunRef[],
  again: boolean,
): Promise<CheckedMembers> {
  const { header } = gate;
  const readsRows = again || refs.some(({ stepIndex }) => stepIndex > 0) || expectsRows(gate);
  const checked = readsRows ? await checkRows(context, gate, refs) : await checkPlan(context, header, refs);
  const ready: Ready[] = [];
  const reports: Report[] = [];
  const failures: unknown[] = [];
  const sort = (result: Checked, ref: RunRef): void => {
    if ("kind" in result) reports.push({ ref, outcome: result });
    else ready.push(result);
  };
  const pending: Promise<void>[] = [];
  checked.forEach((result, k) => {
    const ref = refs[k] as RunRef;
    if (!(result instanceof Promise)) return sort(result, ref);
    pending.push(
      result.then(
        (later) => sort(later, ref),
        (error: unknown) => void failures.push(error),
      ),
    );
    return undefined;
  });
  await Promise.all(pending);
  return { ready, reports, failures };
}

/** Whether first steps of a group may have rows before they are claimed. */
export function expectsRows({ kind, header }: OpenGate): boolean {
  return (
    kind === "decided" ||
    header.tracking === "full" ||
    header.pages === true ||
    header.r_status !== undefined ||
    header.round > (header.since ?? 0)
  );
}
async function checkRows(
  context: Context,
  gate: OpenGate,
  refs: readonly RunRef[],
): Promise<readonly Promise<Checked>[]> {
  const { header } = gate;
  const rows = await readRuns(context, refs);
  const marked = await followMarked(context, header, refs);
  return refs.map(async (ref, k) => {
    const run = rows[k];
    const checked = await checkRow(run, ref);
    // A run that will not execute any more leaves its turn to the next one, and holds nothing.
    const over = gate.kind === "decided" || ("kind" in checked && checked.kind === "ended");
    if (run && over) await leaveOver(context, header, run);
    return checked;
  });
  function checkRow(run: Run | undefined, ref: RunRef): Checked | Promise<Checked> {
    if (!run && marked.has(localIndex(ref.index, context.config.width))) return DONE;
    if (gate.kind === "decided") return checkBelowDecided(context, header, run);
    if (!run && !readsAsQueued(header, ref)) return DONE;
    return checkMember(context, header, ref, run, true);
  }
}
/** Checks members by their plan alone. Most members are a single task that may start, and need no further read. */
async function checkPlan(
  context: Context,
  header: Header,
  refs: readonly RunRef[],
): Promise<readonly (Checked | Promise<Checked>)[]> {
  const startable = new Startable(
    context,
    header,
    await strandsOf(context, header, leafOf((refs[0] as RunRef).index, context.config.width)),
  );
  return refs.map((ref) => {
    const step = startable.step(ref);
    return step
      ? { ref, run: undefined, step, unclaimed: startable.unclaimed }
      : checkMember(context, header, ref, undefined, false);
  });
}

/** Returns whether an absent row reads as queued. It does for the first step of a member below the member count. */
function readsAsQueued(header: Header, ref: RunRef): boolean {
  return ref.stepIndex === 0 && !header.pages && !header.graph && ref.index < (header.memberCount ?? 0);
}

/** Checks a member below a decided group. A member that never ran reads as cancelled, so nothing is written for it. */
async function checkBelowDecided(context: Context, header: Header, run: Run | undefined): Promise<MemberOutcome> {
  if (run && isTerminal(run.status)) return { kind: "ended", run };
  if (run?.status === "waiting") await resumeWaiting(context, run, header);
  if (!header.outcome) await follow(context, [decide(header, "dropped")]);
  return run && isLive(context, run) ? { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) } : DONE;
}

/** Checks one member. When its row `wasRead`, an undefined `run` means that the row does not exist. */
async function checkMember(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
  wasRead: boolean,
): Promise<Checked> {
  if (run && isTerminal(run.status)) return { kind: "ended", run };
  if (isBehindSeal(header, ref.index)) return DONE;
  if (run && run.round < header.round) return takeUp(context, header, ref);
  if (await isRevoked(context, header, ref)) return endRevokedMember(context, header, ref, run);
  if (run?.status === "waiting") {
    await resumeWaiting(context, run, header);
    return DONE;
  }
  if (run?.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  const { strand } = await strandOf(context, header, run ?? ref);
  const step = strand[ref.stepIndex];
  if (!step) return DONE;
  if (isGroupStep(step)) return beginGroupStep(context, header, ref, run, step);
  if (run && (run.status === "queued" || run.status === "retrying") && !isDue(context, run))
    return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
  const ended = await endUnstarted(context, header, ref, run, step);
  if (ended) return ended;
  if (run && isLive(context, run)) return { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) };
  return { ref, run, step, unclaimed: !wasRead && runsUnclaimed(context, header, strand) };
}
/** Takes up a member whose row is of an earlier round. Its message is sent again, because another step may go on. */
async function takeUp(context: Context, header: Header, ref: RunRef): Promise<MemberOutcome> {
  const { run, renewed } = await renewMember(context, header, ref.index);
  if (!run) return DONE;
  if (renewed) await sendRun(context, header, run, 0);
  else if (isTerminal(run.status)) return { kind: "ended", run };
  else if (isLive(context, run)) return { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) };
  return DONE;
}
async function endRevokedMember(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
): Promise<MemberOutcome> {
  const ended = await endRevoked(context, header, ref, run);
  if (ended) return { kind: "ended", run: ended };
  // A row that was not read here is read when the message is delivered again.
  return run?.status === "waiting" ? DONE : { kind: "later", delaySeconds: secondsUntil(context, run?.leaseUntil) };
}
async function beginGroupStep(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
  step: GroupStep,
): Promise<MemberOutcome> {
  const opened = await openGroupStep(context, header, ref, run, step);
  if (!opened || opened.status === "waiting") return DONE;
  return isTerminal(opened.status) ? { kind: "ended", run: opened } : { kind: "later", delaySeconds: 1 };
}
