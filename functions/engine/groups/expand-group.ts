import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { isGroupStep, isPaged, type PlanStep, type Strand, taskSteps } from "../../core/plan/plan.ts";
import { runIdOf, type RunRef, scopeOf } from "../../core/plan/run-id.ts";
import { capOf, WaitingMembers } from "../admission/backlog.ts";
import { bulkOf, isPooled } from "../admission/bulk-pool.ts";
import { mayBePaused, pausedBy } from "../admission/pauses.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy, type RunAttributes } from "../item-kinds.ts";
import { setExpanded } from "../items/header-writes.ts";
import { duePart } from "../items/run-reads.ts";
import { putRuns } from "../items/run-writes.ts";
import { notePlanned } from "../jobs/progress.ts";
import { Packs, sendControl } from "../messages/send.ts";
import { expiresAtOf, notBeforeOf, packSize, type Place, placeOf, quickPackSize } from "../plan/step-placement.ts";
import { strandsOf } from "../plan/strands.ts";
import { parentsIn } from "../waits/nodes.ts";
import { waitingNode } from "./create-nodes.ts";
import { recheckDelayed } from "./revoke-delayed.ts";

/**
 * Sends all members of a group unless that has been done. A big group is split into ranges, each a message of the
 * engine's queue.
 */
export async function expandAll(context: Context, header: Header): Promise<void> {
  if (header.expanded || header.outcome) return;
  const { expandRange } = context.config;
  const memberCount = header.memberCount ?? 0;
  // All rows of a graph are put before any of its members is sent, so it is expanded in one piece.
  if (memberCount > expandRange && !header.graph) {
    const ranges = Array.from({ length: Math.ceil(memberCount / expandRange) }, (_, k) => ({
      from: k * expandRange,
      to: Math.min((k + 1) * expandRange, memberCount),
    }));
    await sendControl(context, ...ranges.map((range) => ({ kind: "expand" as const, gid: header.gid, ...range })));
  } else await expandMembers(context, header, 0, memberCount);
  await setExpanded(context, header.gid);
}

/** Why members are sent, unless their group is being expanded. */
export interface Expansion {
  /**
   * Set for members that have been counted as planned before. With `sweep` members that a pause holds are left out,
   * because their messages are parked.
   */
  readonly again?: "sweep" | "retry";
  /** Set by a dispatcher: only members of this place are sent, whatever cap their queue has. */
  readonly admit?: Place;
}
/** What an expansion did. Members that were `left` are held by a pause, or wait to be admitted already. */
export interface Expanded {
  readonly messages: number;
  readonly members: number;
  readonly left: number;
}
/**
 * Sends the members from..to-1. Writes their rows first when the group is tracked in full or a start time must be kept.
 * Repeating a range is harmless, because existing rows stay, and a second message finds the row of the first. Members
 * whose queue has a cap go to its backlog, as ranges and without rows.
 */
export async function expandMembers(
  context: Context,
  header: Header,
  from: number,
  to: number,
  { again, admit }: Expansion = {},
): Promise<Expanded> {
  const packs = new Packs(context, packSize(context, header.memberCount ?? 1));
  const quick = new Packs(context, quickPackSize(context, header.memberCount ?? 1));
  const waiting = new WaitingMembers(context, header);
  let planned = 0;
  let left = 0;
  let members = 0;
  const now = context.clock.now();
  const { width } = context.config;
  const { gid } = header;
  const same = await sameStrand(context, header);
  const parents = header.graph && (await parentsIn(context, header));
  const mayBeHeld = again === "sweep" && (await mayBePaused(context, header));
  const isQuick = (step: PlanStep): boolean => !isGroupStep(step) && context.speeds.isMostlyQuick(step.task);
  const expandLeaf = async (first: number, end: number): Promise<void> => {
    const strands = same ? undefined : await strandsOf(context, header, leafOf(first, width));
    const rows: { ref: RunRef; step: PlanStep; attributes: Partial<RunAttributes> }[] = [];
    for (let index = first; index < end; index++) {
      const strand =
        same ??
        strands?.[localIndex(index, width)] ??
        (await context.plans.member(header.plan as string, header.only ?? index)).strand;
      const step = strand[0] as PlanStep;
      const place = placeOf(context, step);
      const { queue, band } = place;
      if (admit && (queue !== admit.queue || band !== admit.band)) continue;
      const waitsFor = parents?.[index] ?? NONE;
      if (waitsFor.length > 0) {
        // What it waits for wakes it. A row that is put later than with its group is looked at by its message.
        if (admit) continue;
        rows.push({
          ref: { gid, index, stepIndex: 0 },
          step,
          attributes: waitingNode(context, header, step, waitsFor),
        });
        if (again) packs.add(gid, index, 0, queue, 0, band);
        planned += taskSteps(strand);
        members++;
        continue;
      }
      if (mayBeHeld && !isGroupStep(step) && (await pausedBy(context, header, step))) {
        left++;
        continue;
      }
      const bulk = again === "sweep" && bulkOf(context, step) !== undefined;
      if (bulk && (await isPooled(context, header, { gid, index, stepIndex: 0 }, step))) {
        left++;
        continue;
      }
      planned += taskSteps(strand);
      members++;
      if ((admit || capOf(context, queue) !== undefined) && startsLater(step, header, now) === (admit !== undefined)) {
        // A member with a start time was sent with a delay. It waits in no backlog.
        if (!admit) waiting.add(index, place);
        continue;
      }
      if (header.tracking !== "full" && (isGroupStep(step) || step.options === undefined))
        (isQuick(step) ? quick : packs).add(gid, index, 0, queue, 0, band);
      else {
        const { attributes, delaySeconds, due } = firstStep(context, header, index, strand, now);
        if (attributes) rows.push({ ref: { gid, index, stepIndex: 0 }, step, attributes });
        if (!due) (isQuick(step) ? quick : packs).add(gid, index, 0, queue, delaySeconds, band);
      }
    }
    if (rows.length === 0) return;
    await putRuns(context, rows);
    await recheckDelayed(
      context,
      rows.filter(({ attributes: { notBefore, status } }) => notBefore !== undefined || status === "deferred"),
    );
  };
  for (let index = from; index < to; index = (leafOf(index, width) + 1) * width) {
    const end = Math.min(to, (leafOf(index, width) + 1) * width);
    if (header.tracking === "full") await context.expanding.run(() => expandLeaf(index, end));
    else await expandLeaf(index, end);
  }
  const known = again !== undefined || admit !== undefined || isPlannedAhead(header);
  const counted = async (): Promise<number> => {
    if (!known) await notePlanned(context, ownedBy(header), `${gid}.${from}`, planned);
    return planned;
  };
  const [some = 0, put = 0, , more = 0] = await all([packs.send(), waiting.put(), counted(), quick.send()]);
  return { messages: some + more, members, left: left + waiting.members - put };
}
const NONE: readonly number[] = [];
/** Whether the first step of a member has a start time that lies ahead. Its message is delayed, and not held back. */
function startsLater(step: PlanStep, header: Header, now: number): boolean {
  return (notBeforeOf(step, header.createdAt) ?? 0) > now;
}
/** Whether the start of the job has counted the members as planned (core/plan/plan.ts, `plannedAhead`). */
function isPlannedAhead({ gid, jobId, joins, plan, side, only, repeat }: Header): boolean {
  if (joins === undefined) return true;
  const ofJob = scopeOf(gid) === jobId && plan?.[jobId.length] !== ".";
  return ofJob && !side && only === undefined && !repeat;
}
/** Returns the strand that all members share; undefined when they differ in more than their arguments. */
async function sameStrand(context: Context, header: Header): Promise<Strand | undefined> {
  if (header.plan === undefined || header.repeat || header.only !== undefined) return undefined;
  const { members } = await context.plans.group(header.plan);
  return isPaged(members) && members.only !== undefined ? [{ task: members.only }] : undefined;
}

/**
 * Returns the row of a member's first step, if one must be written, and when its message is due. `due` leaves the
 * message to the sweeper.
 */
function firstStep(
  context: Context,
  header: Header,
  index: number,
  strand: Strand,
  now: number,
): { attributes: Partial<RunAttributes> | undefined; delaySeconds: number; due: boolean } {
  const step = strand[0] as Strand[number];
  const notBefore = notBeforeOf(step, header.createdAt);
  const wait = notBefore === undefined || notBefore <= now ? undefined : notBefore;
  if (header.tracking !== "full" && wait === undefined) return { attributes: undefined, delaySeconds: 0, due: false };
  const { v, jobId, ttl } = ownedBy(header);
  if (wait === undefined && !isGroupStep(step) && step.options === undefined) {
    // A group may write a million of these objects. A literal takes a tenth of the memory that spreading takes.
    const attributes = {
      v,
      jobId,
      ttl,
      status: "queued" as const,
      round: header.round,
      attempt: 0,
      sentAt: now,
      task: step.task,
    };
    return { attributes, delaySeconds: 0, due: false };
  }
  const timing = wait === undefined ? {} : duePart(context, runIdOf(header.gid, index, 0), wait, now);
  const expiresAt = expiresAtOf(step, header.createdAt);
  const attributes: Partial<RunAttributes> = {
    v,
    jobId,
    ttl,
    status: "queued",
    round: header.round,
    attempt: 0,
    sentAt: now,
    ...(!isGroupStep(step) && { task: step.task }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...timing,
  };
  return { attributes, delaySeconds: wait === undefined ? 0 : (wait - now) / 1_000, due: "due" in timing };
}
