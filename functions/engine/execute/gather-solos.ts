import { isIdentity } from "../../core/plan/run-id.ts";
import { bulkOf } from "../admission/bulk-pool.ts";
import { mayBePaused } from "../admission/pauses.ts";
import { type Gate, gatesOfRoots } from "../groups/gate.ts";
import type { Disposition, ReceivedMessage } from "../ports.ts";
import { isSharing } from "./adopt-members.ts";
import { isDependent } from "./await-dependencies.ts";
import { expectsRows } from "./check-members.ts";
import type { ExecuteContext, MemberDelivery, Solos } from "./execute-context.ts";
import { handleMembers } from "./handle-members.ts";
import { soloBatchSize } from "./pace.ts";
import { runSolos, type Solo } from "./solo-batches.ts";
import { Startable } from "./startable-members.ts";

/** Whether a message may name the one run of a job, at its first delivery. */
export function mayBeSolo(
  { gid, step, members }: MemberDelivery["message"],
  { receives }: Pick<ReceivedMessage, "receives">,
): boolean {
  return receives === 1 && step === 0 && members.length === 1 && !gid.includes(".") && !isIdentity(gid);
}

/**
 * Handles messages of jobs of one task together that a process has received together: one read of their headers, one
 * write of their claims, one of their ends. Each run has a claim, a fence and a follow-up of its own, and each message is
 * acknowledged for itself.
 *
 *     gathering (messages of this turn) -> sorting (one read) -> alone (handle-members.ts)
 *                                                             -> together, by task (solo-batches.ts)
 *
 * Only quick tasks run together, so that no run waits for long behind another. Whatever needs a further check is
 * handled alone.
 */
export class GatheredSolos implements Solos {
  #gathered: Pending[] = [];

  handle(context: ExecuteContext, delivery: MemberDelivery): Promise<Disposition> {
    return new Promise((resolve, reject) => {
      this.#gathered.push({ ...delivery, resolve, reject });
      // What the process has received together arrives before this goes on.
      if (this.#gathered.length === 1) void Promise.resolve().then(() => handleTogether(context, this.#take()));
    });
  }
  #take(): readonly Pending[] {
    const gathered = this.#gathered;
    this.#gathered = [];
    return gathered;
  }
}
/** A message, and the promise of what becomes of it. */
interface Pending extends MemberDelivery {
  readonly resolve: (disposition: Disposition | Promise<Disposition>) => void;
  readonly reject: (error: unknown) => void;
}

async function handleTogether(context: ExecuteContext, pending: readonly Pending[]): Promise<void> {
  const [first] = pending;
  if (first && pending.length === 1) return startAlone(context, first);
  try {
    for (const solos of await sort(context, pending)) {
      const size = soloBatchSize(context, (solos[0] as Solo).member);
      for (let from = 0; from < solos.length; from += size) void startTogether(context, solos.slice(from, from + size));
    }
  } catch (error) {
    for (const { reject } of pending) reject(error);
  }
}
async function startTogether(context: ExecuteContext, solos: readonly Solo[]): Promise<void> {
  const [first] = solos;
  if (!first) return;
  const sortedAt = context.clock.now();
  try {
    const slot = await first.loop.takeSlot(false, first.member.step.task);
    try {
      // The wait may have been long, so what holds for a start is looked at again.
      const found = context.clock.now() > sortedAt ? await sort(context, solos) : [solos];
      for (const alike of found) await runSolos(context, alike);
    } finally {
      slot.release();
    }
  } catch (error) {
    for (const { reject } of solos) reject(error);
  }
}
function startAlone(context: ExecuteContext, { message, received, loop, resolve }: Pending): void {
  resolve(handleMembers(context, message, received, loop));
}

/** Returns, by queue and task, the jobs whose run may start with others now. The other messages are handled alone. */
async function sort(context: ExecuteContext, pending: readonly Pending[]): Promise<Iterable<readonly Solo[]>> {
  const gids = pending.map(({ message }) => message.gid);
  const gates = await gatesOfRoots(context, gids);
  const sorted = new Map<string, Solo[]>();
  for (const [k, each] of pending.entries()) {
    const solo = await soloOf(context, each, gates[k] as Gate);
    if (!solo) {
      startAlone(context, each);
      continue;
    }
    const key = `${each.received.queue} ${solo.member.step.task}`;
    const alike = sorted.get(key);
    if (alike) alike.push(solo);
    else sorted.set(key, [solo]);
  }
  return sorted.values();
}
/** Returns the run of a message when it may start with others: handle-members.ts would claim it without a further look. */
async function soloOf(context: ExecuteContext, pending: Pending, gate: Gate): Promise<Solo | undefined> {
  if (gate.kind !== "go" || expectsRows(gate)) return undefined;
  const { header } = gate;
  if (!header.step || (await mayBePaused(context, header))) return undefined;
  const { gid, step: stepIndex, members } = pending.message;
  const ref = { gid, index: members[0] as number, stepIndex };
  const step = new Startable(context, header, [[header.step]]).step(ref);
  if (!step || bulkOf(context, step) !== undefined) return undefined;
  const member = { ref, run: undefined, step, unclaimed: false };
  if (!context.speeds.isMostlyQuick(step.task) || isSharing(context, member) || isDependent(context, member))
    return undefined;
  return { ...pending, header, member };
}
