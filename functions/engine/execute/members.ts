import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import { MIDDLE_BAND } from "../../core/plan/band.ts";
import type { PlanStep } from "../../core/plan/plan.ts";
import type { RunRef } from "../../core/plan/run-id.ts";
import { gateOf } from "../groups/gate.ts";
import type { Header } from "../item-kinds.ts";
import { sendRuns } from "../messages/send.ts";
import type { EngineMessage } from "../messages/wire.ts";
import { type Place, placeOf, queueOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import type { Disposition } from "../ports.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import type { ExecuteContext } from "./execute-context.ts";
import { FollowPasses } from "./follow-passes.ts";
import { lookAtMembers } from "./look.ts";
import { admitUnclaimed } from "./pace.ts";
import { runMembers } from "./run-members.ts";

type MemberMessage = Extract<EngineMessage, { kind: "members" }>;

/**
 * Handles a message that names members of one leaf. This is the way of all user code:
 *
 *     receive -> look -> claim -> attempt -> commit -> follow -> acknowledge
 *
 * - look (look.ts): which members may run now; the others are resumed, ended, or left for later.
 * - claim, attempt, commit (run-members.ts, batch.ts): runs of one task share a batch, and so a write.
 * - follow (follow-passes.ts): members that end at about the same time are followed up together.
 *
 * The message is acknowledged only after all that followed. What cannot be handled now goes into a smaller message before that. Throws when a port failed; then the
 * whole message comes again, which is harmless.
 */
export async function handleMembers(context: ExecuteContext, message: MemberMessage, receives: number, loop: WorkerLoop): Promise<Disposition> {
  const refs = [...new Set(message.members)].map((index) => ({ gid: message.gid, index, stepIndex: message.step }));
  const gate = await gateOf(context, message.gid);
  if (gate.kind === "gone") return { kind: "done" }; // collected long ago, or never created: nothing to run
  const { header } = gate;
  const { ready, reports, failures } = await lookAtMembers(context, gate, refs, receives > 1);
  const passes = new FollowPasses(context, { header, loop, members: refs.length, queue: ready[0] && queueOf(context, ready[0].step) });
  passes.add(reports);
  const leave = await admitUnclaimed(context, header.jobId, ready);
  try {
    for await (const more of runMembers(context, header, loop, ready)) passes.add(more);
  } finally {
    await passes.done().finally(leave);
  }
  if (failures.length > 0) throw failures[0];
  return leftFor(context, header, refs, passes.left);
}

/** Sends what is left of a message as a smaller one. When nothing of it was handled, the message itself comes again. */
async function leftFor(context: ExecuteContext, header: Header, refs: readonly RunRef[], left: ReadonlyMap<number, number>): Promise<Disposition> {
  const owed = refs.filter(({ index }) => left.has(index));
  const [first] = owed;
  if (!first) return { kind: "done" };
  const delaySeconds = Math.min(...left.values());
  if (owed.length === refs.length) return { kind: "later", delaySeconds };
  const place = header.pages ? PAGES : await placeOfStep(context, header, first);
  await sendRuns(
    context,
    owed.map((ref) => ({ ...ref, ...place, delaySeconds })),
    refs.length,
  );
  return { kind: "done" };
}
/** Pages are group steps, which the engine's own queue runs. */
const PAGES: Place = { queue: ENGINE_QUEUE, band: MIDDLE_BAND };
async function placeOfStep(context: ExecuteContext, header: Header, ref: RunRef): Promise<Place> {
  return placeOf(context, (await strandOf(context, header, ref)).strand[ref.stepIndex] as PlanStep);
}
