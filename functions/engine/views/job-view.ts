import { FanfoldError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { addCounts, type Counts, endedRuns } from "../../core/plan/counts.ts";
import { itemChange, splitItems } from "../../core/plan/item-counters.ts";
import { isTerminal } from "../../core/plan/run-state.ts";
import { stampText } from "../../core/plan/stamps.ts";
import type { ResultEntry } from "../../core/task/invocation.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import type { JobEvent, JobState, JobView, Page } from "../job-views.ts";
import type { JobFilter } from "../requests.ts";
import {
  asOwned,
  type EndState,
  eventPartition,
  type Header,
  isJobCursor,
  jobIndexKey,
  jobIndexPartition,
  PROGRESS_SHARDS,
  progressKey,
  stampIndexPartition,
} from "../item-kinds.ts";
import { asJobEvent } from "../items/job-event-items.ts";
import { readHeader, readHeaders } from "../items/header-reads.ts";
import { countersOf } from "../items/ledger-reads.ts";
import { isPaused } from "../items/pause-items.ts";
import { rootRow } from "../items/root-row.ts";
import { loadText, loadValue } from "../items/values.ts";
import { ALL_JOBS, indexedStamp, type JobAttributes, jobOf } from "../jobs/job-item.ts";
import { RERUN, stateEvents } from "../jobs/progress.ts";
import { costOf } from "../plan/estimate-job.ts";
import type { Item } from "../ports.ts";
import { stateOfPause } from "./pauses.ts";
import { countPending } from "./pending.ts";

/** Returns a job as people and the API see it; undefined when there is no such job. */
export async function viewJob(context: Context, jobId: string): Promise<JobView | undefined> {
  const now = context.clock.now();
  const root = await readHeader(context, jobId);
  const job = root && jobOf(root);
  if (!job) return undefined;
  const progress = await progressOf(context, jobId);
  const view = await toView(context, job, root, progress, now);
  if (root.outcome === undefined) {
    const pending = [...(await countPending(context, root)).values()].reduce((sum, count) => sum + count, 0);
    return pending === 0 ? view : { ...view, pending };
  }
  return job.estimate !== undefined && view.countsExact
    ? { ...view, cost: costOf(context, job.estimate, view.counts, progress[RERUN] ?? 0) }
    : view;
}
async function progressOf(context: Context, jobId: string): Promise<Counts> {
  const shards = await context.store.getMany(Array.from({ length: PROGRESS_SHARDS }, (_, k) => progressKey(jobId, k)));
  return addCounts(...shards.map((shard) => countersOf(shard)));
}
/** Returns the first run among the counters, which count all others. */
function firstOf(root: Header): Counts {
  const run = rootRow(root);
  return run?.task !== undefined && isTerminal(run.status)
    ? {
        [run.status]: 1,
        ...(!run.streamed && itemChange(undefined, run.joins === undefined ? run.counts : run.ownCounts)),
      }
    : {};
}
/** `now` is from before the read of the root. */
async function toView(
  context: Context,
  job: JobAttributes,
  root: Header,
  progress: Counts,
  now: number,
): Promise<JobView> {
  const { planned = 0, [RERUN]: _rerun, ...counted } = progress;
  const { counts: ended = {}, countsExact: exact = false } = job;
  const { counts, items } = splitItems(exact ? ended : addCounts(counted, firstOf(root)));
  const parameters =
    job.parameters ??
    (job.parametersRef === undefined
      ? undefined
      : (JSON.parse(await loadText(context, job.parametersRef)) as JsonObject));
  const base = {
    jobId: job.jobId,
    ...(job.workflow !== undefined && { workflow: job.workflow }),
    ...(parameters !== undefined && { parameters }),
    ...(job.schedule !== undefined && { schedule: job.schedule }),
    state: await stateOf(context, job, root, now),
    round: job.round,
    createdAt: job.createdAt,
    deadlineAt: job.deadline,
    counts,
    countsExact: exact,
    ...(items && { items }),
    planned: exact ? endedRuns(counts) : planned + job.planned,
  };
  if (job.endedAt === undefined) return base;
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
async function stateOf(context: Context, job: JobAttributes, root: Header, now: number): Promise<JobState> {
  if (job.endedAt !== undefined) return job.state;
  if (root.outcome === "cancelled") return "cancelling";
  if (isPaused(root)) return stateOfPause(context, root, now) === "paused" ? "paused" : "pausing";
  return (await hasBegun(context, root)) ? "started" : "pending";
}
/** A job has begun once its first run has a row. A row that waits from the start has begun with its group. */
async function hasBegun(context: Context, root: Header): Promise<boolean> {
  const run = rootRow(root);
  if (run?.status !== "waiting" || run.attempt > 0 || run.joins === undefined) return run !== undefined;
  return (await readHeader(context, run.joins)) !== undefined;
}

/** Returns the error for a cursor that no answer of this list has given. It would be taken for another place. */
export function wrongCursor(): FanfoldError {
  return new FanfoldError("invalid_request", "this cursor is none of this list: send back what the page before gave", {
    details: { field: "?cursor" },
  });
}

/** Entries that one call looks at, so that a rare state does not make it read the whole list. */
const ENTRIES_READ = 2_000;
const ENDED: ReadonlySet<string> = new Set<EndState>(["success", "failure", "cancelled", "timed-out"]);

/** Lists jobs, newest first. A page may be empty although more follow. */
export async function listJobs(context: Context, filter: JobFilter): Promise<Page<JobView>> {
  const limit = Math.min(filter.limit ?? 50, 500);
  const { state, stamp, workflow } = filter;
  const partition =
    stamp !== undefined
      ? stampIndexPartition(indexedStamp(context, stampText(stamp)))
      : jobIndexPartition(state !== undefined && ENDED.has(state) ? state : ALL_JOBS);
  const items: JobView[] = [];
  let { cursor } = filter;
  if (cursor !== undefined && !isJobCursor(cursor)) throw wrongCursor();
  let read = 0;
  do {
    const page = await context.store.query("tasks", partition, {
      limit: Math.min(READ_AT_ONCE, limit - items.length),
      descending: true,
      ...(cursor !== undefined && { cursor }),
    });
    read += page.items.length;
    const now = context.clock.now();
    const views = await all((await jobsOf(context, page.items)).map((root) => viewInList(context, root, now)));
    items.push(
      ...views.filter(
        (view) =>
          (state === undefined || view.state === state) && (workflow === undefined || view.workflow === workflow),
      ),
    );
    cursor = page.cursor;
  } while (cursor !== undefined && items.length < limit && read < ENTRIES_READ);
  return { items, ...(cursor !== undefined && { cursor }) };
}
const READ_AT_ONCE = 100;
/**
 * Returns the jobs of entries of a list. A submission that came second has left an entry of another time, and one whose
 * root was not written an entry without a job.
 */
async function jobsOf(context: Context, entries: readonly Item[]): Promise<readonly Header[]> {
  const roots = await readHeaders(
    context,
    entries.map((entry) => asOwned(entry).jobId),
  );
  return roots.flatMap((root, k) => {
    const isOwn = root?.job && jobIndexKey("", root.createdAt, root.jobId).sort === entries[k]?.key.sort;
    return root && isOwn ? [root] : [];
  });
}
async function viewInList(context: Context, root: Header, now: number): Promise<JobView> {
  const { valueRef: _value, parametersRef: _parameters, ...job } = jobOf(root) as JobAttributes;
  return toView(context, job, root, job.countsExact ? {} : await progressOf(context, job.jobId), now);
}

/** Lists the events of a job, oldest first: those that are stored, and those that its root header tells. */
export async function listEvents(
  context: Context,
  jobId: string,
  { limit: asked = 100, cursor }: { limit?: number; cursor?: string },
): Promise<Page<JobEvent>> {
  const limit = Math.min(asked, 1_000);
  const query = { limit, ...(cursor !== undefined && { cursor }) };
  const page = await context.store.query("tasks", eventPartition(jobId), query);
  const root = await readHeader(context, jobId);
  const job = root && jobOf(root);
  const upTo = page.cursor === undefined ? undefined : page.items.at(-1)?.key.sort;
  const told = (job ? stateEvents(job) : []).filter(
    ({ key: { sort } }) => (cursor === undefined || sort > cursor) && (upTo === undefined || sort < upTo),
  );
  const events = new Map([...told, ...page.items].map(({ key, attributes }) => [key.sort, { key, attributes }]));
  const sorted = [...events.values()].toSorted((a, b) => (a.key.sort < b.key.sort ? -1 : 1));
  const shown = sorted.slice(0, limit);
  const more = page.cursor !== undefined || shown.length < sorted.length;
  return { items: shown.map(viewEvent), ...(more && { cursor: shown.at(-1)?.key.sort as string }) };
}
function viewEvent(item: Item): JobEvent {
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
}
