import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import type { PlanStep } from "../../core/plan/plan.ts";
import { MIDDLE_BAND } from "../../core/plan/priority-band.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { bulkOf } from "../admission/bulk-pool.ts";
import { gateOf } from "../groups/gate.ts";
import type { Header } from "../item-kinds.ts";
import { sendRuns, turnOf } from "../messages/send.ts";
import { type Place, placeOf, queueOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import type { Disposition, ReceivedMessage } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { adoptMembers, isSharing } from "./adopt-members.ts";
import { awaitDependencies, isDependent } from "./await-dependencies.ts";
import { checkMembers } from "./check-members.ts";
import type { ExecuteContext, MemberDelivery } from "./execute-context.ts";
import type { Ready, Reports } from "./member-reports.ts";
import { parkPaused } from "./park-paused.ts";
import { poolMembers } from "./pool-members.ts";
import { FollowPasses } from "./follow-passes.ts";
import { admitUnclaimed } from "./pace.ts";
import { runMembers } from "./run-members.ts";

/**
 * Handles a message that names members of one leaf. All user code runs on this path:
 *
 *     receive -> check -> claim -> attempt -> commit -> follow -> acknowledge
 *
 * - check (check-members.ts): finds the members that may run now. The others are resumed, ended, or left for later.
 *   What is paused is parked (admission/park.ts).
 * - adopt (adopt-members.ts): members that share runs with others take over how these end, and run no code.
 * - await (await-dependencies.ts): members whose dependencies have not ended wait for them, without a claim.
 * - pool (pool-members.ts): members of bulk tasks wait for others, and are handled by handle-bulk.ts.
 * - claim, attempt, commit (run-members.ts, batch.ts): runs of one task share a batch, and so a write.
 * - follow (follow-passes.ts): members that end at about the same time are followed up together.
 *
 * The message is acknowledged only after the follow-up of all its members. Before that, members that must be handled
 * later go into a smaller message. Throws when a port failed. The whole message is then redelivered, which is harmless.
 */
export async function handleMembers(
  context: ExecuteContext,
  message: MemberDelivery["message"],
  { queue, receives }: Pick<ReceivedMessage, "queue" | "receives">,
  loop: WorkerLoop,
): Promise<Disposition> {
  const refs = [...new Set(message.members)].map((index) => ({ gid: message.gid, index, stepIndex: message.step }));
  const gate = await gateOf(context, message.gid);
  if (gate.kind === "gone") return { kind: "done" };
  const { header } = gate;
  const again = receives > 1;
  const { ready: unheld, reports, failures } = await checkMembers(context, gate, refs, again);
  const { ready: found, parked } = await parkPaused(context, header, unheld);
  const sharing = found.filter((member) => isSharing(context, member));
  const own = sharing.length === 0 ? found : found.filter((member) => !sharing.includes(member));
  const dependent = own.filter((member) => isDependent(context, member));
  const awaited = dependent.length === 0 ? NONE : await awaitDependencies(context, header, dependent, again);
  const startable =
    dependent.length === 0 ? own : [...own.filter((each) => !dependent.includes(each)), ...awaited.ready];
  const isBulk = startable.some(({ step }) => bulkOf(context, step) !== undefined);
  const { ready, pooled } = isBulk ? await poolMembers(context, header, startable) : { ready: startable, pooled: [] };
  const passes = new FollowPasses(context, {
    header,
    loop,
    members: refs.length,
    queue: ready[0] && queueOf(context, ready[0].step),
  });
  passes.add(reports);
  passes.add(parked);
  passes.add(awaited.reports);
  passes.add(pooled);
  const release = await admitUnclaimed(context, header.jobId, ready);
  try {
    const running = runMembers(context, header, loop, ready);
    if (sharing.length > 0) running.add(adoptMembers(context, header, sharing, again));
    for await (const more of running) passes.add(more);
  } finally {
    await passes.done().finally(release);
  }
  if (failures.length > 0) throw failures[0];
  return sendLater(context, header, refs, passes.later, queue);
}

const NONE = { ready: [], reports: [] };

/** Follows up the one member of a message while it runs, and returns what becomes of the message. */
export async function followMember(
  context: ExecuteContext,
  header: Header,
  { received: { queue }, loop }: Pick<MemberDelivery, "received" | "loop">,
  { ref, step }: Ready,
  running: Reports,
): Promise<Disposition> {
  const passes = new FollowPasses(context, { header, loop, members: 1, queue: queueOf(context, step) });
  try {
    for await (const more of running) passes.add(more);
  } finally {
    await passes.done();
  }
  return sendLater(context, header, [ref], passes.later, queue);
}

/**
 * Sends the members for later as a smaller message. When no member was handled, the message itself is delivered again.
 */
async function sendLater(
  context: ExecuteContext,
  header: Header,
  refs: readonly RunRef[],
  later: ReadonlyMap<number, number>,
  queue: string,
): Promise<Disposition> {
  const owed = refs.filter(({ index }) => later.has(index));
  if (owed.length > 0 && owed.length === refs.length)
    return { kind: "later", delaySeconds: Math.min(...later.values()) };
  context.statistics.addQueue(context.clock.now(), queue, "messages");
  await sendOwed(context, header, refs, later);
  return { kind: "done" };
}
/** Sends the members for later as one message. */
export async function sendOwed(
  context: ExecuteContext,
  header: Header,
  refs: readonly RunRef[],
  later: ReadonlyMap<number, number>,
): Promise<void> {
  const owed = refs.filter(({ index }) => later.has(index));
  const [first] = owed;
  if (!first) return;
  const delaySeconds = Math.min(...later.values());
  const place = header.pages ? PAGES : await placeOfStep(context, header, first);
  await sendRuns(
    context,
    owed.map((ref) => ({ ...ref, ...place, ...turnOf(header), delaySeconds })),
    refs.length,
  );
}
/** Pages are group steps, which the engine's own queue runs. */
const PAGES: Place = { queue: ENGINE_QUEUE, band: MIDDLE_BAND };
async function placeOfStep(context: ExecuteContext, header: Header, ref: RunRef): Promise<Place> {
  return placeOf(context, (await strandOf(context, header, ref)).strand[ref.stepIndex] as PlanStep);
}
