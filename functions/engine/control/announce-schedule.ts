import type { Context } from "../context.ts";
import { postponeSchedule, readSchedule, type Schedule, type ScheduleAttributes } from "../items/schedule-items.ts";
import { sendGeneral } from "../messages/send.ts";
import type { Key } from "../ports.ts";

/** Announces a schedule that the sweeper found in the due index. The index may lag behind. */
export async function announceDue(context: Context, key: Key): Promise<void> {
  const schedule = await readSchedule(context, key.sort);
  if (schedule?.due !== undefined && schedule.due <= context.clock.now() + windowMs(context))
    await announceSchedule(context, schedule);
}
/** Sends the messages of a schedule, and says so in it. A death in between sends them twice. */
export async function announceSchedule(context: Context, schedule: Schedule): Promise<void> {
  const due = await sendAhead(context, schedule);
  if (due !== undefined && due !== schedule.due) await postponeSchedule(context, schedule, due);
}
/**
 * Sends the message that fires a schedule at its time, if a message can be delayed for so long, and one at once when
 * jobs wait or are owed. Returns when the sweeper looks again: once the messages have had time to arrive, so a lost one
 * only delays the firing. Returns undefined when there is nothing to look for.
 */
export async function sendAhead(
  context: Context,
  {
    name,
    next,
    queued,
    owed,
    paused,
  }: { readonly [K in keyof Schedule]?: Schedule[K] | undefined } & Pick<Schedule, "name">,
): Promise<ScheduleAttributes["due"]> {
  const now = context.clock.now();
  const again = context.config.resendSeconds * 1_000 + windowMs(context);
  const waits = owed !== undefined || (queued !== undefined && !paused);
  if (waits) await sendGeneral(context, { kind: "schedule", name });
  if (paused || next === undefined) return waits ? now + again : undefined;
  if (next - now > windowMs(context)) return waits ? Math.min(next, now + again) : next;
  // Rounded down, because the handler waits for what is left of the second.
  await sendGeneral(context, { kind: "schedule", name, at: next }, Math.max(0, Math.floor((next - now) / 1_000)));
  return (waits ? now : Math.max(now, next)) + again;
}
/** How far ahead a message can be sent. */
function windowMs(context: Context): number {
  return context.queue.maxDelaySeconds * 1_000;
}
