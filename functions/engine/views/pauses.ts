import { type PauseAttributes, pauseText } from "../../core/pause.ts";
import type { Context } from "../context.ts";
import type { PauseView } from "../job-views.ts";
import { type Pause, queryPauses } from "../items/pause-items.ts";

/** Lists what is paused, except for jobs, in the order of the texts of the targets. */
export async function listPauses(context: Context): Promise<readonly PauseView[]> {
  const now = context.clock.now();
  return (await queryPauses(context))
    .map((pause) => viewPause(context, pause, now))
    .toSorted((a, b) => (pauseText(a) < pauseText(b) ? -1 : 1));
}
/** `now` is from before the read of the pause, because a holder may have noted itself since. */
export function viewPause(context: Context, pause: Pause, now: number): PauseView {
  const { target, pausedAt, configured } = pause;
  return { ...target, state: stateOfPause(context, pause, now), at: pausedAt, origin: configured ? "config" : "api" };
}
/**
 * Returns how far a pause is. `paused` means that no run of it is held: a holder that started before it knew of the
 * pause had a lease until then, and notes in the pause until when it has renewed it.
 */
export function stateOfPause(
  { config }: Pick<Context, "config">,
  { inForceAt, heldUntil = 0, resuming }: PauseAttributes,
  now: number,
): PauseView["state"] {
  if (resuming) return "resuming";
  const { headerCacheMs, pauseCacheMs, leaseSeconds, skewMarginSeconds } = config;
  if (inForceAt === undefined) return "pausing";
  const started = inForceAt + Math.max(headerCacheMs, pauseCacheMs) + leaseSeconds * 1_000;
  return now > Math.max(started, heldUntil) + 2 * skewMarginSeconds * 1_000 ? "paused" : "pausing";
}
