import { carriedUp, failedRuns } from "../../core/plan/counts.ts";
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
  jobIndexKey,
  jobKey,
  type RunError,
} from "../item-kinds.ts";
import { absent, and, present } from "../items/conditions.ts";
import { copyOfValue, readLastStep, readRunById } from "../items/run-reads.ts";
import { OPEN_JOBS, putJob } from "./job-item.ts";
import { noteState } from "./progress.ts";
import { answerToken } from "./supervision.ts";

/**
 * Ends the job of a decided root group: state, value, counters, lists, event, and the answer to its supervisor. Every
 * write is idempotent, and all happen before the root closes. Returns false when the answer is owed, but this process
 * has no Tokens port.
 */
export async function finishJob(context: Context, root: Header): Promise<boolean> {
  const job = asJob(await context.store.get(jobKey(root.jobId), { consistent: true }));
  if (!job) await putJob(context, root);
  const endedAt = job?.endedAt ?? context.clock.now();
  const ended = job?.endedAt === undefined ? await endOf(context, root, endedAt) : job;
  if (job?.endedAt === undefined) {
    const { applied } = await context.store.write({
      op: "update",
      key: jobKey(root.jobId),
      change: { set: attributesOf(ended) },
      when: and(present(), absent("endedAt")),
    });
    if (applied) context.watch?.jobEnded(ended.state);
  }
  const owned = { v: ITEM_VERSION, jobId: root.jobId, ttl: root.ttl };
  await all<unknown>([
    context.store.writeMany([
      { op: "put", key: jobIndexKey(ended.state, root.createdAt, root.jobId), attributes: owned, when: absent() },
      { op: "remove", key: jobIndexKey(OPEN_JOBS, root.createdAt, root.jobId) },
    ]),
    noteState(context, owned, endedAt, ended.state),
  ]);
  return root.job?.supervised === true ? answerToken(context, root.jobId, ended) : true;
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
  const last = await readLastStep(context, root.gid, 0);
  if (failedRuns(counts) === 0) return { ...base, state: "success", ...copyOfValue(last) };
  // Good results go on, but a job with a failed run ends in `failure`. Its groups settled well, so only the events know
  // the error.
  return { ...base, state: "failure", ...copyOfValue(last), ...(await firstFailure(context, root.jobId)) };
}
async function firstFailure(context: Context, jobId: string): Promise<{ error?: RunError }> {
  const { items } = await context.store.query("tasks", eventPartition(jobId), { limit: 20 });
  const failure = items.map(asJobEvent).find(({ kind }) => kind === "failure");
  if (!failure) return {};
  const { runId, error } = failure;
  return {
    error: { name: "Failed", message: "a run of this job failed", ...error, ...(runId !== undefined && { runId }) },
  };
}
