import { localIndex } from "../../core/plan/ledger.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { capOf, holdRuns, type WaitingRun } from "../admission/backlog.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { resumeWaiting } from "../follow/resume-waiting.ts";
import { recheckEdges } from "../follow/seal-group.ts";
import { expandMembers } from "../groups/expand-group.ts";
import { type Header, ownedBy, type Run } from "../item-kinds.ts";
import { setReopened } from "../items/header-writes.ts";
import { doneOf, readCurrent } from "../items/ledger-reads.ts";
import { currentRows, readLeaf } from "../items/run-reads.ts";
import { noteRetried } from "../jobs/progress.ts";
import { sendControl, sendRun } from "../messages/send.ts";
import { placeOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { renewMember } from "../rounds/renew-member.ts";
import { suspectLeaves } from "../rounds/suspect-leaves.ts";

/** Leaves that one message takes up. */
const LEAVES_PER_MESSAGE = 64;

/**
 * Takes up the members of a group that was opened again: all that the ledger of the round does not have. Repeated from
 * the start until `reopening` is removed, because duplicates of messages are harmless.
 */
export async function takeUpMembers(context: Context, header: Header, fromLeaf: number): Promise<void> {
  // The process that began the round may have died before this event.
  if (header.joins === undefined && fromLeaf === 0)
    await noteRetried(context, ownedBy(header), header.retry?.at ?? 0, header.round);
  let taken = 0;
  for await (const leaf of suspectLeaves(context, header)) {
    if (leaf < fromLeaf) continue;
    if (++taken > LEAVES_PER_MESSAGE) return sendControl(context, { kind: "sweep", gid: header.gid, fromLeaf: leaf });
    await takeUpLeaf(context, header, leaf);
  }
  await recheckEdges(context, header.gid);
  await setReopened(context, header.gid, header.round);
}

async function takeUpLeaf(context: Context, header: Header, leaf: number): Promise<void> {
  const { gid, memberCount } = header;
  const { width } = context.config;
  const done = doneOf(await readCurrent(context, header, { level: 1, node: leaf }));
  const last = new Map<number, Run>();
  for (const run of currentRows(await readLeaf(context, gid, leaf))) last.set(run.index, run);
  const upTo = Math.min((leaf + 1) * width, memberCount ?? Math.max(-1, ...last.keys()) + 1);
  const absent: number[] = [];
  const ended: Run[] = [];
  const taking: Promise<Run | undefined>[] = [];
  for (let index = leaf * width; index < upTo; index++) {
    if (done.has(localIndex(index, width))) continue;
    const run = last.get(index);
    if (run) taking.push(takeUp(context, header, run, ended));
    else if (!header.pages) absent.push(index);
  }
  const renewed = (await all(taking)).filter((run) => run !== undefined);
  const work: Promise<unknown>[] = [sendRetried(context, header, renewed)];
  for (const [from, to] of rangesOf(absent)) work.push(expandMembers(context, header, from, to, { again: "retry" }));
  await all(work);
  await follow(
    context,
    ended.map((run) => ({ kind: "run" as const, run })),
  );
}
/** Takes up one member. Returns its run when a message is owed for it. */
async function takeUp(context: Context, header: Header, seen: Run, ended: Run[]): Promise<Run | undefined> {
  const { run = seen } = seen.round < header.round ? await renewMember(context, header, seen.index) : {};
  if (isTerminal(run.status)) ended.push(run);
  else if (run.status === "waiting") await resumeWaiting(context, run, header);
  else return run;
  return undefined;
}
/** Sends the messages of runs that are retried. Those whose queue has a cap wait in its backlog. */
async function sendRetried(context: Context, header: Header, runs: readonly Run[]): Promise<void> {
  const waiting: WaitingRun[] = [];
  const sending = runs.map(async (run) => {
    const step = (await strandOf(context, header, run)).strand[run.stepIndex];
    const place = step && placeOf(context, step);
    // A node that waits for others is looked at by its message, and is held back only once it can start.
    if (place && run.status !== "deferred" && capOf(context, place.queue) !== undefined)
      waiting.push({ ...run, place });
    else await sendRun(context, header, run, 0);
  });
  await all(sending);
  await holdRuns(context, header, waiting);
}
function rangesOf(indexes: readonly number[]): (readonly [from: number, to: number])[] {
  const ranges: [number, number][] = [];
  for (const index of indexes) {
    const last = ranges.at(-1);
    if (last && last[1] === index) last[1] = index + 1;
    else ranges.push([index, index + 1]);
  }
  return ranges;
}
