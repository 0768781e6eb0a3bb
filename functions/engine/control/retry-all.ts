import { type ErrorCode, FanfoldError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { asFailure, FAILURE_KINDS, failurePartition, failureTime } from "../items/failure-items.ts";
import type { RetriedJobs } from "../job-views.ts";
import { keyText } from "../jobs/failures.ts";
import type { RetryAllRequest, RetryRequest } from "../requests.ts";
import { checkKey } from "../submit/submit.ts";
import { kindRange } from "../views/failures.ts";
import { wrongCursor } from "../views/job-view.ts";
import { previewRetry, retryJob } from "./retry-job.ts";

/** Entries of the index that one call looks at. */
const MOST_ENTRIES = 1_000;
/** Bounds after which a call begins no other job: jobs, time, and runs that a dry run has counted, also of one job. */
const MOST_JOBS = 100;
const MOST_MS = 10_000;
const MOST_RUNS = 1_000;
const READ_AT_ONCE = 100;

type Job = RetriedJobs["jobs"][number];
type Skipped = keyof RetriedJobs["skipped"];
/** Why a job is left. Any other error ends the call. */
const SKIPPED: Partial<Record<ErrorCode, Skipped>> = {
  job_unfinished: "unfinished",
  job_over: "over",
  job_not_found: "over",
  nothing_to_retry: "nothing",
};

/**
 * Retries jobs by their failures, each with a round of its own that takes only these:
 *
 *     kinds that match, by name -> failures of each, the newest first -> their jobs, each once a call
 *
 * Keeps no state. The cursor says where the walk is, and which request it is. All rounds of a request carry its key, so
 * neither a repeated call nor a later page retries a job twice. Costs what the rounds cost, and an index query a kind.
 */
export async function retryAll(context: Context, request: RetryAllRequest): Promise<RetriedJobs> {
  const { id, place: from } = startOf(context, request);
  const most = Math.min(request.limit ?? MOST_JOBS, MOST_JOBS);
  const end = context.clock.now() + MOST_MS;
  const seen = new Set<string>();
  const jobs: Job[] = [];
  const skipped = { unfinished: 0, over: 0, nothing: 0 };
  let [place, entries, runs] = [from, 0, 0];
  let cursor: string | undefined;
  for await (const { jobId, after } of failuresFrom(context, request, from)) {
    const isNew = jobId !== undefined && !seen.has(jobId);
    const isFull = seen.size >= most || runs >= MOST_RUNS || context.clock.now() >= end;
    if (place && entries > 0 && (entries >= MOST_ENTRIES || (isNew && isFull))) {
      cursor = `${id}#${place.kind}${place.entry === undefined ? "" : `#${place.entry}`}`;
      break;
    }
    entries++;
    if (isNew) {
      seen.add(jobId);
      const done = await retryOne(context, jobId, request, id);
      if (typeof done === "string") skipped[done]++;
      else {
        jobs.push(done);
        runs += done.runs ?? 0;
      }
    }
    place = after;
  }
  return {
    retried: jobs.length,
    ...(request.dryRun && { runs }),
    skipped,
    jobs,
    ...(cursor !== undefined && { cursor }),
  };
}

async function retryOne(
  context: Context,
  jobId: string,
  { task, reason, since, keepDownstream, dryRun, principal }: RetryAllRequest,
  idempotencyKey: string,
): Promise<Job | Skipped> {
  const filter = {
    ...(task !== undefined && { tasks: [task] }),
    ...(reason !== undefined && { reasons: [reason] }),
    ...(since !== undefined && { endedAfter: since }),
  };
  const order: RetryRequest = {
    filter,
    idempotencyKey,
    ...(keepDownstream && { keepDownstream }),
    ...(principal !== undefined && { principal }),
  };
  try {
    if (dryRun) {
      // Later steps are not counted, so they need not be read.
      const { round, runs, exact } = await previewRetry(context, jobId, { filter, keepDownstream: true }, MOST_RUNS);
      return { jobId, round, runs, ...(!exact && { exact }) };
    }
    const { created: _created, ...retried } = await retryJob(context, jobId, order);
    return retried;
  } catch (error) {
    const why = error instanceof FanfoldError ? SKIPPED[error.code] : undefined;
    if (why === undefined) throw error;
    return why;
  }
}

/** A place in the index, behind a failure of a kind; without one, behind the kind. */
interface Place {
  readonly kind: string;
  readonly entry?: string;
}
/** Yields the failures that match, and each kind once at its end, with the place behind it. */
async function* failuresFrom(
  context: Context,
  request: RetryAllRequest,
  place: Place | undefined,
): AsyncGenerator<{ readonly jobId?: string; readonly after: Place }, void, undefined> {
  if (place?.entry !== undefined) yield* failuresOf(context, request, place.kind, place.entry);
  let cursor = place?.kind;
  do {
    const page = await context.store.query("tasks", FAILURE_KINDS, {
      ...kindRange(context, request),
      limit: READ_AT_ONCE,
      ...(cursor !== undefined && { cursor }),
    });
    for (const { key } of page.items)
      if (fits(context, request, key.sort)) yield* failuresOf(context, request, key.sort);
      else yield { after: { kind: key.sort } };
    cursor = page.cursor;
  } while (cursor !== undefined);
}
async function* failuresOf(
  context: Context,
  { since }: RetryAllRequest,
  kind: string,
  entry?: string,
): AsyncGenerator<{ readonly jobId?: string; readonly after: Place }, void, undefined> {
  let cursor = entry;
  do {
    const page = await context.store.query("tasks", failurePartition(kind), {
      ...(since !== undefined && { from: failureTime(since) }),
      limit: READ_AT_ONCE,
      descending: true,
      ...(cursor !== undefined && { cursor }),
    });
    for (const item of page.items) yield { jobId: asFailure(item).jobId, after: { kind, entry: item.key.sort } };
    cursor = page.cursor;
  } while (cursor !== undefined);
  yield { after: { kind } };
}
function fits(context: Context, { task, reason }: RetryAllRequest, kind: string): boolean {
  const [ofTask, ofReason] = kind.split("#");
  return (
    (task === undefined || ofTask === keyText(context, task)) &&
    (reason === undefined || ofReason === keyText(context, reason))
  );
}

const CURSOR = /^([0-9a-f]{32})#([!"$-~]{1,200}#[!"$-~]{1,200})(?:#(\d{14}#[0-9A-Za-z_.~-]{1,900}))?$/;
/** Returns the id of the request, by which its rounds know it, and where its walk goes on. */
function startOf(context: Context, request: RetryAllRequest): { readonly id: string; readonly place?: Place } {
  const { principal = "local", idempotencyKey, since, cursor } = request;
  checkKey(idempotencyKey);
  const own = context.ids
    .hash(`retry all ${JSON.stringify([principal, idempotencyKey ?? context.ids.token()])}`)
    .slice(0, 32);
  if (cursor === undefined) return { id: own };
  const [, id, kind, entry] = CURSOR.exec(cursor) ?? [];
  const isOwn = idempotencyKey === undefined || id === own;
  const isInTime = entry === undefined || since === undefined || entry >= failureTime(since);
  if (id === undefined || kind === undefined || !isOwn || !isInTime || !fits(context, request, kind))
    throw wrongCursor();
  return { id, place: { kind, ...(entry !== undefined && { entry }) } };
}
