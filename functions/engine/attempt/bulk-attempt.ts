import { errorData } from "../../core/task/error-data.ts";
import type { Context } from "../context.ts";
import { endAttempt, type Executed, prepareCall } from "./attempt.ts";
import { admit, isAttemptLimited, leaveUnexecuted } from "./limited-attempt.ts";
import type { LiveAttempt } from "./live-attempt.ts";
import type { AttemptCall } from "./task-call.ts";

/** What an attempt of a bulk call is ready for: to take part, or to end without code. */
export type Prepared =
  | { readonly kind: "ready"; readonly call: AttemptCall; release(): Promise<void> }
  | { readonly kind: "ended"; readonly executed: Executed };

/**
 * Prepares one run for a call that it shares with others: loads its input, and takes the limits and locks that it needs.
 * A run that is refused one is deferred, and takes no part. `release` frees them.
 */
export async function prepareBulkAttempt(context: Context, attempt: LiveAttempt): Promise<Prepared> {
  const limited = isAttemptLimited(attempt);
  if (attempt.aborted) {
    if (limited) await leaveUnexecuted(context, attempt);
    return ended(context, attempt, { kind: "failed", error: errorData(attempt.signal.reason) });
  }
  const call = await prepareCall(context, attempt, undefined);
  if ("kind" in call) {
    if (limited) await leaveUnexecuted(context, attempt);
    return ended(context, attempt, call);
  }
  if (!limited) return { kind: "ready", call, release: () => Promise.resolve() };
  const admission = await admit(context, attempt, call);
  if (admission.kind === "admitted") return { kind: "ready", call, release: () => admission.release() };
  if (admission.kind === "refused") return { kind: "ended", executed: admission.commit };
  return ended(context, attempt, admission.outcome);
}
async function ended(
  context: Context,
  attempt: LiveAttempt,
  outcome: Parameters<typeof endAttempt>[2],
): Promise<Prepared> {
  return { kind: "ended", executed: await endAttempt(context, attempt, outcome, undefined) };
}
