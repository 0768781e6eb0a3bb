import { FanfoldError } from "../../core/errors.ts";
import { isGroupStep } from "../../core/plan/plan.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import { errorData } from "../../core/task/error-data.ts";
import { isLimited, limitsOf, type RunLimits } from "../../core/task/run-limits.ts";
import type { ErrorData, TaskOutcome } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { attemptsOf, type Header, type Run } from "../item-kinds.ts";
import { endExpiredLease, NOT_SUSPECT } from "../items/run-claims.ts";
import { isLive } from "../items/run-conditions.ts";
import { expiryOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { parkedPart, passOn, type Refusal, releaseLeft, takeLimits } from "../waits/limits.ts";
import { argumentsOf } from "./arguments.ts";
import { LiveAttempt } from "./live-attempt.ts";
import { type Commit, untilCodeEnds } from "./outcome-commit.ts";
import { AttemptCall } from "./task-call.ts";

/** Whether an attempt must hold anything while its code executes. */
export const isAttemptLimited = ({ info, step }: Pick<LiveAttempt, "info" | "step">): boolean =>
  isLimited(info.limits) || (step.options !== undefined && isLimited(step.options));

export type Admission =
  | { readonly kind: "admitted"; release(): Promise<void> }
  /** The attempt ends without code: it is deferred, or its key cannot be made. */
  | { readonly kind: "refused"; readonly commit: Commit }
  | { readonly kind: "failed"; readonly outcome: TaskOutcome };

/** Takes what an attempt must hold, or says how the attempt ends without it. */
export async function admit(context: Context, attempt: LiveAttempt, call: AttemptCall): Promise<Admission> {
  const { run } = attempt;
  if (attempt.aborted) return stopped(context, attempt);
  let limits: RunLimits;
  try {
    limits = limitsOf(attempt.info.limits && context.runner.limits(call), attempt.step.options);
  } catch (error) {
    await passOn(context, run);
    return failedBy(error, NO_KEY);
  }
  let taken: Awaited<ReturnType<typeof takeLimits>>;
  try {
    taken = await takeLimits(context, run, limits, attempt.signal);
  } catch (error) {
    if (!attempt.aborted) throw error;
    return stopped(context, attempt);
  }
  if ("refused" in taken) return { kind: "refused", commit: await refusedCommit(context, attempt, taken.refused) };
  return {
    kind: "admitted",
    release: async () => {
      // Code that ignores its signal goes on. It is waited for as before a retry.
      await untilCodeEnds(context, attempt);
      await taken.release();
    },
  };
}
async function stopped(context: Context, attempt: LiveAttempt): Promise<Admission> {
  await leaveUnexecuted(context, attempt);
  return failedBy(attempt.signal.reason);
}
/** Frees what is left of an attempt that ends without code: its turn, and what attempts before it hold. */
export async function leaveUnexecuted(context: Context, attempt: LiveAttempt): Promise<void> {
  await passOn(context, attempt.run);
  if (attemptsOf(attempt.run) > 1) await releaseLeftOf(context, attempt);
}
/**
 * Frees what is left of a run that no attempt will execute any more: its turn, and what an attempt holds whose process
 * has died. The message of that attempt comes again, so nobody has to wait for a sweep. `run` is the row as it was read.
 */
export async function leaveOver(context: Context, header: Header, run: Run): Promise<void> {
  await passOn(context, run);
  const { status, attempt } = run;
  // Code that ended well has released all, and its attempt released all before it waits.
  if (attempt === 0 || isSuccess(status) || status === "waiting" || isLive(context, run)) return;
  const step = (await strandOf(context, header, run)).strand[run.stepIndex];
  if (!step || isGroupStep(step)) return;
  const info = context.registry.info(step.task);
  if (!info || !isAttemptLimited({ info, step })) return;
  if (status === "started" && !(await endExpiredLease(context, run))) return;
  const timing = { deadline: context.clock.now(), timeoutSeconds: info.timeoutSeconds };
  await releaseLeftOf(context, new LiveAttempt({ header, run, step, info, token: "", ...timing }));
}
async function releaseLeftOf(context: Context, attempt: LiveAttempt): Promise<void> {
  const limits = await knownLimits(context, attempt);
  if (limits) await releaseLeft(context, attempt.run, limits);
}
/** Returns the limits of an attempt. Returns undefined when its keys cannot be made: then it holds nothing either. */
async function knownLimits(context: Context, attempt: LiveAttempt): Promise<RunLimits | undefined> {
  const { info, step } = attempt;
  if (!info.limits) return limitsOf(undefined, step.options);
  let call: AttemptCall;
  try {
    const { args, ...input } = await argumentsOf(context, attempt);
    call = new AttemptCall(context, attempt, args, input);
  } catch (error) {
    if (!(error instanceof FanfoldError)) throw error;
    return undefined;
  }
  try {
    return limitsOf(context.runner.limits(call), step.options);
  } catch {
    return undefined;
  }
}
function failedBy(thrown: unknown, more: Partial<ErrorData> = {}): Admission {
  return { kind: "failed", outcome: { kind: "failed", error: { ...errorData(thrown), ...more } } };
}
const NO_KEY = { reason: "invalid_limit_key", retryable: false } as const;

async function refusedCommit(context: Context, { header, run, step }: LiveAttempt, refused: Refusal): Promise<Commit> {
  const set = await parkedPart(context, run, refused, run.expiresAt ?? expiryOf(header, run, step));
  // The delay of a message reaches a near time. A far one is in the due index.
  const { notBefore, due } = set;
  const sent = notBefore !== undefined && due === undefined;
  return {
    set,
    remove: NOT_SUSPECT,
    ...(sent && { sendAfterSeconds: Math.max(0, (notBefore - context.clock.now()) / 1_000) }),
  };
}
