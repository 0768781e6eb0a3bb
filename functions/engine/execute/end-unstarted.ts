import { countOf } from "../../core/plan/counts.ts";
import type { GroupStep, PlanStep } from "../../core/plan/plan.ts";
import { isIdentity, type RunRef } from "../../core/plan/run-id.ts";
import type { Context } from "../context.ts";
import { attemptsOf, type Header, type Run, type RunAttributes, type RunError } from "../item-kinds.ts";
import { killsAlone } from "../items/run-claims.ts";
import { type Outdated, unreachedHere } from "../items/versions.ts";
import { isLive } from "../items/run-conditions.ts";
import { breakDeadRun, endIdleRun, endVerified, noteUnknownTask } from "../items/run-writes.ts";
import { countKilled } from "../jobs/statistics.ts";
import { expiryOf, queueOf } from "../plan/step-placement.ts";
import { withReportsOf } from "../jobs/reported-items.ts";
import type { MemberOutcome } from "../attempt/member-outcome.ts";
import { secondsUntil } from "./deferred-member.ts";

/**
 * Ends a run that must not start, because it has expired, no worker knows its task, or it has killed its process too
 * often. Returns undefined when the run may start.
 */
export async function endUnstarted(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
  step: Exclude<PlanStep, GroupStep>,
): Promise<MemberOutcome | undefined> {
  const now = context.clock.now();
  const end = async (given: Partial<RunAttributes>): Promise<MemberOutcome> => {
    const set = run ? await withReportsOf(context, run, given) : given;
    const { ended } =
      run?.status === "started"
        ? await breakDeadRun(context, run, set)
        : await endIdleRun(context, ref, header, run, set);
    return ended ? { kind: "ended", run: ended } : { kind: "later", delaySeconds: 1 };
  };
  const newer = run && isIdentity(ref.gid) ? unreachedHere(context, run) : undefined;
  if (run && newer) return leaveToNewer(context, header, ref, run, newer, end);
  const expiresAt = run?.expiresAt ?? expiryOf(header, ref, step);
  if (expiresAt !== undefined && expiresAt <= now && (!run || attemptsOf(run) === 0)) {
    const counts = { ...countOf("cancelled"), u_expired: 1 };
    return end({ status: "cancelled", task: step.task, counts, endedAt: now, error: EXPIRED });
  }
  if (run?.status === "started" && !isLive(context, run) && killsAlone(context, run) >= context.config.maxKillsAlone) {
    const error = {
      name: "TaskKilled",
      message: `the process running this task died ${context.config.maxKillsAlone} times while it ran nothing else`,
      reason: "task_killed",
      retryable: false,
    };
    countKilled(context, step);
    return end({ status: "broken", killsAlone: killsAlone(context, run), endedAt: now, error });
  }
  const { registry } = context;
  if (registry.info(step.task) && (registry.has?.(step.task) ?? true)) return undefined;
  const wait = await graceLeft(context, header, ref, run, step.task);
  if (wait) return wait;
  const error = {
    name: "UnknownTask",
    message: `no worker of queue ${queueOf(context, step)} knows the task ${step.task}`,
    reason: "unknown_task",
    retryable: false,
  };
  return end({ status: "broken", task: step.task, endedAt: now, error });
}
/** Leaves a run to another process while the grace lasts that began when the first one could not handle it. */
async function graceLeft(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run | undefined,
  task: string,
): Promise<MemberOutcome | undefined> {
  const since = await noteUnknownTask(context, ref, header, run, task);
  const waited = (context.clock.now() - since) / 1_000;
  if (waited >= context.config.unknownTaskGraceSeconds) return undefined;
  return { kind: "later", delaySeconds: Math.max(5, Math.min(300, waited)) };
}
/**
 * Leaves an identity to a process with a higher version of its task. After the grace there is none, because the release
 * was taken back. Then an end that was being verified holds, and any other round fails: whoever asks next begins it
 * with the version that there is.
 */
async function leaveToNewer(
  context: Context,
  header: Header,
  ref: RunRef,
  run: Run,
  newer: Outdated,
  end: (set: Partial<RunAttributes>) => Promise<MemberOutcome>,
): Promise<MemberOutcome> {
  if (isLive(context, run)) return { kind: "later", delaySeconds: secondsUntil(context, run.leaseUntil) };
  const wait = await graceLeft(context, header, ref, run, newer.task);
  if (wait) return wait;
  if (run.kept) {
    const { ended } = await endVerified(context, run, { ...run.kept, verified: true });
    return ended ? { kind: "ended", run: ended } : { kind: "later", delaySeconds: 1 };
  }
  const error = {
    name: "NewerVersion",
    message: `the run was begun for version ${newer.to} of ${newer.task}, and the workers have version ${newer.from}`,
    reason: "newer_version",
    retryable: false,
  };
  return end({ status: "broken", endedAt: context.clock.now(), error });
}
const EXPIRED: RunError = {
  name: "Expired",
  message: "the run was not started before it expired",
  reason: "expired",
  retryable: false,
};
