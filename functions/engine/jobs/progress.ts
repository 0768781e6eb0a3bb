import { runIdOf } from "../../core/plan/run-id.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import { ROWLESS_SAMPLE } from "../config.ts";
import type { Context } from "../context.ts";
import { attributesOf, eventKey, type Header, ITEM_VERSION, type Owned, ownedBy, PROGRESS_SHARDS, progressKey, type Run, shardOf } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import type { RowlessEnd } from "../items/ledger-parts.ts";
import type { PutOp } from "../ports.ts";

/**
 * What people watch while a job runs: approximate counters (a repeated follow-up counts again; exact totals replace them at the end) and one event
 * per failure. One write unit per batch and job, plus one per failure; nothing per success.
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
 * Of members without rows, where a write for each batch would be as much again as the batch costs: one batch in a few counts for all of them, chosen by its first
 * member.
 */
export async function noteRowless(context: Context, header: Header, members: readonly RowlessEnd[]): Promise<void> {
  const runId = runIdOf(header.gid, (members[0] as RowlessEnd).index, 0);
  if (shardOf(`thin ${runId}`, ROWLESS_SAMPLE) === 0) await addProgress(context, ownedBy(header), runId, { success: members.length * ROWLESS_SAMPLE });
}

/** One event per failed task run; written before anything is decided by it, so that the job's end finds its first failure. */
export async function noteFailures(context: Context, runs: readonly Run[]): Promise<void> {
  const failures = runs.filter((run) => run.task !== undefined && isFailure(run.status)).map(failureEvent);
  if (failures.length > 0) await context.store.writeMany(failures);
}
/** Deterministic key: a repeated follow-up meets its own event. */
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
  return { op: "put", key: eventKey(run.jobId, at, `${run.runId}#${run.round}`), attributes: attributesOf(attributes), when: absent() };
}
/** More task runs are known now. */
export async function notePlanned(context: Context, owned: Owned, about: string, planned: number): Promise<void> {
  if (planned > 0) await addProgress(context, owned, about, { planned });
}
async function addProgress(context: Context, owned: Owned, about: string, add: { [name: string]: number }): Promise<void> {
  const key = progressKey(owned.jobId, shardOf(about, PROGRESS_SHARDS));
  await context.store.write({ op: "update", key, change: { add, setOnce: { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl } } });
}
/** Within one millisecond the start sorts before failures and the end after them. */
export async function noteState(context: Context, owned: Owned, at: number, state: string): Promise<void> {
  const attributes = { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, at, kind: "state", state };
  await context.store.write({ op: "put", key: eventKey(owned.jobId, at, state === "started" ? "!started" : `~${state}`), attributes, when: absent() });
}
