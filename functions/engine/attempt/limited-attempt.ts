import { errorData } from "../../core/task/error-data.ts";
import { isLimited, limitsOf, type RunLimits } from "../../core/task/run-limits.ts";
import type { ErrorData, TaskOutcome } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { NOT_SUSPECT } from "../items/run-claims.ts";
import { expiryOf } from "../plan/step-placement.ts";
import { parkedPart, passOn, type Refusal, takeLimits } from "../waits/limits.ts";
import type { LiveAttempt } from "./live-attempt.ts";
import { type Commit, untilCodeEnds } from "./outcome-commit.ts";
import type { AttemptCall } from "./task-call.ts";

/** Whether an attempt must hold anything while its code executes. */
export const isAttemptLimited = ({ info, step }: LiveAttempt): boolean =>
  isLimited(info.limits) || (step.options !== undefined && isLimited(step.options));

export type Admission =
  | { readonly kind: "admitted"; release(): Promise<void> }
  /** The attempt ends without code: it is deferred, or its key cannot be made. */
  | { readonly kind: "refused"; readonly commit: Commit }
  | { readonly kind: "failed"; readonly outcome: TaskOutcome };

/** Takes what an attempt must hold, or says how the attempt ends without it. */
export async function admit(context: Context, attempt: LiveAttempt, call: AttemptCall): Promise<Admission> {
  const { run } = attempt;
  if (attempt.aborted) {
    await passOn(context, run);
    return failedBy(attempt.signal.reason);
  }
  let limits: RunLimits;
  try {
    limits = limitsOf(attempt.info.limits && context.runner.limits(call), attempt.step.options);
  } catch (error) {
    await passOn(context, run);
    return failedBy(error, NO_KEY);
  }
  const taken = await takeLimits(context, run, limits);
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
