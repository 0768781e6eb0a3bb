import { addCounts, type Counts, endedRuns } from "../core/counts.ts";
import { FanfoldError } from "../core/errors.ts";
import type { ErrorData, ResultEntry } from "../core/invocation.ts";
import type { JsonObject } from "../core/json.ts";
import { isGroupStep } from "../core/plan.ts";
import { parseRunId, runIdOf } from "../core/run-id.ts";
import { isSuccess, isTerminal } from "../core/run-state.ts";
import { carriesStamp, filterTexts, stampText } from "../core/stamps.ts";
import type { Context } from "./context.ts";
import type { JobEvent, JobFilter, JobState, JobView, Page, RunDetail, RunFilter, RunView } from "./contract.ts";
import { walkRuns } from "./groups/walk-runs.ts";
import {
  asJob,
  detailPartition,
  eventPartition,
  type Header,
  type JobAttributes,
  jobIndexPartition,
  jobKey,
  PROGRESS_SHARDS,
  progressKey,
  type Run,
  stampIndexPartition,
} from "./item-kinds.ts";
import { readHeader } from "./items/header-reads.ts";
import { readThin } from "./items/ledger-parts.ts";
import { countersOf } from "./items/ledger-reads.ts";
import { readLastStep, readRun } from "./items/run-reads.ts";
import { loadText, loadValue } from "./items/values.ts";
import { ALL_JOBS, indexedStamp, OPEN_JOBS } from "./jobs/job-item.ts";
import { costOf } from "./plan/estimate-job.ts";
import { strandOf } from "./plan/strands.ts";
import { resultsOfRun, streamResults } from "./results.ts";
import { unmetEvents } from "./waits/deferred.ts";

/** Reading what is stored, for people and the API. Nothing here writes. */

export async function viewJob(context: Context, jobId: string): Promise<JobView | undefined> {
  const job = asJob(await context.store.get(jobKey(jobId), { consistent: true }));
  const root = await readHeader(context, jobId);
  if (!job && !root?.job) return undefined;
  const progress = await progressOf(context, jobId);
  const view = await toView(context, job, root, progress);
  return job?.estimate !== undefined && view.countsExact ? { ...view, cost: costOf(context, job.estimate, view.counts) } : view;
}
async function progressOf(context: Context, jobId: string): Promise<Counts> {
  const shards = await context.store.getMany(Array.from({ length: PROGRESS_SHARDS }, (_, k) => progressKey(jobId, k)));
  return addCounts(...shards.map((shard) => countersOf(shard)));
}
async function toView(context: Context, job: JobAttributes | undefined, root: Header | undefined, progress: Counts): Promise<JobView> {
  const { planned = 0, ...done } = progress;
  const exact = job?.endedAt !== undefined && job.countsExact === true;
  const begun = job?.endedAt !== undefined || (root !== undefined && (await readRun(context, { gid: root.gid, index: 0, step: 0 })) !== undefined);
  const parameters = job?.parameters ?? (job?.parametersRef === undefined ? undefined : (JSON.parse(await loadText(context, job.parametersRef)) as JsonObject));
  const base = {
    jobId: job?.jobId ?? root?.jobId ?? "",
    ...(job?.workflow === undefined ? {} : { workflow: job.workflow }),
    ...(parameters === undefined ? {} : { parameters }),
    state: stateOf(job, root, begun || Object.keys(done).length > 0),
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
    ...(job.outcome === undefined || job.outcome === "dropped" ? {} : { outcome: job.outcome }),
    ...(job.error === undefined ? {} : { error: { ...job.error, runId: job.error.runId ?? "" } }),
    ...(value === undefined ? {} : { value }),
  };
}
/** A value that was kept as a blob is part of the view of one job; lists leave it out. */
async function valueOf(context: Context, job: JobAttributes): Promise<ResultEntry["value"]> {
  if (job.valueRef === undefined) return job.value;
  return loadValue(context, job);
}
/** `begun`: its first run has a row, or something has ended already. */
function stateOf(job: JobAttributes | undefined, root: Header | undefined, begun: boolean): JobState {
  if (job?.endedAt !== undefined) return job.state;
  if (root?.outcome === "cancelled") return "cancelling";
  return begun ? "started" : "pending";
}

export async function listJobs(context: Context, filter: JobFilter): Promise<Page<JobView>> {
  const limit = Math.min(filter.limit ?? 50, 500);
  const ended = filter.state === "success" || filter.state === "failure" || filter.state === "cancelled" || filter.state === "timed-out";
  const partition =
    filter.stamp !== undefined
      ? stampIndexPartition(indexedStamp(context, stampText(filter.stamp)))
      : jobIndexPartition(filter.state === undefined ? ALL_JOBS : ended ? (filter.state as string) : OPEN_JOBS);
  const items: JobView[] = [];
  let cursor = filter.cursor;
  do {
    const page = await context.store.query("tasks", partition, { limit: limit - items.length, descending: true, ...(cursor === undefined ? {} : { cursor }) });
    for (const item of page.items) {
      const jobId = item.attributes["jobId"] as string;
      const job = asJob(await context.store.get(jobKey(jobId)));
      const root = job?.endedAt === undefined ? await readHeader(context, jobId) : undefined;
      if (!job && !root) continue;
      const { valueRef: _value, parametersRef: _parameters, ...small } = job ?? ({} as JobAttributes);
      const view = await toView(context, job ? small : undefined, root, job?.countsExact ? {} : await progressOf(context, jobId));
      if (filter.state === undefined || view.state === filter.state) items.push(view);
    }
    cursor = page.cursor;
  } while (cursor !== undefined && items.length < limit);
  return { items, ...(cursor === undefined ? {} : { cursor }) };
}

/** The engine's own runs (group steps, pages) have no task. */
export async function viewRun(context: Context, run: Run, header: Header | undefined): Promise<RunView> {
  return {
    runId: run.runId,
    jobId: run.jobId,
    groupId: run.gid,
    index: run.index,
    step: run.step,
    ...(run.task === undefined ? {} : { task: run.task }),
    ...(await stepOf(context, run, header)),
    status: header?.outcome !== undefined && !isTerminal(run.status) && run.status !== "started" ? "cancelled" : run.status,
    round: run.round,
    attempt: run.attempt,
    ...(run.sentAt === undefined ? {} : { queuedAt: run.sentAt }),
    ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
    ...(run.endedAt === undefined ? {} : { endedAt: run.endedAt }),
    ...(run.error === undefined ? {} : { error: run.error as ErrorData }),
    ...(run.valueRef === undefined ? (run.value === undefined ? {} : { value: run.value }) : {}),
    ...(run.joins === undefined ? {} : { childGroup: run.joins }),
    ...(run.collects === undefined || !isSuccess(run.status) ? {} : { collects: run.collects }),
    ...(run.takes === undefined ? {} : { takes: run.takes }),
    ...(run.status === "deferred" && header?.outcome === undefined && { unmet: unmetEvents(run) }),
  };
}
/** What the plan says of a run. */
async function stepOf(context: Context, run: Run, header: Header | undefined): Promise<Pick<RunView, "task" | "each" | "stamps" | "next" | "wait">> {
  if (!header || (header.plan === undefined && run.manifest === undefined)) return {};
  const { strand } = await strandOf(context, header, run);
  const step = strand[run.step];
  if (step === undefined) return {};
  const next = run.step + 1 < strand.length ? ({ next: true } as const) : {};
  if (isGroupStep(step)) return { ...(step.wait && { wait: { of: step.wait.of, name: step.wait.name } }), ...next };
  return { task: step.task, ...(step.each && { each: step.each }), ...(step.options?.stamps && { stamps: step.options.stamps }), ...next };
}
export async function viewRunById(context: Context, runId: string): Promise<RunView | undefined> {
  const ref = parseRunId(runId);
  const header = ref && (await readHeader(context, ref.gid));
  const run = ref && ((await readRun(context, ref)) ?? (header && (await readThin(context, header, ref))));
  if (!run) return undefined;
  const view = await viewRun(context, run, header);
  const value = run.valueRef === undefined ? {} : { value: await loadValue(context, run) };
  return { ...view, ...value, ...(await waitOf(context, run)), ...(await detailOf(context, runId)) };
}
async function waitOf(context: Context, run: Run): Promise<Pick<RunView, "wait">> {
  const header = run.takes === "answer" && run.joins !== undefined ? await readHeader(context, run.joins) : undefined;
  if (!header?.wait) return {};
  const { of, name } = header.wait;
  const token = of === "approval" && header.token !== undefined ? { token: header.token } : {};
  const execution = header.execution === undefined ? {} : { execution: header.execution };
  return { wait: { of, name, ...token, ...execution, ...(header.deadline === undefined ? {} : { expiresAt: header.deadline }) } };
}
/** Log and stack of the attempts that wrote any. */
async function detailOf(context: Context, runId: string): Promise<Pick<RunView, "detail" | "earlier">> {
  const { items } = await context.store.query("tasks", detailPartition(runId), { limit: SHOWN_ATTEMPTS, descending: true });
  const [detail, ...earlier] = items.map(({ key, attributes }) => {
    const { log, dropped, stack } = attributes as unknown as Omit<RunDetail, "attempt">;
    return { attempt: key.sort, ...(stack === undefined ? {} : { stack }), log, dropped };
  });
  return { ...(detail && { detail }), ...(earlier.length > 0 && { earlier }) };
}
const SHOWN_ATTEMPTS = 21;

/**
 * Rows of a job, group by group from the root, leaf by leaf. The cursor says where to go on: `<gid>|<leaf>|<row in the leaf>`. Lazy members that never started
 * have no row.
 */
export async function listRuns(context: Context, jobId: string, filter: RunFilter): Promise<Page<RunView>> {
  if (!(await readHeader(context, jobId))) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const limit = Math.min(filter.limit ?? 100, 1_000);
  const items: RunView[] = [];
  const wanted = filter.stamps && new Set(filterTexts(filter.stamps));
  for await (const { run, header, cursor } of walkRuns(context, jobId, filter.cursor)) {
    const view = await viewRun(context, run, header);
    if (filter.status !== undefined && view.status !== filter.status) continue;
    if (wanted !== undefined && !carriesStamp(view.stamps, wanted)) continue;
    items.push(view);
    if (items.length >= limit) return { items, cursor };
  }
  return { items };
}

export async function listEvents(context: Context, jobId: string, filter: { limit?: number; cursor?: string }): Promise<Page<JobEvent>> {
  const query = { limit: Math.min(filter.limit ?? 100, 1_000), ...(filter.cursor === undefined ? {} : { cursor: filter.cursor }) };
  const page = await context.store.query("tasks", eventPartition(jobId), query);
  const items = page.items.map(({ attributes }) => {
    const { at, kind, state, runId, task, error } = attributes as unknown as JobEvent;
    return {
      at,
      kind,
      ...(state === undefined ? {} : { state }),
      ...(runId === undefined ? {} : { runId }),
      ...(task === undefined ? {} : { task }),
      ...(error === undefined ? {} : { error }),
    };
  });
  return { items, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) };
}

/** Results of a job: of its last step when that is a group, or that step's one value. */
export async function* jobResults(context: Context, jobId: string, from = 0): AsyncGenerator<ResultEntry, void, undefined> {
  if (!(await readHeader(context, jobId))) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const last = await readLastStep(context, jobId, 0);
  if (!last) return;
  // While the last step still waits for its group, what has ended so far can be read already.
  if (last.status === "waiting" && last.joins !== undefined && last.takes === "group") yield* streamResults(context, last.joins, from);
  else yield* resultsOfRun(context, runIdOf(jobId, 0, last.step), from);
}
