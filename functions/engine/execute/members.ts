import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { type GroupStep, isGroupStep, type PlanStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { runsUnclaimed } from "../attempt/unclaimed.ts";
import type { Context } from "../context.ts";
import { endRevoked } from "../follow/end-revoked.ts";
import { follow } from "../follow/follow.ts";
import { followMarked } from "../follow/recheck.ts";
import { openGroupStep, resumeWaiting } from "../follow/resume-waiting.ts";
import { gateOf } from "../groups/gate.ts";
import { isRevoked } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { isDue, isLive, isReady } from "../items/run-conditions.ts";
import { readRuns } from "../items/run-reads.ts";
import { sendRuns } from "../messages/send.ts";
import type { EngineMessage } from "../messages/wire.ts";
import { queueOf } from "../plan/step-placement.ts";
import { strandOf, strandsOf } from "../plan/strands.ts";
import type { Disposition } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { endUnstarted } from "./end-unstarted.ts";
import type { ExecuteContext } from "./execute-context.ts";
import { FollowUp } from "./follow-passes.ts";
import { handleDeferred, runReady, secondsUntil } from "./lanes.ts";
import { isQuick } from "./pace.ts";
import { DONE, type Handled, type Ready } from "./ready.ts";
import { Startable } from "./startable.ts";

type MemberMessage = Extract<EngineMessage, { kind: "members" }>;

/**
 * Handles a message of members of one leaf: those that may run are claimed and run, each under a token of its own (lanes.ts), followed up together with those
 * that end at about the same time, and the message is acknowledged only after all that followed. What cannot be handled now goes into a smaller message first.
 */
export async function handleMembers(context: ExecuteContext, message: MemberMessage, receives: number, loop: WorkerLoop): Promise<Disposition> {
  const refs = [...new Set(message.members)].map((index) => ({ gid: message.gid, index, stepIndex: message.step }));
  const gate = await gateOf(context, message.gid);
  if (gate.kind === "gone") return { kind: "done" }; // collected long ago, or never created: nothing to run
  // A first delivery of lazy members expects no rows; the claim finds out. Everything else is looked at first.
  const look = receives > 1 || message.step > 0 || gate.kind === "decided" || gate.header.tracking === "full" || gate.header.pages === true;
  const seen = look ? await readRuns(context, refs) : refs.map(() => undefined);
  const marked = look ? await followMarked(context, gate.header, refs) : undefined;
  const ready: Ready[] = [];
  const followUp = new FollowUp(context, gate.header, loop, refs.length);
  const later = new Map<number, number>();
  const settle = ({ index }: RunRef, result: Handled): void => {
    if (result.kind === "later") later.set(index, result.delaySeconds);
    followUp.add(result);
    followUp.ended();
  };
  const { header } = gate;
  const strands = look ? undefined : await strandsOf(context, header, leafOf(message.members[0] as number, context.config.width));
  const startable = new Startable(context, header, strands);
  const prepare = async (ref: RunRef, run: Run | undefined): Promise<void> => {
    if (!run && marked?.has(localIndex(ref.index, context.config.width))) return settle(ref, DONE);
    const result = gate.kind === "decided" ? await handleDecided(context, gate.header, run) : await handleMember(context, gate.header, ref, run, look);
    if (result.kind === "ready") ready.push(result);
    else settle(ref, result);
  };
  const preparing: Promise<void>[] = [];
  refs.forEach((ref, k) => {
    const step = look ? undefined : startable.step(ref);
    if (step) ready.push({ ref, run: undefined, step, thin: startable.thin });
    else preparing.push(prepare(ref, seen[k]));
  });
  const prepared = await Promise.allSettled(preparing);
  if (ready[0]) followUp.queue = queueOf(context, ready[0].step);
  const leave = await turnFor(context, gate.header, ready);
  try {
    await runReady({ context, header: gate.header, loop, settle: ({ ref }, result) => settle(ref, result) }, ready);
  } finally {
    await followUp.done().finally(leave);
  }
  for (const each of prepared) if (each.status === "rejected") throw each.reason;
  const left = refs.filter(({ index }) => later.has(index));
  if (left.length === 0) return { kind: "done" };
  const delaySeconds = Math.min(...later.values());
  if (left.length === refs.length) return { kind: "later", delaySeconds };
  const { strand } = await strandOf(context, gate.header, { ...(left[0] as RunRef), ...manifestOf(seen.find((run) => run?.manifest !== undefined)) });
  const queue = queueOf(context, strand[message.step] as PlanStep);
  await sendRuns(
    context,
    left.map((ref) => ({ ...ref, queue, delaySeconds })),
    refs.length,
  );
  return { kind: "done" };
}
/** Quick members that nobody claims need no write before they run: without turns all messages in hand would run, and write, at once. */
async function turnFor({ pace, config }: ExecuteContext, { jobId }: Header, ready: readonly Ready[]): Promise<(() => void) | undefined> {
  const [first] = ready;
  if (!first) return undefined;
  pace.meet(jobId, ready.length);
  if (ready.length === 1 || !ready.every(({ thin }) => thin) || !isQuick({ pace, config }, first)) return undefined;
  return pace.enter(jobId, false, () => ready.length / MEMBERS_PER_CLAIM);
}
/** So many members without claims are as much work as one with. */
const MEMBERS_PER_CLAIM = 32;
const manifestOf = (run: Run | undefined): { manifest?: string } => (run?.manifest === undefined ? {} : { manifest: run.manifest });

/** Below a decided group runs read as cancelled: nothing is written for what never ran. */
async function handleDecided(context: Context, header: Header, run: Run | undefined): Promise<Handled> {
  if (run && isTerminal(run.status)) return { kind: "terminal", run };
  if (run?.status === "waiting") await resumeWaiting(context, run);
  if (!header.outcome) await follow(context, [{ kind: "decide", gid: header.gid, round: header.round, outcome: "dropped" }]);
  return run && isLive(context, run) ? { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) } : DONE;
}

/** `looked`: `run` was read, so undefined means that there is no row. */
async function handleMember(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
  looked: boolean,
): Promise<Handled | ({ kind: "ready" } & Ready)> {
  if (run && isTerminal(run.status)) return { kind: "terminal", run };
  if (header.memberCount !== undefined && ref.index >= header.memberCount) return DONE; // a page that lost the race with the seal
  if (!run && looked && !readsAsQueued(header, ref)) return DONE;
  if (await isRevoked(context, header, ref)) {
    const ended = await endRevoked(context, header, ref, run);
    if (ended) return { kind: "terminal", run: ended };
    // A row that nobody has looked at is looked at when it comes again.
    return run?.status === "waiting" ? DONE : { kind: "later", delaySeconds: secondsUntil(context, run?.leaseUntil) };
  }
  if (run?.status === "waiting") {
    await resumeWaiting(context, run);
    return DONE;
  }
  if (run?.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  const { strand } = await strandOf(context, header, { ...ref, ...manifestOf(run) });
  const step = strand[ref.stepIndex];
  if (!step) return DONE;
  if (isGroupStep(step)) return becomeWaiting(context, header, ref, run, step);
  if (run && (run.status === "queued" || run.status === "retrying") && !isDue(context, run))
    return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
  const ended = await endUnstarted(context, header, ref, run, step);
  if (ended) return ended;
  if (run && isLive(context, run)) return { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) };
  return { kind: "ready", ref, run, step, thin: !looked && runsUnclaimed(context, header, strand) };
}

/** Lazy: an absent row of a first step below the member count reads as queued. */
function readsAsQueued(header: Header, ref: RunRef): boolean {
  return ref.stepIndex === 0 && !header.pages && ref.index < (header.memberCount ?? 0);
}

async function becomeWaiting(context: Context, header: Header, ref: RunRef, run: Run | undefined, step: GroupStep): Promise<Handled> {
  const opened = await openGroupStep(context, header, ref, run, step);
  if (!opened || opened.status === "waiting") return DONE;
  return isTerminal(opened.status) ? { kind: "terminal", run: opened } : { kind: "later", delaySeconds: 1 };
}
