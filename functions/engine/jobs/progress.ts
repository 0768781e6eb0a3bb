import { runIdOf } from "../../core/plan/run-id.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import { ROWLESS_SAMPLE } from "../config.ts";
import type { Context } from "../context.ts";
import {
  attributesOf,
  eventKey,
  type Header,
  ITEM_VERSION,
  type Owned,
  ownedBy,
  PROGRESS_SHARDS,
  progressKey,
  type Run,
  shardOf,
} from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import type { PutOp } from "../ports.ts";

/**
 * Counts ended runs for people who watch a job. The counters are approximate, because a repeated follow-up counts
 * again; exact totals replace them at the end. Costs one write unit for each batch and job.
 */
export async function noteProgress(context: Context, runs: readonly Run[]): Promise<void> {
  const byJob = new Map<string, Run[]>();
  for (const run of runs) if (run.task !== undefined) byJob.set(run.jobId, [...(byJob.get(run.jobId) ?? []), run]);
  await all([...byJob.values()].map((ofJob) => noteJob(context, ofJob)));
}
async function noteJob(context: Context, runs: readonly Run[]): Promise<void> {
  const first = runs[0] as Run;
  const add: Record<string, number> = {};
  for (const { status } of runs) add[status] = (add[status] ?? 0) + 1;
  await addProgress(context, first, first.runId, add);
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
 * Writes one event for each failed task run, before any group decides by it, so the end of the job finds its first
 * failure.
 */
export async function noteFailures(context: Context, runs: readonly Run[]): Promise<void> {
  const failures = runs.filter((run) => run.task !== undefined && isFailure(run.status)).map(failureEvent);
  if (failures.length === 0) return;
  const results = await context.store.writeMany(failures);
  const failed = failures.filter(({ attributes }, k) => results[k]?.applied && attributes["status"] !== "cancelled");
  if (failed.length > 0) context.watch?.runsFailed(failed.length);
}
/** The key is deterministic, so a repeated follow-up writes the same event. */
function failureEvent(run: Run): PutOp {
  const at = run.endedAt ?? 0;
  const attributes = {
    v: ITEM_VERSION,
    jobId: run.jobId,
    ttl: run.ttl,
    at,
    kind: "failure" as const,
    runId: run.runId,
    status: run.status,
    task: run.task,
    error: run.error,
  };
  return {
    op: "put",
    key: eventKey(run.jobId, at, `${run.runId}#${run.round}`),
    attributes: attributesOf(attributes),
    when: absent(),
  };
}
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
  const key = progressKey(owned.jobId, shardOf(about, PROGRESS_SHARDS));
  await context.store.write({
    op: "update",
    key,
    change: { add, setOnce: { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl } },
  });
}
/** Writes the event of a state. Within one millisecond the start sorts before failures, and the end after them. */
export async function noteState(context: Context, owned: Owned, at: number, state: string): Promise<void> {
  const attributes = { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, at, kind: "state", state };
  await context.store.write({
    op: "put",
    key: eventKey(owned.jobId, at, state === "started" ? "!started" : `~${state}`),
    attributes,
    when: absent(),
  });
}
