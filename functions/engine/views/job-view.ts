import { FanfoldError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { addCounts, type Counts, endedRuns } from "../../core/plan/counts.ts";
import { stampText } from "../../core/plan/stamps.ts";
import type { ResultEntry } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import type { JobEvent, JobState, JobView, Page } from "../job-views.ts";
import type { JobFilter } from "../requests.ts";
import {
  asJob,
  asJobEvent,
  asOwned,
  eventPartition,
  type Header,
  type JobAttributes,
  isJobCursor,
  jobIndexPartition,
  jobKey,
  PROGRESS_SHARDS,
  progressKey,
  stampIndexPartition,
} from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { countersOf } from "../items/ledger-reads.ts";
import { readRun } from "../items/run-reads.ts";
import { loadText, loadValue } from "../items/values.ts";
import { ALL_JOBS, indexedStamp, OPEN_JOBS } from "../jobs/job-item.ts";
import { RERUN } from "../jobs/progress.ts";
import { costOf } from "../plan/estimate-job.ts";

/** Returns a job as people and the API see it; undefined when there is no such job. */
export async function viewJob(context: Context, jobId: string): Promise<JobView | undefined> {
  const job = asJob(await context.store.get(jobKey(jobId), { consistent: true }));
  const root = await readHeader(context, jobId);
  if (!job && !root?.job) return undefined;
  const progress = await progressOf(context, jobId);
  const view = await toView(context, job, root, progress);
  return job?.estimate !== undefined && view.countsExact
    ? { ...view, cost: costOf(context, job.estimate, view.counts, progress[RERUN] ?? 0) }
    : view;
}
async function progressOf(context: Context, jobId: string): Promise<Counts> {
  const shards = await context.store.getMany(Array.from({ length: PROGRESS_SHARDS }, (_, k) => progressKey(jobId, k)));
  return addCounts(...shards.map((shard) => countersOf(shard)));
}
async function toView(
  context: Context,
  job: JobAttributes | undefined,
  root: Header | undefined,
  progress: Counts,
): Promise<JobView> {
  const { planned = 0, [RERUN]: _rerun, ...done } = progress;
  const exact = job?.endedAt !== undefined && job.countsExact === true;
  const begun =
    job?.endedAt !== undefined ||
    (root !== undefined && (await readRun(context, { gid: root.gid, index: 0, stepIndex: 0 })) !== undefined);
  const parameters =
    job?.parameters ??
    (job?.parametersRef === undefined
      ? undefined
      : (JSON.parse(await loadText(context, job.parametersRef)) as JsonObject));
  const base = {
    jobId: job?.jobId ?? root?.jobId ?? "",
    ...(job?.workflow !== undefined && { workflow: job.workflow }),
    ...(parameters !== undefined && { parameters }),
    ...(job?.schedule !== undefined && { schedule: job.schedule }),
    state: stateOf(job, root, begun || Object.keys(done).length > 0),
    round: job?.round ?? 0,
    createdAt: job?.createdAt ?? root?.createdAt ?? 0,
    deadlineAt: job?.deadline ?? root?.deadline ?? 0,
    counts: exact ? (job?.counts ?? {}) : done,
    countsExact: exact,
    planned: exact ? endedRuns(job?.counts ?? {}) : planned,
  };
  if (job?.endedAt === undefined) return base;
  const value = job.collects === undefined && job.state !== "cancelled" ? await valueOf(context, job) : undefined;
  return {
    ...base,
    endedAt: job.endedAt,
    ...(job.outcome !== undefined && job.outcome !== "dropped" && { outcome: job.outcome }),
    ...(job.error !== undefined && { error: { ...job.error, runId: job.error.runId ?? "" } }),
    ...(value !== undefined && { value }),
  };
}
/** Returns the value of a job. A value in a blob is read only for the view of one job, and is left out of lists. */
async function valueOf(context: Context, job: JobAttributes): Promise<ResultEntry["value"]> {
  if (job.valueRef === undefined) return job.value;
  return loadValue(context, job);
}
/** `begun` says that the first run has a row, or that a run has ended. */
function stateOf(job: JobAttributes | undefined, root: Header | undefined, begun: boolean): JobState {
  if (job?.endedAt !== undefined) return job.state;
  if (root?.outcome === "cancelled") return "cancelling";
  return begun ? "started" : "pending";
}

/** Returns the error for a cursor that no answer of this list has given. It would be taken for another place. */
export function wrongCursor(): FanfoldError {
  return new FanfoldError("invalid_request", "this cursor is none of this list: send back what the page before gave", {
    details: { field: "?cursor" },
  });
}

/** Lists jobs, newest first. */
export async function listJobs(context: Context, filter: JobFilter): Promise<Page<JobView>> {
  const limit = Math.min(filter.limit ?? 50, 500);
  const ended =
    filter.state === "success" ||
    filter.state === "failure" ||
    filter.state === "cancelled" ||
    filter.state === "timed-out";
  const partition =
    filter.stamp !== undefined
      ? stampIndexPartition(indexedStamp(context, stampText(filter.stamp)))
      : jobIndexPartition(filter.state === undefined ? ALL_JOBS : ended ? (filter.state as string) : OPEN_JOBS);
  const items: JobView[] = [];
  if (filter.cursor !== undefined && !isJobCursor(filter.cursor)) throw wrongCursor();
  let cursor = filter.cursor;
  do {
    const page = await context.store.query("tasks", partition, {
      limit: limit - items.length,
      descending: true,
      ...(cursor !== undefined && { cursor }),
    });
    for (const item of page.items) {
      const { jobId } = asOwned(item);
      const job = asJob(await context.store.get(jobKey(jobId)));
      const root = job?.endedAt === undefined ? await readHeader(context, jobId) : undefined;
      if (!job && !root) continue;
      const { valueRef: _value, parametersRef: _parameters, ...small } = job ?? ({} as JobAttributes);
      const view = await toView(
        context,
        job ? small : undefined,
        root,
        job?.countsExact ? {} : await progressOf(context, jobId),
      );
      if (filter.state === undefined || view.state === filter.state) items.push(view);
    }
    cursor = page.cursor;
  } while (cursor !== undefined && items.length < limit);
  return { items, ...(cursor !== undefined && { cursor }) };
}

/** Lists the events of a job, oldest first. */
export async function listEvents(
  context: Context,
  jobId: string,
  filter: { limit?: number; cursor?: string },
): Promise<Page<JobEvent>> {
  const query = {
    limit: Math.min(filter.limit ?? 100, 1_000),
    ...(filter.cursor !== undefined && { cursor: filter.cursor }),
  };
  const page = await context.store.query("tasks", eventPartition(jobId), query);
  const items = page.items.map((item) => {
    const { at, kind, round, state, runId, task, error } = asJobEvent(item);
    return {
      at,
      kind,
      ...(round !== undefined && { round }),
      ...(state !== undefined && { state }),
      ...(runId !== undefined && { runId }),
      ...(task !== undefined && { task }),
      ...(error !== undefined && { error }),
    };
  });
  return { items, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}
