import { carriedUp, failedRuns } from "../../core/plan/counts.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import {
  asJob,
  asJobEvent,
  attributesOf,
  eventPartition,
  type Header,
  ITEM_VERSION,
  type JobAttributes,
  type JobEventAttributes,
  jobIndexKey,
  jobKey,
  type RunError,
} from "../item-kinds.ts";
import { allOf } from "../items/all-of.ts";
import { absent, and, present } from "../items/conditions.ts";
import { copyOfValue, readLastStep, readRunById } from "../items/run-reads.ts";
import { isOfRound, OPEN_JOBS, putJob, reopenJob } from "./job-item.ts";
import { noteState } from "./progress.ts";
import { answerToken } from "./supervision.ts";

/**
 * Ends the job of a decided root group: state, value, counters, lists, event, and the answer to its supervisor. Every
 * write is idempotent, and all happen before the root closes. Returns false when the answer is owed, but this process
 * has no Tokens port.
 */
export async function finishJob(context: Context, root: Header): Promise<boolean> {
  const job = await jobOf(context, root);
  if ((job?.round ?? 0) > root.round) return true; // a later round has begun
  const endedAt = job?.endedAt ?? context.clock.now();
  const ended = job?.endedAt === undefined ? await endOf(context, root, endedAt) : job;
  if (job?.endedAt === undefined) {
    const { applied } = await context.store.write({
      op: "update",
      key: jobKey(root.jobId),
      change: { set: attributesOf(ended) },
      when: and(present(), absent("endedAt"), isOfRound(root.round)),
    });
    if (applied) context.watch?.jobEnded(ended.state);
  }
  const owned = { v: ITEM_VERSION, jobId: root.jobId, ttl: root.ttl };
  const entry = root.round === 0 ? owned : { ...owned, round: root.round };
  await all<unknown>([
    context.store.writeMany([
      { op: "put", key: jobIndexKey(ended.state, root.createdAt, root.jobId), attributes: entry, when: absent() },
      { op: "remove", key: jobIndexKey(OPEN_JOBS, root.createdAt, root.jobId), when: isOfRound(root.round) },
    ]),
    noteState(context, owned, endedAt, ended.state),
  ]);
  return root.job?.supervised === true ? answerToken(context, root.jobId, ended) : true;
}

/** Reads the job item, and writes first what a process that died did not write. */
async function jobOf(context: Context, root: Header): Promise<JobAttributes | undefined> {
  const job = asJob(await context.store.get(jobKey(root.jobId), { consistent: true }));
  if (!job) await putJob(context, root);
  if (!job || (job.round ?? 0) >= root.round) return job;
  await reopenJob(context, root);
  return asJob(await context.store.get(jobKey(root.jobId), { consistent: true }));
}

async function endOf(
  context: Context,
  root: Header,
  endedAt: number,
): Promise<Partial<JobAttributes> & Pick<JobAttributes, "state">> {
  const { inexact, ...counts } = carriedUp(root.totals);
  const base = {
    endedAt,
    ...(root.outcome !== undefined && { outcome: root.outcome }),
    counts,
    countsExact: !root.early && !inexact,
  };
  if (root.outcome === "cancelled" || root.outcome === "dropped") return { ...base, state: "cancelled" };
  if (root.outcome === "timeout") return { ...base, state: "timed-out" };
  const first = root.firstError === undefined ? undefined : await readRunById(context, root.firstError);
  const error = first?.error && { error: { runId: first.runId, ...first.error } };
  if (root.outcome === "failed") return { ...base, state: "failure", ...error };
  const last = await readLastStep(context, root, 0);
  if (failedRuns(counts) === 0) return { ...base, state: "success", ...copyOfValue(last) };
  // Good results go on, but a job with a failed run ends in `failure`. Its groups settled well, so only the events know
  // the error.
  return { ...base, state: "failure", ...copyOfValue(last), ...(await firstFailure(context, root)) };
}
async function firstFailure(context: Context, root: Header): Promise<{ error?: RunError }> {
  const failure = await failureThatStands(context, root);
  if (!failure) return {};
  const { runId, error } = failure;
  return {
    error: { name: "Failed", message: "a run of this job failed", ...error, ...(runId !== undefined && { runId }) },
  };
}
/** Returns the first failure that no later round has retried with success. */
async function failureThatStands(context: Context, { jobId, round }: Header): Promise<JobEventAttributes | undefined> {
  for await (const { items } of allOf((after) =>
    context.store.query("tasks", eventPartition(jobId), { limit: 20, ...after }),
  ))
    for (const event of items.map(asJobEvent)) {
      if (event.kind !== "failure") continue;
      const run = round === 0 || event.runId === undefined ? undefined : await readRunById(context, event.runId);
      if (round === 0 || (run && isFailure(run.status))) return event;
    }
  return undefined;
}
