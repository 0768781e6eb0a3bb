import { FanfoldError } from "../../core/errors.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { isIdentity, jobIdOf, parseRunId, runIdOf } from "../../core/plan/run-id.ts";
import { isSuccess, isTerminal } from "../../core/plan/run-state.ts";
import { carriesStamp, filterTexts } from "../../core/plan/stamps.ts";
import { redacted } from "../../core/task/redact.ts";
import type { Context } from "../context.ts";
import type { Page, RunView } from "../job-views.ts";
import type { RunFilter } from "../requests.ts";
import { walkMembers, walkRuns } from "../groups/walk-runs.ts";
import { asDetail, attemptsOf, detailPartition, type Header, type Run } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { readRowless } from "../items/ledger-parts.ts";
import { readRun } from "../items/run-reads.ts";
import { loadValue } from "../items/values.ts";
import { strandOf } from "../plan/strands.ts";
import { dependenciesOf } from "./dependencies.ts";
import { endsIn, lastRunId, parentsOf } from "../waits/nodes.ts";
import { unmetOf } from "../waits/deferred.ts";
import { pendingRuns } from "./pending.ts";
import { isForgotten, versionsSeen } from "./identities.ts";
import { wrongCursor } from "./job-view.ts";
import { whyOf } from "./why.ts";

/** Returns a run as people and the API see it. The engine's own runs (group steps, pages) have no task. */
export async function viewRun(context: Context, run: Run, header: Header | undefined): Promise<RunView> {
  return {
    runId: run.runId,
    jobId: run.jobId,
    groupId: run.gid,
    index: run.index,
    step: run.stepIndex,
    ...(run.task !== undefined && { task: run.task }),
    ...(await stepOf(context, run, header)),
    status:
      header?.outcome !== undefined && !isTerminal(run.status) && run.status !== "started" ? "cancelled" : run.status,
    round: run.round,
    attempt: attemptsOf(run),
    ...(run.sentAt !== undefined && { queuedAt: run.sentAt }),
    ...(run.startedAt !== undefined && { startedAt: run.startedAt }),
    ...(run.endedAt !== undefined && { endedAt: run.endedAt }),
    ...(run.error !== undefined && { error: run.error }),
    ...(run.valueRef === undefined && run.value !== undefined && { value: run.value }),
    ...(run.joins !== undefined && { childGroup: run.joins }),
    ...(run.collects !== undefined && isSuccess(run.status) && { collects: run.collects }),
    ...(run.takes !== undefined && { takes: run.takes }),
    ...(run.status === "deferred" && header?.outcome === undefined && { unmet: unmetOf(run) }),
    ...(run.adopts !== undefined && { adopts: adoptedBy(run, run.adopts) }),
    ...(run.cause && { cause: run.cause.map((gid) => runIdOf(gid, 0, 0)) }),
  };
}
function adoptedBy({ adoptsRound = 0, reused }: Run, identity: string): NonNullable<RunView["adopts"]> {
  return { runId: runIdOf(identity, 0, 0), round: adoptsRound, reused: reused === true };
}
/** Whether the plan of a run is known: of its group, of a job of one task, or of its own. */
function isPlanned({ plan, step }: Header, { manifest }: Run): boolean {
  return plan !== undefined || step !== undefined || manifest !== undefined;
}
/** Returns what the plan says of a run. */
async function stepOf(
  context: Context,
  run: Run,
  header: Header | undefined,
): Promise<Pick<RunView, "task" | "each" | "stamps" | "next" | "followed" | "wait">> {
  if (!header || !isPlanned(header, run)) return {};
  const { strand } = await strandOf(context, header, run);
  const step = strand[run.stepIndex];
  if (step === undefined) return {};
  const next = !run.handedOn && run.stepIndex + 1 < strand.length && ({ next: true } as const);
  const followed = (await isFollowed(context, header, run)) && ({ followed: true } as const);
  if (isGroupStep(step))
    return { ...(step.wait && { wait: { of: step.wait.of, name: step.wait.name } }), ...next, ...followed };
  return {
    task: step.task,
    ...(step.each && { each: step.each }),
    ...(step.options?.stamps && { stamps: step.options.stamps }),
    ...next,
    ...followed,
  };
}
/** Returns a run with its value, its log and what it waits for; undefined when there is no such run. */
export async function viewRunById(context: Context, runId: string): Promise<RunView | undefined> {
  const ref = parseRunId(runId);
  const header = ref && (await readHeader(context, ref.gid));
  const run = ref && ((await readRun(context, ref)) ?? (header && (await readRowless(context, header, ref))));
  if (!run || isForgotten(run)) return undefined;
  const view = await viewRun(context, run, header);
  const value = run.valueRef !== undefined && { value: await loadValue(context, run) };
  const call = header && (await callOf(context, header, run));
  const depends = await dependenciesOf(context, run);
  return {
    ...view,
    ...value,
    ...call,
    ...depends,
    ...(isIdentity(run.gid) && (await versionsSeen(context, run))),
    ...(run.task !== undefined && { why: whyOf(run) }),
    ...(await waitOf(context, run)),
    ...(await detailOf(context, runId)),
  };
}
/** Returns what the plan gives a task to work on, and the run whose value comes before it. */
async function callOf(
  context: Context,
  header: Header,
  run: Run,
): Promise<Pick<RunView, "args" | "kwargs" | "inputOf">> {
  if (!isPlanned(header, run)) return {};
  const step = (await strandOf(context, header, run)).strand[run.stepIndex];
  if (step === undefined) return {};
  const [parent, ...others] = run.stepIndex > 0 ? [] : await parentsOf(context, header, run.index);
  const given = others.length > 0 || parent === undefined ? undefined : await lastRunId(context, header, parent);
  const before = run.stepIndex > 0 ? runIdOf(run.gid, run.index, run.stepIndex - 1) : (given ?? header.input);
  // What a wait is about is what came before it, although the wait does not take it.
  if (isGroupStep(step)) return step.wait && before !== undefined ? { inputOf: before } : {};
  return {
    ...redacted({ args: step.args ?? [], kwargs: step.kwargs ?? {} }, context.registry.info(step.task)?.redact),
    ...(before !== undefined && !step.immutable && others.length === 0 && { inputOf: before }),
  };
}
async function waitOf(context: Context, run: Run): Promise<Pick<RunView, "wait">> {
  const header = run.takes === "answer" && run.joins !== undefined ? await readHeader(context, run.joins) : undefined;
  if (!header?.wait) return {};
  const { of, name } = header.wait;
  const token = of === "approval" && header.token !== undefined && { token: header.token };
  const execution = header.execution !== undefined && { execution: header.execution };
  return {
    wait: { of, name, ...token, ...execution, ...(header.deadline !== undefined && { expiresAt: header.deadline }) },
  };
}
/** Returns log and stack of the attempts that wrote any, latest first. */
async function detailOf(context: Context, runId: string): Promise<Pick<RunView, "detail" | "earlier">> {
  const { items } = await context.store.query("tasks", detailPartition(runId), {
    limit: SHOWN_ATTEMPTS,
    descending: true,
  });
  const [detail, ...earlier] = items.map((item) => {
    const { log, dropped, stack } = asDetail(item);
    return { attempt: item.key.sort, ...(stack !== undefined && { stack }), log, dropped };
  });
  return { ...(detail && { detail }), ...(earlier.length > 0 && { earlier }) };
}
const SHOWN_ATTEMPTS = 21;

/**
 * Lists the rows of a job, depth first from the root. The cursor is the id of the last run. Lazy members that never
 * started have no row, so they are not listed. Those that wait to be admitted are listed as `pending` when asked for.
 */
export async function listRuns(context: Context, jobId: string, filter: RunFilter): Promise<Page<RunView>> {
  const root = await readHeader(context, jobId);
  if (!root) throw new FanfoldError("job_not_found", `no job ${jobId}`, { details: { jobId } });
  const limit = Math.min(filter.limit ?? 100, 1_000);
  const { cursor: after } = filter;
  const of = after === undefined ? undefined : parseRunId(after);
  if (after !== undefined && (of === undefined || jobIdOf(after) !== jobId)) throw wrongCursor();
  if (of !== undefined && filter.groupId !== undefined && of.gid !== filter.groupId) throw wrongCursor();
  const items: RunView[] = [];
  const wanted = filter.stamps && new Set(filterTexts(filter.stamps));
  // Pending runs have no rows, so they are listed only when they are asked for.
  if (filter.status === "pending") {
    if (root.outcome) return { items };
    for await (const view of pendingRuns(context, root, of)) {
      if (filter.groupId !== undefined && view.groupId !== filter.groupId) continue;
      if (filter.task !== undefined && view.task !== filter.task) continue;
      if (wanted !== undefined && !carriesStamp(view.stamps, wanted)) continue;
      items.push(view);
      if (items.length >= limit) return { items, cursor: view.runId };
    }
    return { items };
  }
  const walk =
    filter.groupId === undefined ? walkRuns(context, jobId, after) : walkMembers(context, filter.groupId, after);
  for await (const { run, header, cursor } of walk) {
    const view = await viewRun(context, run, header);
    if (filter.status !== undefined && view.status !== filter.status) continue;
    if (filter.task !== undefined && view.task !== filter.task) continue;
    if (wanted !== undefined && !carriesStamp(view.stamps, wanted)) continue;
    items.push(view);
    if (items.length >= limit) return { items, cursor };
  }
  return { items };
}
/** Whether a run is of a member of a graph that another member follows. */
async function isFollowed(context: Context, header: Header, { index }: Run): Promise<boolean> {
  return header.graph === true && !(await endsIn(context, header)).has(index);
}
