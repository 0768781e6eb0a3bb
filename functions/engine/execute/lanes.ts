import { isTerminal } from "../../core/plan/run-state.ts";
import { unclaimedRun } from "../attempt/unclaimed.ts";
import { all, quiet } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import type { InPlace } from "../follow/work-list.ts";
import { gateOf } from "../groups/gate.ts";
import { mayBeRevoked, isRevoked } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { type ClaimRequest, type ClaimOutcome, claimRuns, mustRunAlone } from "../items/run-claims.ts";
import { isReady } from "../items/run-conditions.ts";
import { resumeDeferred } from "../waits/deferred.ts";
import { Batch, type Turn } from "./batch.ts";
import type { ExecuteContext } from "./execute-context.ts";
import { batchSize, isQuick } from "./pace.ts";
import { DONE, type Handled, type Lanes, type Ready } from "./ready.ts";

/**
 * Runs members of one message in lanes. A lane holds one slot, and in it claims a batch, runs it one by one, and commits it: runs that are over in no time share
 * their writes, slow ones are batches of one (pace.ts). The claim of the next batch goes out together with the commit of the one before. Throws after all
 * lanes are through, when a port failed in one; members that were not settled by then are left to the message's next delivery.
 */
export async function runReady(lanes: Lanes, ready: readonly Ready[]): Promise<void> {
  const alone = ready.filter(({ run }) => mustRunAlone(lanes.context, run));
  const queue = alone.length === 0 ? [...ready] : ready.filter((member) => !alone.includes(member));
  const first = queue[0];
  const count = first ? Math.ceil(queue.length / batchSize(lanes.context, first)) : 0;
  await all([...alone.map((member) => runLane(lanes, [member], true)), ...Array.from({ length: count }, () => runLane(lanes, queue, false))]);
}

/** Runs a step that was created as started, in a slot that is already its own. */
export async function runStarted(lanes: Lanes, { header, run, step, token }: Started): Promise<void> {
  const finishing: Promise<void>[] = [];
  await new Batch(lanes, header, [{ member: { ref: run, run, step, thin: false }, run, token }], finishing).run();
  await all(finishing);
}
export type Started = Parameters<InPlace["run"]>[0];

async function runLane(lanes: Lanes, queue: Ready[], alone: boolean): Promise<void> {
  const { context, loop } = lanes;
  const finishing: Promise<void>[] = [];
  try {
    for (let again = false; queue.length > 0; again = true) {
      // Before there is a slot: who waits for a turn needs none, and another job may.
      const batch: Ready[] = [];
      const paced = isPaced(context, queue);
      const leave = paced ? await context.pace.enter(lanes.header.jobId, again, () => batch.push(...takeBatch(context, queue))) : NO_TURN;
      try {
        if (paced && batch.length === 0) continue;
        const slot = await loop.takeSlot(alone);
        try {
          if (!paced) {
            // The wait may have been long: what nobody knew is now known to be quick.
            if (isPaced(context, queue)) continue;
            batch.push(...takeBatch(context, queue));
          }
          await runBatch(lanes, batch, finishing);
        } finally {
          slot.release();
        }
      } finally {
        leave();
      }
    }
  } finally {
    await all(finishing);
  }
}

const NO_TURN = (): void => undefined;
/** Quick, and more than one: claimed in turn (pace.ts). Members without claims had their turn as a whole message. */
function isPaced(context: ExecuteContext, [first, second]: readonly Ready[]): boolean {
  return first !== undefined && second !== undefined && !first.thin && isQuick(context, first);
}

/** Of one task, since they are expected to take the same time, and of one time limit. */
function takeBatch(context: ExecuteContext, queue: Ready[]): Ready[] {
  const first = queue[0];
  if (!first) return [];
  const most = batchSize(context, first);
  const alike = ({ step, thin }: Ready): boolean =>
    step.task === first.step.task && thin === first.thin && step.options?.timeout === first.step.options?.timeout;
  let count = 1;
  while (count < most && count < queue.length && alike(queue[count] as Ready)) count++;
  return queue.splice(0, count);
}

/** Resolves when user code is through; what follows from it goes on in `finishing`. */
async function runBatch(lanes: Lanes, members: readonly Ready[], finishing: Promise<void>[]): Promise<void> {
  const { context, settle } = lanes;
  if (members.length === 0) return;
  // The wait for a slot may have been long.
  const gate = await gateOf(context, lanes.header.gid);
  if (gate.kind !== "go") {
    for (const member of members) settle(member, gate.kind === "gone" ? DONE : { kind: "later", delaySeconds: 0 });
    return;
  }
  const { header } = gate;
  const wanted = mayBeRevoked(header) ? await withoutRevoked(lanes, header, members) : members;
  if (wanted.length === 0) return;
  const turns: Turn[] = [];
  if (wanted[0]?.thin) {
    const token = context.ids.token();
    for (const member of wanted) turns.push({ member, run: unclaimedRun(context, member.ref, header, member.step), token });
  } else {
    for (const { member, claim, token } of await claimAll(context, header, wanted)) {
      if (claim.kind === "claimed") turns.push({ member, run: claim.run, token });
      else finishing.push(quiet(settleRefused(context, claim.run).then((handled) => settle(member, handled))));
    }
  }
  if (turns.length > 0) await new Batch(lanes, header, turns, finishing).run();
}

async function withoutRevoked({ context, settle }: Lanes, header: Header, members: readonly Ready[]): Promise<readonly Ready[]> {
  const wanted: Ready[] = [];
  for (const member of members) {
    if (await isRevoked(context, header, member.ref)) settle(member, { kind: "later", delaySeconds: 0 });
    else wanted.push(member);
  }
  return wanted;
}
interface Claimed {
  readonly member: Ready;
  readonly claim: ClaimOutcome;
  readonly token: string;
}
async function claimAll(context: Context, header: Header, members: readonly Ready[]): Promise<readonly Claimed[]> {
  // One for all: it tells this claim of a run from every other.
  const token = context.ids.token();
  const claimings = members.map(({ ref, run, step }): ClaimRequest => ({ ref, header, token, task: step.task, seen: run }));
  const claims = [...(await claimRuns(context, claimings))];
  // A first delivery that met a row which is ready (full tracking, a start time): claim that.
  const again: number[] = [];
  claims.forEach(({ kind, run }, k) => {
    if (kind === "refused" && !claimings[k]?.seen && run && isReady(context, run) && !mustRunAlone(context, run)) again.push(k);
  });
  if (again.length > 0) {
    const second = await claimRuns(
      context,
      again.map((k) => ({ ...(claimings[k] as ClaimRequest), seen: claims[k]?.run })),
    );
    again.forEach((k, n) => (claims[k] = second[n] as ClaimOutcome));
  }
  return members.map((member, k) => ({ member, claim: claims[k] as ClaimOutcome, token }));
}
/** The row was not what it seemed; it is now in hand. A queued one is claimed at the next delivery. */
async function settleRefused(context: Context, run: Run | undefined): Promise<Handled> {
  if (!run) return DONE; // read as existing, now collected
  if (isTerminal(run.status)) return { kind: "terminal", run };
  if (run.status === "deferred" && !isReady(context, run)) return handleDeferred(context, run);
  if (run.status !== "waiting") return { kind: "later", delaySeconds: run.status === "started" ? secondsUntil(context, run.leaseUntil) : 1 };
  await resumeWaiting(context, run);
  return DONE;
}
/** Looks again for what it waits for. The message that is owed at the end of its time may be this one. */
export async function handleDeferred(context: Context, run: Run): Promise<Handled> {
  if ((await resumeDeferred(context, run)) || run.notBefore === undefined || run.due !== undefined) return DONE;
  return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
}

export function secondsUntil(context: Context, at: number | undefined): number {
  return Math.max(1, Math.ceil(((at ?? 0) - context.clock.now()) / 1_000));
}
