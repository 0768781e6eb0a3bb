import { withReportsOf } from "../jobs/reported-items.ts";
import { localIndex } from "../../core/plan/ledger.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { ExecuteContext } from "../execute/execute-context.ts";
import { follow } from "../follow/follow.ts";
import { followMarked } from "../follow/recheck-ledger.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import { readGate } from "../groups/gate.ts";
import { isBehindSeal } from "../groups/pages.ts";
import type { Header, Run } from "../item-kinds.ts";
import { isLive, isReady } from "../items/run-conditions.ts";
import { readRuns } from "../items/run-reads.ts";
import { breakDeadRun, endIdleRun, noteDeadLetter } from "../items/run-writes.ts";
import { type Owing, sendPass, sendRuns, turnOf } from "../messages/send.ts";
import { decodeMessage, encodeMessage, type EngineMessage } from "../messages/wire.ts";
import { placeOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { type Disposition, PortError, type ReceivedMessage } from "../ports.ts";
import { resumeDeferred } from "../waits/deferred.ts";
import { lookForEnd } from "../waits/identities.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { handleMessage } from "./handle-message.ts";
import { keepDeadLetter } from "./keep-dead-letter.ts";

/** Dead letters of one run after which the run is `broken`. */
const MAX_DEAD_LETTERS = 3;
/** Seconds after which the end of a pass is tried again. */
const END_AGAIN_SECONDS = 60;

/**
 * Handles a message that its queue gave up (docs/protocol-rules.md, section 13). That does not prove that a run kills
 * its worker, because waits for a lease and outages count as receives too. So its runs are checked. Ended runs are
 * followed up, waiting ones are resumed, and all others are sent again a few times. Control messages are handled at
 * once. What cannot be handled even here becomes a dead letter. The message may be acknowledged afterwards.
 */
export async function handleDeadLetter(
  context: ExecuteContext,
  received: ReceivedMessage,
  loop: WorkerLoop,
): Promise<Disposition> {
  const message = decodeMessage(received.body);
  try {
    if (message?.kind === "members") await examineMembers(context, message, received);
    else if (message?.kind === "bulk")
      await all(message.packs.map((pack) => examineMembers(context, { kind: "members", ...pack }, received)));
    // Whoever handles dead letters may not have the code of the task, and the end of a pass is owed for ever.
    else if (message?.kind === "pass")
      await sendPass(context, { ...message, queue: received.queue }, END_AGAIN_SECONDS);
    else if (message) return await handleMessage(context, received, loop, { mayHandOver: true });
    else await keepDeadLetter(context, received, { reason: "not_understood" });
  } catch (error) {
    if (error instanceof PortError) throw error;
    await keepDeadLetter(context, received, { reason: "handler_failed", error });
  }
  return { kind: "done" };
}

async function examineMembers(
  context: ExecuteContext,
  message: MemberMessage,
  received: ReceivedMessage,
): Promise<void> {
  const gate = await readGate(context, message.gid);
  if (gate.kind === "gone") return;
  const refs = [...new Set(message.members)].map((index) => ({ gid: message.gid, index, stepIndex: message.step }));
  const seen = await readRuns(context, refs);
  const marked = await followMarked(context, gate.header, refs);
  const results = await all(
    refs.map(async (ref, k) => {
      const ended = !seen[k] && marked.has(localIndex(ref.index, context.config.width));
      return ended ? NOTHING : examine(context, gate.header, gate.kind === "decided", ref, seen[k], received);
    }),
  );
  await follow(
    context,
    results.flatMap((result) => (result.kind === "ended" ? [{ kind: "run" as const, run: result.run }] : [])),
  );
  await sendRuns(
    context,
    results.flatMap((result) => (result.kind === "owed" ? [result.owing] : [])),
    refs.length,
  );
}
type MemberMessage = Extract<EngineMessage, { kind: "members" }>;

type Examined =
  | { readonly kind: "nothing" }
  | { readonly kind: "ended"; readonly run: Run }
  | { readonly kind: "owed"; readonly owing: Owing };
const NOTHING: Examined = { kind: "nothing" };

async function examine(
  context: Context,
  header: Header,
  decided: boolean,
  ref: RunRef,
  run: Run | undefined,
  { queue }: ReceivedMessage,
): Promise<Examined> {
  if (run && isTerminal(run.status)) return { kind: "ended", run };
  if (run?.status === "waiting") {
    await resumeWaiting(context, run);
    return NOTHING;
  }
  if (decided || isBehindSeal(header, ref.index)) return NOTHING;
  if (!run && (ref.stepIndex > 0 || header.pages)) return NOTHING;
  const step = (await strandOf(context, header, run ?? ref)).strand[ref.stepIndex];
  if (!step) return NOTHING;
  const owing = { ...ref, ...placeOf(context, step), ...turnOf(header), delaySeconds: delayOf(context, run) };
  if (run?.status === "deferred" && run.adopts !== undefined) {
    const { ended } = await lookForEnd(context, run);
    return ended ? { kind: "ended", run: ended } : NOTHING;
  }
  if (run?.status === "deferred" && !isReady(context, run)) {
    const { woken, ended } = await resumeDeferred(context, run);
    if (ended) return { kind: "ended", run: ended };
    const owesMessage = !woken && run.notBefore !== undefined && run.due === undefined;
    return owesMessage ? { kind: "owed", owing } : NOTHING;
  }
  if (isGroupStep(step) || (run && isLive(context, run))) return { kind: "owed", owing };
  const noted = await noteDeadLetter(context, ref, header, run, step.task);
  if (!noted) return NOTHING;
  if (isTerminal(noted.status)) return { kind: "ended", run: noted };
  if ((noted.deadLetters ?? 0) < MAX_DEAD_LETTERS || isLive(context, noted)) return { kind: "owed", owing };
  const error = {
    name: "DeadLetter",
    message: `the message of this run was given up ${MAX_DEAD_LETTERS} times: its worker fails before it can say why`,
    reason: "dead_letter",
    retryable: false,
  };
  const body = encodeMessage({ kind: "members", gid: ref.gid, step: ref.stepIndex, members: [ref.index] });
  // The letter comes first, because a message whose run has ended is only followed up.
  await keepDeadLetter(context, { queue, body }, { reason: "run_broken", runId: noted.runId, error });
  const end = { status: "broken" as const, task: step.task, endedAt: context.clock.now(), error };
  const set = await withReportsOf(context, noted, end);
  const { ended } =
    noted.status === "started"
      ? await breakDeadRun(context, noted, set)
      : await endIdleRun(context, ref, header, noted, set);
  return ended ? { kind: "ended", run: ended } : { kind: "owed", owing };
}
/** Returns the seconds until the run can be claimed, so that no receive of the new message is wasted. */
function delayOf(context: Context, run: Run | undefined): number {
  const at = Math.max(
    run?.notBefore ?? 0,
    run?.status === "started" ? (run.leaseUntil ?? 0) + context.config.skewMarginSeconds * 1_000 : 0,
  );
  return Math.max(0, Math.ceil((at - context.clock.now()) / 1_000));
}
