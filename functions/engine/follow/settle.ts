import { holds } from "../../core/canvas/value-condition.ts";
import { FanfoldError } from "../../core/errors.ts";
import { addCounts, carriedUp, countOf, INEXACT } from "../../core/plan/counts.ts";
import { scopeOf } from "../../core/plan/run-id.ts";
import { isFailure, isSuccess, isTerminal, type TerminalStatus } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import type { Header, Run, RunAttributes, RunError } from "../item-kinds.ts";
import { CANCELLED } from "../items/end-reasons.ts";
import { decidedAbove, readHeader } from "../items/header-reads.ts";
import { revokedAttributes } from "../items/revoked-run.ts";
import { isLive } from "../items/run-conditions.ts";
import { childGroup, copyOfValue, readLastStep, readRunById } from "../items/run-reads.ts";
import { cancelIdleRun, settleRun } from "../items/run-writes.ts";
import { loadValue } from "../items/values.ts";
import { finishJob } from "../jobs/finish-job.ts";
import { sendControl, sendGeneral } from "../messages/send.ts";
import { wakeOwner } from "../waits/deferred.ts";
import { executionTimeout } from "../waits/executions.ts";
import { isOver } from "./decide.ts";
import type { SettleItem, WorkList } from "./work-list.ts";

/** Follows a decided group of links. When the strand beside it has ended, its member can be marked now. */
async function followLinksEnd(context: Context, header: Header, list: WorkList): Promise<void> {
  list.push({ kind: "close", gid: header.gid, round: header.round });
  const run = header.joins === undefined ? undefined : await readRunById(context, header.joins);
  const above = run && (await readHeader(context, run.gid));
  const last = run && above && (await readLastStep(context, above, run.index));
  if (last && (isFailure(last.status) || isSuccess(last.status))) list.push({ kind: "run", run: last });
}

/**
 * Ends the run that waits for a decided group. The end is derived from the stored outcome alone, so the settle can be
 * repeated. It is never skipped because the header is closed.
 */
export async function followSettle(
  context: Context,
  item: SettleItem,
  list: WorkList,
  mayHandOver: boolean,
): Promise<void> {
  const { gid } = item;
  const header = item.header ?? (await readHeader(context, gid));
  if (!header?.outcome) return;
  if (isOver(header)) return;
  if (header.joins === undefined) {
    const finished = await finishJob(context, header);
    // Another job may wait for the end of this one.
    if (header.job?.schedule) await sendGeneral(context, { kind: "schedule", name: header.job.schedule.name });
    if (finished) list.push({ kind: "close", gid, round: header.round });
    else await handOver(context, gid, mayHandOver);
    return;
  }
  if (header.side) return followLinksEnd(context, header, list);
  const owner = await readRunById(context, header.joins);
  // A run that began anew in a later round has another child group.
  if (!owner || childGroup(owner) !== gid) {
    list.push({ kind: "close", gid, round: header.round });
    return;
  }
  // The settlement is computed only from a row that was read as waiting. Before its waiting write a row lacks `takes`
  // and `ownCounts`, and it may be waiting by the time of this write.
  const settled =
    owner.status !== "waiting"
      ? owner
      : (await settleRun(context, owner, gid, header.round, await settlementOf(context, header, owner))).run;
  if (settled && isTerminal(settled.status)) {
    list.push({ kind: "run", run: settled }); // its follow-up closes this group, when both are of one round
    if (settled.round > header.round) list.push({ kind: "close", gid, round: header.round });
    return;
  }
  if (!settled) return;
  // The owner has not reached its waiting write. A live owner checks the group after that write. An idle owner below a
  // decided group is ended here.
  const scope = scopeOf(gid);
  if (isLive(context, settled)) return;
  if (!(header.outcome === "dropped" || (scope !== undefined && (await decidedAbove(context, scope, header.round))))) {
    // The owner streamed, and is deferred until an event. Its group has decided, so it is woken immediately.
    if (settled.status === "deferred") await wakeOwner(context, settled);
    return;
  }
  const { run, ended } = await cancelIdleRun(context, settled, header.round, cancelled(context, "upstream"));
  if (ended) list.push({ kind: "run", run: ended });
  else if (run && run.round > header.round) list.push({ kind: "close", gid, round: header.round });
}

/**
 * Leaves the end of a supervised job to the handler of the engine queue. So workers need no right to answer
 * supervisors.
 */
async function handOver(context: Context, gid: string, mayHandOver: boolean): Promise<void> {
  if (!mayHandOver)
    throw new FanfoldError(
      "internal",
      `job ${gid} is supervised, but the handler of the engine queue has no Tokens port`,
    );
  await sendControl(context, { kind: "settle", gid });
}

/** Returns the attributes that end the waiting run. A run whose work was an execution counts as one run of a task. */
async function settlementOf(context: Context, header: Header, owner: Run): Promise<Partial<RunAttributes>> {
  const set = await outcomeAttributes(context, header, owner);
  return header.execution === undefined ? set : { ...set, counts: countOf(set.status as TerminalStatus) };
}
async function outcomeAttributes(context: Context, header: Header, owner: Run): Promise<Partial<RunAttributes>> {
  const totals = header.totals ?? {};
  // The items of a page are members of the group that the page belongs to.
  const counts = addCounts(
    owner.ownCounts,
    owner.page ? { ...totals, members: header.memberCount ?? 0 } : carriedUp(totals),
    header.early ? INEXACT : undefined,
  );
  const endedAt = context.clock.now();
  if (header.outcome === "complete" && header.repeat && !(await isRepeatDone(context, header))) {
    const message = `its value was not as wanted after ${header.repeat.most} times`;
    return {
      status: "error",
      counts,
      endedAt,
      error: { name: "RepeatLimit", message, reason: "repeat_limit", retryable: false },
    };
  }
  if (header.wait && header.outcome === "failed")
    return { status: "error", counts: countOf("error"), endedAt, ...(header.ownError && { error: header.ownError }) };
  if (header.execution !== undefined && header.outcome === "timeout")
    return { status: "error", endedAt, error: executionTimeout(header) };
  if (header.wait && header.outcome === "timeout")
    return { ...cancelled(context, "expired"), counts: { ...countOf("cancelled"), u_expired: 1 } };
  if (header.outcome === "complete") {
    const error = owner.page && header.firstError !== undefined ? { error: await firstErrorOf(context, header) } : {};
    return { status: "success", counts, endedAt, ...(await valueOf(context, header, owner)), ...error };
  }
  if (header.outcome === "failed")
    return { status: "error", counts, endedAt, error: await firstErrorOf(context, header), collects: header.gid };
  // A group below the root is cancelled only when the run that waits for it is revoked.
  if (header.outcome === "cancelled") return { ...revokedAttributes(context), counts };
  return { ...cancelled(context, header.outcome === "timeout" ? "timeout" : "upstream"), counts };
}
async function isRepeatDone(context: Context, header: Header): Promise<boolean> {
  const last = await readLastStep(context, header, 0);
  return (
    last !== undefined && header.repeat !== undefined && holds(header.repeat.until, await loadValue(context, last))
  );
}
function cancelled(context: Context, reason: "upstream" | "timeout" | "expired"): Partial<RunAttributes> {
  return {
    status: "cancelled",
    counts: countOf("cancelled"),
    endedAt: context.clock.now(),
    error: CANCELLED.unfinishedRun(reason),
  };
}

/** Returns the error of the run that failed first. All levels above keep the id of that run. */
async function firstErrorOf(context: Context, header: Header): Promise<RunError> {
  const first = header.firstError === undefined ? undefined : await readRunById(context, header.firstError);
  if (first?.error) return { runId: first.runId, ...first.error };
  return {
    name: "GroupFailed",
    message: `${header.totals?.["failedMembers"] ?? "some"} members failed`,
    ...(first && { runId: first.runId }),
  };
}

/** Returns the value attributes of a run whose child group completed. */
async function valueOf(context: Context, header: Header, owner: Run): Promise<Partial<RunAttributes>> {
  if (owner.takes === "replace") {
    if (header.memberCount === 0)
      return copyOfValue(header.input === undefined ? undefined : await readRunById(context, header.input));
    return copyOfValue(await readLastStep(context, header, 0));
  }
  if (owner.takes === "answer") return header.ownValue ?? {};
  if (owner.takes === "group") {
    const total = (header.pages ? header.totals?.["members"] : header.memberCount) ?? 0;
    const failed = header.totals?.["failedMembers"] ?? 0;
    return { collects: header.gid, value: { group: header.gid, total, success: total - failed, failed } };
  }
  if (owner.ownValueRef !== undefined) return { valueRef: owner.ownValueRef };
  return owner.ownValue === undefined ? {} : { value: owner.ownValue };
}
/**
 * Settles a waiting run whose group decided before the row waited. It runs after the waiting write, on redelivery, and
 * in the sweep.
 */
export async function followCheck(context: Context, run: Run, list: WorkList): Promise<void> {
  if (run.joins === undefined) return;
  const header = await readHeader(context, run.joins);
  if (header?.outcome && header.round === run.round) list.push({ kind: "settle", gid: run.joins, header });
}
