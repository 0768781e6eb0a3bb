import { shardOf } from "../../core/items/shard-of.ts";
import type { Counts } from "../../core/plan/counts.ts";
import { endChange, itemChange, partialCounters } from "../../core/plan/item-counters.ts";
import { isShared, runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { type ItemCounts, itemTotal } from "../../core/task/item-counts.ts";
import { all } from "../concurrently.ts";
import { ROWLESS_SAMPLE } from "../config.ts";
import type { Context } from "../context.ts";
import {
  eventKey,
  type Header,
  ITEM_VERSION,
  type Owned,
  ownedBy,
  PROGRESS_SHARDS,
  progressKey,
  type Run,
} from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import type { PutOp } from "../ports.ts";
import type { JobAttributes } from "./job-item.ts";

/** Whether the root header shows how a run ended, so that no counter has to. */
const isFirst = ({ gid, stepIndex }: RunRef): boolean => stepIndex === 0 && !gid.includes(".");

/**
 * Counts ended runs for people who watch a job. The counters are approximate, because a repeated follow-up counts
 * again; exact totals replace them at the end. Costs one write unit for each batch and job, and none for the first run.
 */
export async function noteProgress(context: Context, runs: readonly Run[]): Promise<void> {
  const byJob = new Map<string, Run[]>();
  for (const run of runs)
    if (run.task !== undefined && !isFirst(run)) byJob.set(run.jobId, [...(byJob.get(run.jobId) ?? []), run]);
  await all([...byJob.values()].map((ofJob) => noteJob(context, ofJob)));
}
async function noteJob(context: Context, runs: readonly Run[]): Promise<void> {
  const first = runs[0] as Run;
  const add: Record<string, number> = {};
  for (const run of runs) addTo(add, { [run.status]: 1, ...itemsOf(run) });
  await addProgress(context, first, first.runId, add);
}
/**
 * What the end of a run changes in the items of its job. Those of its children are counted by the children, and those
 * that it has streamed were counted as they came.
 */
function itemsOf(run: Run): Counts {
  const { carry, counts, ownCounts, joins, status, streamed } = run;
  const own = joins === undefined ? counts : ownCounts;
  return streamed ? endChange(carry, own, isSuccess(status)) : itemChange(carry, own);
}
/** Counts items that a run has reported while it goes on. Costs one write unit. */
export async function noteReported(context: Context, run: Run, before: ItemCounts, after: ItemCounts): Promise<void> {
  const add: Record<string, number> = {};
  addTo(add, itemChange(run.carry, partialCounters(run.carry, after)));
  if (itemTotal(before) > 0)
    for (const [name, count] of Object.entries(itemChange(run.carry, partialCounters(run.carry, before))))
      add[name] = (add[name] ?? 0) - count;
  await addProgress(context, run, run.runId, add);
}
function addTo(sum: Record<string, number>, counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
}
/**
 * Counts members without rows. A write for each batch would double what the batch costs, so one batch in a few counts
 * for all of them. The first member of a batch decides whether it is that one.
 */
export async function noteRowless(context: Context, header: Header, members: readonly RowlessEnd[]): Promise<void> {
  const runId = runIdOf(header.gid, (members[0] as RowlessEnd).index, 0);
  if (shardOf(`thin ${runId}`, ROWLESS_SAMPLE) === 0)
    await addProgress(context, ownedBy(header), runId, { success: members.length * ROWLESS_SAMPLE });
}

/**
 * Takes back the count of a run that a round takes up again. `again` says that its code runs again, which adds to the
 * cost of the job. A run that begins `anew` streams its reports anew, too.
 */
export async function noteRenewed(context: Context, run: Run, again: boolean, anew = false): Promise<void> {
  if (run.task === undefined || !isTerminal(run.status)) return;
  const { streamed: _streamed, ...whole } = run;
  const back = Object.entries(itemsOf(anew ? whole : run)).map(([name, count]) => [name, -count]);
  const add = {
    ...(!isFirst(run) && { [run.status]: -1, ...Object.fromEntries(back) }),
    ...(again && run.attempt > 0 && { [RERUN]: 1 }),
  };
  if (Object.keys(add).length > 0) await addProgress(context, run, run.runId, add);
}
/** Progress counter of the runs of earlier rounds that do not count any more. */
export const RERUN = "rerun";
/** Counts task runs that have become known. */
export async function notePlanned(context: Context, owned: Owned, about: string, planned: number): Promise<void> {
  if (planned > 0) await addProgress(context, owned, about, { planned });
}
async function addProgress(
  context: Context,
  owned: Owned,
  about: string,
  add: { [name: string]: number },
): Promise<void> {
  // Nobody watches a job there.
  if (isShared(owned.jobId)) return;
  const key = progressKey(owned.jobId, shardOf(about, PROGRESS_SHARDS));
  await context.store.write({
    op: "update",
    key,
    change: { add, setOnce: { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl } },
  });
}
/** Writes the event of a new round. */
export async function noteRetried(context: Context, owned: Owned, at: number, round: number): Promise<void> {
  const attributes = { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, at, kind: "retried", round };
  const key = eventKey(owned.jobId, at, `!retried#${round}`);
  await context.store.write({ op: "put", key, attributes, when: absent() });
}
/**
 * Returns the events that the root header tells: the start, and the end. Within one millisecond the start sorts before
 * failures, and the end after them.
 */
export function stateEvents({ jobId, ttl, createdAt, endedAt, state }: JobAttributes): readonly PutOp[] {
  const event = (at: number, id: string, name: string): PutOp => ({
    op: "put",
    key: eventKey(jobId, at, id),
    attributes: { v: ITEM_VERSION, jobId, ttl, at, kind: "state", state: name },
    when: absent(),
  });
  return [
    event(createdAt, "!started", "started"),
    ...(endedAt === undefined ? [] : [event(endedAt, `~${state}`, state)]),
  ];
}
/** Keeps the event of an end, before the root is opened again and tells it no more. */
export async function noteEnd(context: Context, job: JobAttributes): Promise<void> {
  const end = stateEvents(job)[1];
  if (end) await context.store.write(end);
}
