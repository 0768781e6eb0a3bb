import { ledgerHeight } from "../core/ledger.ts";
import { isGroupStep, isInput, isPaged, type Strand, taskSteps } from "../core/plan.ts";
import { runIdOf } from "../core/run-id.ts";
import { isTerminal } from "../core/run-state.ts";
import { all } from "./concurrently.ts";
import type { Context } from "./context.ts";
import { follow } from "./follow.ts";
import { decidedAbove, readHeader } from "./gate.ts";
import { createHeader, setExpanded } from "./header-writes.ts";
import { type Header, type Run, type RunAttributes } from "./items.ts";
import { expiresAtOf, notBeforeOf, type Owing, packSize, queueOf, sendControl, sendRuns } from "./messages.ts";
import { notePlanned } from "./progress.ts";
import { cancelWaitingRun, createRuns, ownedBy } from "./run-writes.ts";
import { childGroup, childPlan, duePart } from "./runs.ts";

/** An open group's tree is two levels high: width squared pages. */
export const OPEN_HEIGHT = 2;

/**
 * A waiting row met again, by whoever meets it: finishes what its writer may have left undone (create the header, expand), then looks whether the
 * wait is over. Idempotent. `row.gid`'s header is passed when the caller has just read it.
 */
export async function resumeWaiting(context: Context, run: Run): Promise<void> {
  const gid = childGroup(run);
  const decided = await decidedAbove(context, run.gid);
  const child = await readHeader(context, gid);
  if (decided && !child) {
    // Cancelled before the outbox was expanded: there are no children.
    const set: Partial<RunAttributes> = { status: "cancelled", counts: run.ownCounts ?? {}, endedAt: context.clock.now(), error: UPSTREAM };
    const { run: ended } = await cancelWaitingRun(context, run, set);
    if (ended && isTerminal(ended.status)) await follow(context, [{ kind: "run", run: ended }]);
    return;
  }
  if (!decided && !(child && (child.expanded || child.outcome))) await expandGroup(context, run);
  await follow(context, [{ kind: "check", run }]);
}
const UPSTREAM = { name: "Cancelled", message: "a group above this run was decided before its children started", reason: "upstream" };

/** Creates the child group of a waiting row and sends its members. */
async function expandGroup(context: Context, run: Run): Promise<void> {
  const parent = await readHeader(context, run.gid);
  const plan = parent && (await childPlan(context, parent, run));
  if (!parent || plan === undefined) return;
  const step = await context.plans.group(plan);
  const common = { ...ownedBy(parent), round: run.round, joins: run.runId, policy: step.policy, tracking: step.tracking };
  if (isInput(step.members)) {
    // Pages come from outside.
    await createHeader(context, childGroup(run), { ...common, height: OPEN_HEIGHT, pages: true, expanded: true });
    return;
  }
  const memberCount = isPaged(step.members) ? step.members.count : step.members.length;
  const { header } = await createHeader(context, childGroup(run), {
    ...common,
    ...inputOf(parent, run),
    plan,
    memberCount,
    height: ledgerHeight(memberCount, context.config.width),
  });
  if (header && header.round === run.round) await expandAll(context, header);
}

/** Sends all members of a group, unless that has been done. */
export async function expandAll(context: Context, header: Header): Promise<void> {
  if (header.expanded || header.outcome) return;
  const { expandRange } = context.config;
  const memberCount = header.memberCount ?? 0;
  if (memberCount > expandRange) {
    const ranges = Array.from({ length: Math.ceil(memberCount / expandRange) }, (_, k) => ({
      from: k * expandRange,
      to: Math.min((k + 1) * expandRange, memberCount),
    }));
    await sendControl(context, ...ranges.map((range) => ({ kind: "expand" as const, gid: header.gid, ...range })));
  } else await expandMembers(context, header, 0, memberCount);
  if (memberCount === 0) await follow(context, [{ kind: "decide", gid: header.gid, round: header.round, outcome: "complete", totals: {} }]);
  await setExpanded(context, header.gid);
}

/** A group step hands on what it was given: the value of the step before, or, as the first step of a member, what the members around it were given. */
function inputOf(parent: Header, run: Run): Partial<Header> {
  if (run.manifest !== undefined) return {}; // spawned, or a page: nothing comes before
  if (run.step > 0) return { input: runIdOf(run.gid, run.index, run.step - 1) };
  return { ...(parent.input === undefined ? {} : { input: parent.input }), ...(givesError(parent) ? { givesError: true } : {}) };
}
/** The first steps of this group's members are given an error in place of a value. */
export function givesError(header: Header): boolean {
  return header.side === "errors" || header.givesError === true;
}

/**
 * Sends the members from..to-1. With full tracking, or a start time to keep, their rows are written first. Repeating a range is harmless: rows are put
 * absent, and a second message meets the row of the first. `again`: the sweeper repeats it, so the members are planned already.
 */
export async function expandMembers(context: Context, header: Header, from: number, to: number, again = false): Promise<void> {
  const owing: Owing[] = [];
  const rows: { ref: { gid: string; index: number; step: number }; attributes: Partial<RunAttributes> }[] = [];
  let planned = 0;
  const now = context.clock.now();
  for (let index = from; index < to; index++) {
    const { strand } = await context.plans.member(header.plan as string, index);
    planned += taskSteps(strand);
    const ref = { gid: header.gid, index, step: 0 };
    const { attributes, delaySeconds, due } = firstStep(context, header, index, strand, now);
    if (attributes) rows.push({ ref, attributes });
    if (!due) owing.push({ ...ref, queue: queueOf(context, strand[0] as Strand[number]), delaySeconds });
  }
  for (let at = 0; at < rows.length; at += 256) await createRuns(context, rows.slice(at, at + 256));
  await all([
    sendRuns(context, owing, packSize(context, header.memberCount ?? 1)),
    ...(again ? [] : [notePlanned(context, ownedBy(header), `${header.gid}.${from}`, planned)]),
  ]);
}

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
  const timing = wait === undefined ? {} : duePart(context, runIdOf(header.gid, index, 0), wait, now);
  const expiresAt = expiresAtOf(step, header.createdAt);
  const attributes: Partial<RunAttributes> = {
    ...ownedBy(header),
    status: "queued",
    round: header.round,
    attempt: 0,
    sentAt: now,
    ...(isGroupStep(step) ? {} : { task: step.task }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...timing,
  };
  return { attributes, delaySeconds: wait === undefined ? 0 : (wait - now) / 1_000, due: "due" in timing };
}
