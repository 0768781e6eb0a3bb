import { all } from "../concurrently.ts";
import type { StartedStep } from "../follow/work-list.ts";
import type { Header } from "../item-kinds.ts";
import { mustRunAlone } from "../items/run-claims.ts";
import type { WorkerLoop } from "../worker-loop.ts";
import { Batch } from "./batch.ts";
import { claimBatch } from "./claim-batch.ts";
import type { ExecuteContext, Lanes } from "./execute-context.ts";
import { batchSize, isQuick } from "./pace.ts";
import { type Ready, Reports } from "./reports.ts";

/**
 * Runs members of one message in lanes. A lane takes a slot, claims a batch in it, runs the batch one by one, and orders its commit: runs that end in no time share
 * their writes, and slow ones are batches of one (pace.ts). The claim of the next batch goes out together with the commit of the one before.
 *
 * The reports end after all lanes are through, and throw when a port failed in one. Members that were not reported by then are left to the message's next delivery.
 */
export function runMembers(context: ExecuteContext, header: Header, loop: WorkerLoop, ready: readonly Ready[]): Reports {
  const reports = new Reports();
  const lanes: Lanes = { context, header, loop, reports };
  const alone = ready.filter(({ run }) => mustRunAlone(context, run));
  const queue = alone.length === 0 ? [...ready] : ready.filter((member) => !alone.includes(member));
  const first = queue[0];
  const count = first ? Math.ceil(queue.length / batchSize(context, first)) : 0;
  reports.add(
    all([...alone.map((member) => runLane(lanes, [member], true)), ...Array.from({ length: count }, () => runLane(lanes, queue, false))]).then(nothing),
  );
  return reports;
}
/** Runs a step that was created as started, in a slot that is already its own. */
export function runStarted(context: ExecuteContext, loop: WorkerLoop, { header, run, step, reservation: { token } }: StartedStep): Reports {
  const reports = new Reports();
  const turns = [{ member: { ref: run, run, step, unclaimed: false }, run, token }];
  reports.add(new Batch({ context, header, loop, reports }, turns).run().then(nothing));
  return reports;
}
const nothing = (): [] => [];

/** Takes batches from the queue, which other lanes share, until none is left. */
async function runLane(lanes: Lanes, queue: Ready[], alone: boolean): Promise<void> {
  for (let again = false; queue.length > 0; again = true) {
    // Quick members are admitted before a slot is taken: while they wait, another job may have it.
    if (isPaced(lanes.context, queue)) await runAdmitted(lanes, queue, again, alone);
    else await runInSlot(lanes, alone, () => (isPaced(lanes.context, queue) ? [] : takeBatch(lanes.context, queue)));
  }
}
async function runAdmitted(lanes: Lanes, queue: Ready[], again: boolean, alone: boolean): Promise<void> {
  const { context, header } = lanes;
  const batch: Ready[] = [];
  const leave = await context.pace.admit(header.jobId, again, () => batch.push(...takeBatch(context, queue)));
  try {
    if (batch.length > 0) await runInSlot(lanes, alone, () => batch);
  } finally {
    leave();
  }
}
/** `take` gives the batch once there is a slot: the wait may have been long, and a task that no process knew may be known as quick by then. */
async function runInSlot({ context, header, loop, reports }: Lanes, alone: boolean, take: () => readonly Ready[]): Promise<void> {
  const slot = await loop.takeSlot(alone);
  try {
    const batch = take();
    if (batch.length === 0) return;
    const claimed = await claimBatch(context, header, batch, reports);
    if (claimed) await new Batch({ context, header: claimed.header, loop, reports }, claimed.turns).run();
  } finally {
    slot.release();
  }
}

/** Quick, and more than one: claimed when the pace admits it. Members without claims were admitted as a whole message. */
function isPaced(context: ExecuteContext, [first, second]: readonly Ready[]): boolean {
  return first !== undefined && second !== undefined && !first.unclaimed && isQuick(context, first);
}
/** Takes members of one task, which are expected to take the same time, and of one time limit. */
function takeBatch(context: ExecuteContext, queue: Ready[]): Ready[] {
  const first = queue[0];
  if (!first) return [];
  const most = batchSize(context, first);
  const alike = ({ step, unclaimed }: Ready): boolean =>
    step.task === first.step.task && unclaimed === first.unclaimed && step.options?.timeout === first.step.options?.timeout;
  let count = 1;
  while (count < most && count < queue.length && alike(queue[count] as Ready)) count++;
  return queue.splice(0, count);
}
