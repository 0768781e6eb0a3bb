import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { capOf, isWaiting } from "../admission/backlog.ts";
import { isPooled } from "../admission/bulk-pool.ts";
import { mayBePaused, pausedBy } from "../admission/pauses.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { pathUp, recheckNodes } from "../follow/recheck-ledger.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import { recheckEdges } from "../follow/seal-group.ts";
import { decide } from "../follow/work-list.ts";
import { expandMembers } from "../groups/expand-group.ts";
import { readGate, withRootMarks } from "../groups/gate.ts";
import { resumeLinks } from "../groups/link-groups.ts";
import { isRevoked } from "../groups/revocations.ts";
import type { Header, Run } from "../item-kinds.ts";
import { decidedAbove, readHeader } from "../items/header-reads.ts";
import { type Identity, readIdentities } from "../items/identity-items.ts";
import { setNextCheck } from "../items/header-writes.ts";
import { doneOf, readLedger, readLedgers } from "../items/ledger-reads.ts";
import { isPaused } from "../items/pause-items.ts";
import { isDue, isLive, isReady } from "../items/run-conditions.ts";
import { childGroup, currentRows, readLeaf, readRunById } from "../items/run-reads.ts";
import { noteResend } from "../items/run-writes.ts";
import { sendControl, sendRun } from "../messages/send.ts";
import { placeOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { resumeDeferred } from "../waits/deferred.ts";
import { awaitedBy } from "../waits/dependencies.ts";
import { lookForEnd } from "../waits/identities.ts";
import { attendJob } from "./attend-execution.ts";
import { sweepPauseOfJob } from "./pauses.ts";
import { applyRevocation } from "./revoke-run.ts";
import { takeUpMembers } from "./take-up-members.ts";

/** Milliseconds for which a worker may still follow up a run that ended. A later follow-up counts as a repair. */
const FOLLOW_LATE_MS = 30_000;
/** Leaves that one message checks. */
const LEAVES_PER_SWEEP = 64;

interface Check {
  readonly gid: string;
  readonly fromLeaf: number;
  /**
   * Set by the first sweep of a start. Messages are back in their queues then, so only what no message carries is owed:
   * what a call of the API began. That is done at once, and the checks of the header stay as they were planned.
   */
  readonly all?: boolean;
}

/**
 * Checks one open header, which is read consistently because the index lags. `again` is set when the message was
 * delivered before, because the worker that handled it may have died in the middle.
 *
 * Every sweep sends a message for a due header, so several messages for one header may wait in a long queue. The first
 * one sets the next check, and the others are ignored. Otherwise they would find a ledger that has not grown since the
 * first one, and each would check every leaf.
 */
export async function sweepGroup(
  context: Context,
  { gid, fromLeaf, all: first = false }: Check,
  again: boolean,
): Promise<void> {
  const header = await readHeader(context, gid);
  if (!header || header.state === "closed") return;
  const looked = fromLeaf === 0 && !again && !first && !header.reopening;
  if (looked && (header.nextCheck ?? 0) > context.clock.now()) return;
  if (header.outcome) {
    await follow(context, [{ kind: "settle", gid, header }]);
    await resendOwner(context, header);
    return scheduleNextCheck(context, header, 0, 0);
  }
  const owner = header.joins === undefined ? undefined : await readRunById(context, header.joins);
  if (owner && owner.round > header.round && !header.side) return sweepSuperseded(context, header, owner);
  const orphaned = !header.side && owner !== undefined && isTerminal(owner.status) && owner.round >= header.round;
  const gate = await readGate(context, gid);
  if (gate.kind === "gone") return;
  if (orphaned || gate.kind === "decided") {
    await follow(context, [decide(header, "dropped")]);
    return scheduleNextCheck(context, header, 0, 0);
  }
  if (header.deadline !== undefined && header.deadline <= context.clock.now()) {
    await follow(context, [decide(header, "timeout")]);
    if (header.joins === undefined) await attendJob(context, gid);
    return scheduleNextCheck(context, header, 0, 0);
  }
  if (header.reopening) return takeUpMembers(context, header, fromLeaf);
  if (fromLeaf === 0) {
    for (const revocation of header.revoked ?? [])
      await applyRevocation(context, gid, Number(revocation.split("~")[0]));
    if (header.side) await resumeLinks(context, header);
    else if (owner) await resendOwed(context, gate.header, owner, first);
    if (header.pause !== undefined) await sweepPauseOfJob(context, gid);
    await recheckEdges(context, gid);
    if (first && header.revokedStamps) await sendControl(context, { kind: "revokeStamped", gid });
    // The message that ends waiting runs with revoked stamps may be lost, so every leaf is checked for them.
    if (!first && (await hasMoved(context, header)) && !gate.header.revokedStamps) return;
  }
  await sweepLeaves(context, gate.header, fromLeaf, first);
}

/**
 * Checks an open group of an earlier round than its owner: the owner opens it again, or has no use for it. An owner that
 * was taken up after a decision above had settled its group never runs.
 */
async function sweepSuperseded(context: Context, header: Header, owner: Run): Promise<void> {
  const needed = childGroup(owner) === header.gid && !isTerminal(owner.status);
  if (!needed || header.outcome || (await decidedAbove(context, owner.gid)))
    await follow(context, [decide(header, "dropped")]);
  else await resendOwner(context, header);
  await scheduleNextCheck(context, header, 0, 0);
}

/**
 * Returns whether the ledger of a group of several leaves has grown since the last check. Its leaves then need no check
 * now. While the ledger does not grow, the checks get further and further apart.
 */
async function hasMoved(context: Context, header: Header): Promise<boolean> {
  const marks = await marksSeen(context, header);
  const grew = marks > (header.seenMarks ?? 0);
  const stalls = grew ? 0 : (header.stalls ?? 0) + 1;
  await scheduleNextCheck(context, header, marks, stalls);
  return grew && header.memberCount !== undefined && header.memberCount > context.config.width;
}
/**
 * Returns a number that grows with the marks of the ledger, from a few of its nodes. The root of a tall ledger does not
 * change while a node below it fills with tens of thousands of members. So the nodes below the root are counted too,
 * which costs far less than a check of all leaves.
 */
async function marksSeen(context: Context, header: Header): Promise<number> {
  const { gid, round, height, memberCount } = header;
  const root = await readLedger(context, { gid, round, level: height, node: 0 });
  const marks = Object.values(root?.attributes ?? {}).reduce<number>(
    (sum, value) => (typeof value === "number" ? sum + value : sum),
    doneOf(root).size,
  );
  if (height < 3 || memberCount === undefined) return marks;
  const { width } = context.config;
  const nodes = Array.from({ length: Math.ceil(memberCount / width ** (height - 1)) }, (_, node) => ({
    gid,
    round,
    level: height - 1,
    node,
  }));
  const below = await readLedgers(context, nodes);
  return marks + below.reduce((sum, node) => sum + doneOf(node).size, 0);
}
async function scheduleNextCheck(context: Context, header: Header, marks: number, stalls: number): Promise<void> {
  // An execution runs, and costs, until the sweeper finds that its run has ended. So its checks stay frequent.
  // A job that is resumed waits for no more than a few checks, should its resume have died.
  const often = header.execution !== undefined || header.pause !== undefined;
  const seconds = context.config.sweepSeconds * 2 ** Math.min(stalls, often ? 2 : 5);
  const next = context.clock.now() + seconds * 1_000;
  await setNextCheck(
    context,
    header.gid,
    marks,
    stalls,
    Math.min(next, Math.max(header.deadline ?? next, context.clock.now() + 1_000)),
  );
}

/** Checks leaves for members that are not marked, and for marks that were not passed upward. */
async function sweepLeaves(context: Context, header: Header, fromLeaf: number, first: boolean): Promise<void> {
  const { width } = context.config;
  for (let leaf = fromLeaf; ; leaf++) {
    if (header.memberCount !== undefined && leaf * width >= header.memberCount) return;
    if (first && leaf >= LEAVES_PER_SWEEP) return;
    if (leaf - fromLeaf >= LEAVES_PER_SWEEP)
      return sendControl(context, { kind: "sweep", gid: header.gid, fromLeaf: leaf });
    const node = await readLedger(context, { gid: header.gid, round: header.round, level: 1, node: leaf });
    const done = doneOf(node);
    const upTo = Math.min(width, (header.memberCount ?? Number.POSITIVE_INFINITY) - leaf * width);
    if (done.size >= upTo) {
      await recheckNodes(context, header, pathUp(header, leaf, width));
      continue;
    }
    const last = new Map<number, Run>();
    for (const run of currentRows(await readLeaf(context, header.gid, leaf))) last.set(run.index, run);
    if (header.memberCount === undefined && last.size === 0) return;
    await sweepLeaf(context, header, { leaf, done, last, first });
  }
}
interface LeafCheck {
  readonly leaf: number;
  readonly done: ReadonlySet<number>;
  /** The last step of each member that has a row. */
  readonly last: ReadonlyMap<number, Run>;
  readonly first: boolean;
}
async function sweepLeaf(context: Context, header: Header, { leaf, done, last, first }: LeafCheck): Promise<void> {
  const { width } = context.config;
  const ended: Run[] = [];
  const repairs: Promise<void>[] = [];
  const upTo = Math.min((leaf + 1) * width, header.memberCount ?? Number.POSITIVE_INFINITY);
  let absentFrom: number | undefined;
  for (let index = leaf * width; index <= upTo; index++) {
    const run = last.get(index);
    const absent = index < upTo && !run && !done.has(localIndex(index, width)) && leafOf(index, width) === leaf;
    if (absent) absentFrom ??= index;
    else if (absentFrom !== undefined) {
      if (mayResend(context, header, first) && !header.pages)
        repairs.push(resendAbsent(context, header, absentFrom, index));
      absentFrom = undefined;
    }
    if (!run || index >= upTo || done.has(localIndex(index, width))) continue;
    if (isTerminal(run.status)) ended.push(run);
    else repairs.push(repair(context, header, run, first));
  }
  await all(repairs);
  const late = context.clock.now() - FOLLOW_LATE_MS;
  if (ended.some(({ endedAt = 0 }) => endedAt < late)) context.watch?.repaired(header.gid, "followed", 0);
  await follow(
    context,
    ended.map((run) => ({ kind: "run" as const, run })),
  );
}
/** Sends the messages of members without rows again, except for those that a pause holds or that wait in a backlog. */
async function resendAbsent(context: Context, header: Header, from: number, to: number): Promise<void> {
  if (isPaused(header)) return;
  const { left } = await expandMembers(context, header, from, to, { again: "sweep" });
  if (left === to - from) return;
  context.watch?.repaired(header.gid, "sent", Math.max(0, (header.stalls ?? 0) - 1));
}
async function repair(context: Context, header: Header, run: Run, first: boolean): Promise<void> {
  if (await isRevoked(context, header, run)) await applyRevocation(context, run.gid, run.index);
  else await resendOwed(context, header, run, first);
}
/**
 * Returns whether the messages of members without rows may be sent again. They may only be waiting in a long queue, so
 * the longer the ledger has not grown, the later they are sent again. The message of a root is sent by the submission.
 */
function mayResend(context: Context, header: Header, first: boolean): boolean {
  if (first) return header.joins === undefined;
  const age = (context.clock.now() - header.createdAt) / 1_000;
  return header.expanded === true && age > context.config.resendSeconds * 2 ** Math.min(header.stalls ?? 0, 5);
}

async function resendOwner(context: Context, header: Header): Promise<void> {
  const owner = header.joins === undefined ? undefined : await readRunById(context, header.joins);
  const above = owner && (await readHeader(context, owner.gid));
  if (owner && above && !isTerminal(owner.status)) await resendOwed(context, above, owner);
}
/**
 * Resends the message that a run is owed, when it is older than a queue should hold it. Duplicates are harmless.
 * `header` is that of the run's own group, or of the group that the run waits for. A message that a pause or a cap holds
 * back is kept elsewhere.
 */
async function resendOwed(context: Context, header: Header, run: Run, first = false): Promise<void> {
  if (run.status === "waiting") return resumeWaiting(context, run);
  const own = run.gid === header.gid ? header : await readHeader(context, run.gid);
  const awaitsEvents = run.status === "deferred" && !isReady(context, run);
  if (!own || own.outcome || isLive(context, run)) return;
  if (first ? !isSentByCall(own, run) : !isOverdue(context, run, awaitsEvents)) return;
  if (run.status === "deferred" && run.adopts !== undefined) return resendIdentity(context, run);
  if (awaitsEvents) {
    // The sender of the event may have died before it woke the run.
    const { woken, ended } = await resumeDeferred(context, run);
    if (woken) context.watch?.repaired(run.gid, "sent", 0);
    else if (ended) await follow(context, [{ kind: "run", run: ended }]);
    else for (const identity of await readIdentities(context, awaitedBy(run))) await lookAfter(context, identity);
    return;
  }
  if (await isHeldBack(context, withRootMarks(header, own), run)) return;
  context.watch?.repaired(run.gid, "sent", run.sends ?? 0);
  await noteResend(context, run);
  await sendRun(context, own, run, Math.max(0, ((run.notBefore ?? 0) - context.clock.now()) / 1_000));
}
/** Whether the message of a run is parked because of a pause, or waits in the backlog of a queue. */
async function isHeldBack(context: Context, own: Header, run: Run): Promise<boolean> {
  const { caps } = context.config;
  const mayPause = await mayBePaused(context, own);
  if (!mayPause && caps === undefined && !context.registry.hasBulk?.()) return false;
  const step = (await strandOf(context, own, run)).strand[run.stepIndex];
  if (step === undefined || isGroupStep(step)) return false;
  if (mayPause && (await pausedBy(context, own, step)) !== undefined) return true;
  if (await isPooled(context, own, run, step)) return true;
  const place = placeOf(context, step);
  return capOf(context, place.queue) !== undefined && isWaiting(context, own, { ...run, place });
}
/**
 * Looks after the identity that a run waits for, which is in no index of its own: its end may not have been followed,
 * and its message may be lost.
 */
async function resendIdentity(context: Context, waiting: Run): Promise<void> {
  const { ended, identity } = await lookForEnd(context, waiting);
  if (ended) {
    context.watch?.repaired(waiting.gid, "followed", 0);
    await follow(context, [{ kind: "run", run: ended }]);
  } else await lookAfter(context, identity);
}
/** Sends the message of an identity again. One that waits for others is looked after with these. */
async function lookAfter(context: Context, identity: Identity | undefined): Promise<void> {
  if (!identity) return;
  if (isTerminal(identity.run.status)) await follow(context, [{ kind: "run", run: identity.run }]);
  else await resendOwed(context, identity.header, identity.run);
}
/**
 * Returns whether a call of the API may owe the message of a run: the run is the first of a job, a page of input, or was
 * woken by an event. The sweep itself sends runs in the due index.
 */
function isSentByCall(own: Header, { status, attempt, page, due }: Run): boolean {
  if (status === "deferred") return true;
  return due === undefined && (own.joins === undefined || page === true || (status === "queued" && attempt > 0));
}
/** Returns whether the message of a run is older than a queue should hold it. */
function isOverdue(context: Context, run: Run, awaitsEvents: boolean): boolean {
  if (!awaitsEvents && !isDue(context, run)) return false;
  const since = Math.max(
    run.sentAt ?? run.startedAt ?? 0,
    run.status === "started" ? (run.leaseUntil ?? 0) : 0,
    awaitsEvents ? 0 : (run.notBefore ?? 0),
  );
  const age = (context.clock.now() - since) / 1_000;
  return age > context.config.resendSeconds * 2 ** Math.min(run.sends ?? 0, 6);
}
