import { all } from "../concurrently.ts";
import type { StartedStep } from "../follow/work-list.ts";
import type { Header } from "../item-kinds.ts";
import { mustRunAlone } from "../items/run-claims.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { Batch } from "./batch.ts";
import { claimBatch } from "./claim-batch.ts";
import type { ExecuteContext, MessageWork } from "./execute-context.ts";
import { type Ready, Reports } from "./member-reports.ts";
import { batchSize, isQuick } from "./pace.ts";

/**
 * Runs the members of one message in concurrent loops. A loop takes a slot, claims a batch, runs its members one after
 * another, and starts its commit. Quick runs are claimed and committed together, and slow ones are batches of one
 * (pace.ts). The claim of the next batch goes out together with the commit of the one before.
 *
 * The reports end after all loops. They throw when a port failed in a loop. Members that were not reported by then are
 * left to the message's next delivery.
 */
export function runMembers(
  context: ExecuteContext,
  header: Header,
  loop: WorkerLoop,
  ready: readonly Ready[],
): Reports {
  const reports = new Reports();
  const work: MessageWork = { context, header, loop, reports };
  const alone = ready.filter(({ run }) => mustRunAlone(context, run));
  const queue = alone.length === 0 ? [...ready] : ready.filter((member) => !alone.includes(member));
  const first = queue[0];
  const count = first ? Math.ceil(queue.length / batchSize(context, first)) : 0;
  reports.add(
    all([
      ...alone.map((member) => runBatches(work, [member], true)),
      ...Array.from({ length: count }, () => runBatches(work, queue, false)),
    ]).then(nothing),
  );
  return reports;
}
/** Runs a step that was created as started, in the slot that was reserved for it. */
export function runStarted(
  context: ExecuteContext,
  loop: WorkerLoop,
  { header, run, step, reservation: { token } }: StartedStep,
): Reports {
  const reports = new Reports();
  const runs = [{ member: { ref: run, run, step, unclaimed: false }, run, token }];
  reports.add(new Batch({ context, header, loop, reports }, runs).run().then(nothing));
  return reports;
}
const nothing = (): [] => [];

/** Runs batches from a queue of members, which all loops of a message share, until no member is left. */
async function runBatches(work: MessageWork, queue: Ready[], alone: boolean): Promise<void> {
  for (let resumed = false; queue.length > 0; resumed = true) {
    // Quick members are admitted before a slot is taken, so another job may use the slot while they wait.
    if (isPaced(work.context, queue)) await runAdmitted(work, queue, resumed, alone);
    else
      await runInSlot(work, alone, queue[0], () =>
        isPaced(work.context, queue) ? [] : takeBatch(work.context, queue),
      );
  }
}
async function runAdmitted(work: MessageWork, queue: Ready[], resumed: boolean, alone: boolean): Promise<void> {
  const { context, header } = work;
  const batch: Ready[] = [];
  const release = await context.pace.admit(header.jobId, resumed, () => batch.push(...takeBatch(context, queue)));
  try {
    await runInSlot(work, alone, batch[0], () => batch);
  } finally {
    release();
  }
}
/**
 * Runs one batch in a slot. `take` returns the batch only once there is a slot. The wait may be long, and the speed of
 * the task may become known in the meantime.
 */
async function runInSlot(
  { context, header, loop, reports }: MessageWork,
  alone: boolean,
  first: Ready | undefined,
  take: () => readonly Ready[],
): Promise<void> {
  if (!first) return;
  const slot = await loop.takeSlot(alone, first.step.task);
  try {
    const batch = take();
    if (batch.length === 0) return;
    const claimed = await claimBatch(context, header, batch, reports);
    if (claimed) await new Batch({ context, header: claimed.header, loop, reports }, claimed.runs).run();
  } finally {
    slot.release();
  }
}

/**
 * Returns whether the next batch needs admission. It does when several members are left, and the first is quick and not
 * unclaimed. (Unclaimed members are admitted as a whole message.)
 */
function isPaced(context: ExecuteContext, [first, second]: readonly Ready[]): boolean {
  return first !== undefined && second !== undefined && !first.unclaimed && isQuick(context, first);
}
/** Takes members of one task and one timeout from the queue. They are expected to take the same time. */
function takeBatch(context: ExecuteContext, queue: Ready[]): Ready[] {
  const first = queue[0];
  if (!first) return [];
  const most = batchSize(context, first);
  const alike = ({ step, unclaimed }: Ready): boolean =>
    step.task === first.step.task &&
    unclaimed === first.unclaimed &&
    step.options?.timeout === first.step.options?.timeout;
  let count = 1;
  while (count < most && count < queue.length && alike(queue[count] as Ready)) count++;
  return queue.splice(0, count);
}
