import { FanfoldError } from "../../core/errors.ts";
import { canonicalJson, type Json } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { isAmongLinks, jobIdOf } from "../../core/plan/run-id.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow/follow.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import type { RetryPreview } from "../job-views.ts";
import { readHeader } from "../items/header-reads.ts";
import { isLive } from "../items/run-conditions.ts";
import { currentRows, readMember, readRunById } from "../items/run-reads.ts";
import { jobOf, unlistEnd } from "../jobs/job-item.ts";
import { noteEnd, noteRetried } from "../jobs/progress.ts";
import { sendControl } from "../messages/send.ts";
import { strandOf } from "../plan/strands.ts";
import type { Retried, RetryOrder, RetryRequest, RetrySelection } from "../requests.ts";
import { reopenGroup } from "../rounds/reopen-group.ts";
import { selectedIn } from "../rounds/selection.ts";
import { checkKey } from "../submit/submit.ts";

/** A job is not opened again when it would be timed out soon after. */
const LEAST_LEFT_MS = 60_000;
/** Failed runs that a preview looks at, unless it is given fewer. */
const MOST_PREVIEWED = 10_000;

/**
 * Starts the next round of a job that has ended: what failed runs again, in place. Durable when it returns, because the
 * write of the root header begins the round. What follows from it is repeated by the sweeper. Throws `job_not_found`,
 * `job_unfinished`, `job_over`, `nothing_to_retry`, `run_live`, `link_not_retried`, `run_not_found`,
 * `idempotency_conflict`.
 */
export async function retryJob(context: Context, jobId: string, request: RetryRequest): Promise<Retried> {
  const { idempotencyKey, principal = "local", ...selection } = request;
  checkKey(idempotencyKey);
  const key = idempotencyKey && context.ids.hash(`retry ${JSON.stringify([principal, idempotencyKey])}`).slice(0, 32);
  const root = await endedRoot(context, jobId, key);
  if (key !== undefined && root.retry?.key === key) return repeat(context, root, selection);
  await requireSelected(context, root, request);
  const round = root.round + 1;
  const order: RetryOrder = { ...selection, at: context.clock.now(), ...(key !== undefined && { key }) };
  const job = jobOf(root);
  if (job) await noteEnd(context, job);
  const opened = await reopenGroup(context, jobId, round, order);
  if (!opened) throw notFound(jobId);
  // Another request may have begun the round first, or this one without an answer.
  if (opened.round === round && opened.retry?.at === order.at && opened.retry.key === key)
    return unlistEnd(context, root).then(() => begin(context, opened, true));
  if (key !== undefined && opened.retry?.key === key) return repeat(context, opened, selection);
  throw unfinished(jobId, "it is being retried already");
}
/** Writes what follows from a begun round. Also for a repeated request, because the first may have died. */
async function begin(context: Context, root: Header, created: boolean): Promise<Retried> {
  await noteRetried(context, ownedBy(root), root.retry?.at ?? 0, root.round);
  await sendControl(context, { kind: "sweep", gid: root.gid, fromLeaf: 0 });
  return answerOf(root, created);
}
/** Answers a request whose key has begun the round of the root, which may have ended by now. */
async function repeat(context: Context, root: Header, selection: RetrySelection): Promise<Retried> {
  if (selectionText(root.retry) !== selectionText(selection))
    throw new FanfoldError(
      "idempotency_conflict",
      `this Idempotency-Key began round ${root.round} of job ${root.gid} with another selection: use a new key`,
      { details: { jobId: root.gid } },
    );
  return root.outcome ? answerOf(root, false) : begin(context, root, false);
}
const selectionText = ({ filter = {}, keepDownstream = false }: RetrySelection = {}): string =>
  canonicalJson({ filter, keepDownstream } as unknown as Json);
const answerOf = ({ gid: jobId, round, job }: Header, created: boolean): Retried => ({
  jobId,
  round,
  created,
  ...(job?.supervised && { supervised: false }),
});

/** Returns what a retry would run again. Writes nothing. Throws like `retryJob`. */
export async function previewRetry(
  context: Context,
  jobId: string,
  request: RetryRequest,
  most = MOST_PREVIEWED,
): Promise<RetryPreview> {
  const root = await endedRoot(context, jobId, undefined);
  await requireSelected(context, root, request);
  const failures = new Map<string, RetryPreview["failures"][number]>();
  const later = new Map<string, Set<string>>();
  let runs = 0;
  for await (const { run, header } of selectedIn(context, root, request.filter)) {
    if (++runs > most) break;
    const { task = "group", status, error } = run;
    const reason = error?.reason ?? error?.name ?? status;
    const id = `${task} ${reason} ${status}`;
    const known = failures.get(id);
    failures.set(id, { task, reason, status, count: (known?.count ?? 0) + 1, example: known?.example ?? run.runId });
    if (!request.keepDownstream) await noteLater(context, header, run.index, run.runId, later);
  }
  return {
    jobId,
    round: root.round + 1,
    runs: Math.min(runs, most),
    exact: runs <= most,
    failures: [...failures.values()].toSorted((a, b) => b.count - a.count),
    again: [...later].map(([task, ids]) => ({ task, count: ids.size })),
  };
}
/** Notes the ended steps that had consumed a failure: those after each group above it. */
async function noteLater(
  context: Context,
  header: Header,
  index: number,
  runId: string,
  later: Map<string, Set<string>>,
): Promise<void> {
  const rows = currentRows(await readMember(context, header.gid, index));
  const at = rows.findIndex((row) => runId === row.runId || runId.startsWith(`${row.runId}.`));
  for (const row of rows.slice(at + 1)) {
    const step = (await strandOf(context, header, row)).strand[row.stepIndex];
    const task = step && !isGroupStep(step) ? step.task : "group";
    later.set(task, (later.get(task) ?? new Set()).add(row.runId));
  }
  const owner = header.joins === undefined ? undefined : await readRunById(context, header.joins);
  const above = owner && (await readHeader(context, owner.gid));
  if (owner && above) await noteLater(context, above, owner.index, runId, later);
}

/** Returns the root of a job that has ended and may be retried; or of the round that this very request has begun. */
async function endedRoot(context: Context, jobId: string, key: string | undefined): Promise<Header> {
  let root = await readHeader(context, jobId);
  if (!root?.job) throw notFound(jobId);
  if (key !== undefined && root.retry?.key === key) return root;
  if (root.outcome && root.state !== "closed") {
    await follow(context, [{ kind: "settle", gid: jobId, header: root }]);
    root = await readHeader(context, jobId);
    if (!root) throw notFound(jobId);
  }
  if (!root.outcome) throw unfinished(jobId, "it still runs: retry it when it has ended, or cancel it first");
  if (root.state !== "closed") throw unfinished(jobId, "its end is being followed up: try again in a moment");
  if ((root.deadline ?? Infinity) - context.clock.now() < LEAST_LEFT_MS)
    throw new FanfoldError("job_over", `job ${jobId} has reached its deadline: submit it again`, {
      details: { jobId, deadlineAt: root.deadline ?? 0 },
    });
  if (root.round >= LIMITS.rounds)
    throw new FanfoldError("job_over", `job ${jobId} was retried ${LIMITS.rounds} times: submit it again`, {
      details: { jobId, limit: LIMITS.rounds },
    });
  return root;
}
async function requireSelected(context: Context, root: Header, { filter }: RetryRequest): Promise<void> {
  const link = filter?.runIds?.find(isAmongLinks);
  if (link !== undefined)
    throw new FanfoldError(
      "link_not_retried",
      `${link} is among the links of a run, which are called once for each of its ends: submit its task as a job`,
      { details: { runId: link } },
    );
  // A job that did not complete has unfinished work at least, which a round without a filter takes up.
  if (filter === undefined && root.outcome !== "complete") return;
  if ((await selectedIn(context, root, filter).next()).done === false) return;
  for (const runId of filter?.runIds ?? []) await requireFailed(context, root, runId);
  const links = (root.totals?.["ignored"] ?? 0) > 0 ? ", and links that failed are not retried alone" : "";
  const message =
    filter === undefined
      ? `job ${root.jobId} has no failed run${links}: submit it again to run all of it`
      : `no failed run of job ${root.jobId} fits the filter: leave parts of it out`;
  throw new FanfoldError("nothing_to_retry", message, { details: { jobId: root.jobId } });
}
/** Says of a named run why it cannot be retried. */
async function requireFailed(context: Context, root: Header, runId: string): Promise<void> {
  const run = jobIdOf(runId) === root.jobId ? await readRunById(context, runId) : undefined;
  if (!run) throw new FanfoldError("run_not_found", `job ${root.jobId} has no run ${runId}`, { details: { runId } });
  if (isLive(context, run))
    throw new FanfoldError("run_live", `a worker still executes run ${runId}: try again when it has ended`, {
      details: { runId },
      retryable: true,
    });
  if (!isFailure(run.status))
    throw new FanfoldError("nothing_to_retry", `run ${runId} is ${run.status}: only failed runs are retried`, {
      details: { runId },
    });
}
const notFound = (jobId: string): FanfoldError =>
  new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
const unfinished = (jobId: string, why: string): FanfoldError =>
  new FanfoldError("job_unfinished", `job ${jobId} cannot be retried now: ${why}`, {
    details: { jobId },
    retryable: true,
  });
