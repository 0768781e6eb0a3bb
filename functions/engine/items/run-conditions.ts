import type { Context } from "../context.ts";
import type { Run } from "../item-kinds.ts";
import type { Condition } from "../ports.ts";
import { absent, and, eq, lt, not, oneOf, or } from "./conditions.ts";

/** The run may start: it is queued or retrying, and due; or it is deferred, and its wait has timed out. */
export const idle = (now: number): Condition =>
  or(
    and(oneOf("status", ["queued", "retrying"]), or(absent("notBefore"), lt("notBefore", now + 1))),
    and(eq("status", "deferred"), lt("notBefore", now + 1)),
  );
/**
 * The holder's lease has expired, by the clock of the slowest process, or because the holder belonged to an earlier
 * boot.
 */
export const leaseOver = (context: Context, now: number): Condition => {
  const byTime = lt("leaseUntil", now - context.config.skewMarginSeconds * 1_000);
  return context.config.epoch === undefined ? byTime : or(byTime, lt("epoch", context.config.epoch));
};
/** The holder may still write: no other worker has taken the run over, and the run has not ended. */
export const fence = (token: string, attempt: number): Condition =>
  and(eq("status", "started"), eq("leaseOwner", token), eq("attempt", attempt));
export const notTerminal: Condition = not(oneOf("status", ["success", "skipped", "error", "broken", "cancelled"]));

/** Whether a run is held under a lease that has not expired. */
export function isLive(context: Context, run: Run): boolean {
  if (run.status !== "started") return false;
  const { epoch, skewMarginSeconds } = context.config;
  if (epoch !== undefined && (run.epoch ?? 0) < epoch) return false;
  return (run.leaseUntil ?? 0) + skewMarginSeconds * 1_000 >= context.clock.now();
}
/** Whether the time before which a run must not start has passed. */
export function isDue(context: Context, run: Run): boolean {
  return run.notBefore === undefined || run.notBefore <= context.clock.now();
}

/** Whether a run may start, by the same rule as the condition `idle`. */
export function isReady(context: Context, run: Run): boolean {
  if (run.status === "deferred") return run.notBefore !== undefined && isDue(context, run);
  return (run.status === "queued" || run.status === "retrying") && isDue(context, run);
}
