import { type Counts, failedRuns } from "../../core/plan/counts.ts";
import { failedItems } from "../../core/plan/item-counters.ts";
import { isFailure } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import {
  eventPartition,
  type Header,
  type HeaderAttributes,
  type Outcome,
  type Run,
  type RunError,
} from "../item-kinds.ts";
import { asJobEvent, type JobEventAttributes } from "../items/job-event-items.ts";
import { allOf } from "../items/all-of.ts";
import { endRoot, type HeaderWrite, setEndedAt } from "../items/header-writes.ts";
import { copyOfValue, readLastStep, readRunById } from "../items/run-reads.ts";
import { jobOf, listEnd, stateOf } from "./job-item.ts";
import { answerToken } from "./supervision.ts";

/**
 * Ends the job of a root whose one member has ended: its list first, then one write that decides, ends and closes. A
 * job whose end is awaited is closed once its supervisor, or its schedule, has been told. Costs a write unit for the list and two for the root.
 */
export async function endJob(context: Context, root: Header, outcome: Outcome, totals: Counts): Promise<HeaderWrite> {
  const decided = { ...root, outcome, totals };
  await listEnd(context, root, stateOf(decided));
  const end = { outcome, totals, endedAt: context.clock.now(), ...(await endOf(context, decided)) };
  const write = await endRoot(context, root.gid, root.round, end, !isAwaited(root));
  if (write.applied) context.watch?.jobEnded(stateOf(decided), root.jobId);
  return write;
}

/** Whether somebody must be told of the end of a job: its supervisor, or its schedule. */
export const isAwaited = ({ job }: Header): boolean => job?.supervised === true || job?.schedule !== undefined;
/**
 * Does for a decided root what `endJob` has not done: notes the end of a job that was cancelled or has timed out, and
 * answers its supervisor. Every write is idempotent, and all happen before the root closes. Returns false when the
 * answer is owed, but this process has no Tokens port.
 */
export async function finishJob(context: Context, root: Header): Promise<boolean> {
  await listEnd(context, root, stateOf(root));
  let ended: Header | undefined = root;
  if (root.endedAt === undefined) {
    const { applied, header } = await setEndedAt(context, root.gid, root.round, context.clock.now());
    if (applied) context.watch?.jobEnded(stateOf(root), root.jobId);
    ended = header;
  }
  const job = ended && jobOf(ended);
  if (!job || job.round > root.round || job.state === "started") return true; // a later round has begun
  return root.job?.supervised === true ? answerToken(context, root.jobId, { ...job, state: job.state }) : true;
}

/** Returns the error or the value that a job ends with, by the last row of its strand. */
async function endOf(context: Context, root: Header): Promise<Partial<HeaderAttributes>> {
  const last = await readLastStep(context, root, 0);
  if (!last) return {};
  if (root.outcome === "failed") return last.error ? { error: { runId: last.runId, ...last.error } } : {};
  const totals = root.totals ?? {};
  const failure =
    failedRuns(totals) > 0
      ? await firstFailure(context, root)
      : failedItems(totals) > 0 && { error: itemsFailed(failedItems(totals)) };
  return { ...valueOf(last), ...failure };
}
/** The value of the first row is in the same item. */
function valueOf(last: Run): Partial<HeaderAttributes> {
  return last.stepIndex === 0 ? {} : { lastStep: last.stepIndex, ...copyOfValue(last) };
}
/** The error of a job whose runs all ended well. Which items failed is in the payloads. */
function itemsFailed(items: number): RunError {
  const message = `${items} ${items === 1 ? "item" : "items"} failed`;
  return { name: "ItemsFailed", message, reason: "items_failed", retryable: false };
}
/** Returns the first failure of a job whose groups settled well, so that only the events know it. */
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
