import type { Context } from "../context.ts";
import { postponeSchedule, readSchedule, type Schedule } from "../items/schedule-items.ts";
import { sendOfSchedule } from "../messages/send.ts";
import type { Key } from "../ports.ts";

/** Announces a schedule that the sweeper found in the due index. The index may lag behind. */
export async function announceDue(context: Context, key: Key): Promise<void> {
  const schedule = await readSchedule(context, key.sort);
  if (schedule?.due !== undefined && schedule.due <= context.clock.now() + windowMs(context))
    await announceSchedule(context, schedule);
}
/**
 * Sends the message that fires a schedule at its time, if a message can be delayed for so long, and one at once when
 * jobs wait. It is sent before the item says so: a death in between sends it twice. The sweeper looks again when the
 * message has had time to arrive, so a lost one only delays the firing.
 */
export async function announceSchedule(context: Context, schedule: Schedule): Promise<void> {
  const { name, next, queued, paused, due } = schedule;
  const now = context.clock.now();
  const near = next !== undefined && next - now <= windowMs(context) ? next : undefined;
  if (paused || due === undefined || (near === undefined && !queued)) return;
  if (queued) await sendOfSchedule(context, { kind: "schedule", name });
  // Rounded down, because the handler waits for what is left of the second.
  if (near !== undefined)
    await sendOfSchedule(context, { kind: "schedule", name }, Math.max(0, Math.floor((near - now) / 1_000)));
  const again = context.config.resendSeconds * 1_000 + windowMs(context);
  const later = Math.max(now, queued ? now : (near ?? now)) + again;
  await postponeSchedule(context, schedule, near === undefined ? Math.min(next ?? later, later) : later);
}
/** How far ahead a message can be sent. */
function windowMs(context: Context): number {
  return context.queue.maxDelaySeconds * 1_000;
}
