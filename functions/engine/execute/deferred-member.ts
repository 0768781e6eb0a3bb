import { DONE, type MemberOutcome } from "../attempt/member-outcome.ts";
import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import { resumeDeferred } from "../waits/deferred.ts";
import { lookForEnd } from "../waits/identities.ts";

/**
 * Checks again what a deferred run waits for. The message that is being handled may be the one that is owed at the end
 * of the wait. So it must be delivered again then.
 */
export async function handleDeferred(context: Context, run: Run): Promise<MemberOutcome> {
  if (run.adopts !== undefined) {
    const { ended } = await lookForEnd(context, run);
    return ended ? { kind: "ended", run: ended } : DONE;
  }
  const { woken, ended } = await resumeDeferred(context, run);
  if (ended) return { kind: "ended", run: ended };
  if (woken || run.notBefore === undefined || run.due !== undefined) return DONE;
  return { kind: "later", delaySeconds: secondsUntil(context, run.notBefore) };
}
/** Returns whole seconds until a time in milliseconds since the epoch; at least 1. */
export function secondsUntil(context: Context, at: number | undefined): number {
  return Math.max(1, Math.ceil(((at ?? 0) - context.clock.now()) / 1_000));
}
