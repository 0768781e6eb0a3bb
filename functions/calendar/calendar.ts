import { invalidSchedule } from "../core/schedule/read-schedule.ts";
import type { When } from "../core/schedule/schedule.ts";
import { nextOfCron } from "./cron.ts";
import { nextOfRule } from "./rule.ts";
import { instantOf, isTimeZone, readLocalTime } from "./time-zone.ts";

/**
 * Returns the first time after `after` at which a schedule fires, and undefined when there is none. Times are in
 * milliseconds since the epoch. `anchor` is where intervals without a start begin.
 * @throws FanfoldError `invalid_schedule`, with `details.field` below `/when`
 */
export function nextTime(when: When, anchor: number, after: number): number | undefined {
  const { timeZone = "UTC" } = when;
  if (!isTimeZone(timeZone))
    throw invalidSchedule("/when/timeZone", `${timeZone} is no time zone: use a name like Europe/Paris, or UTC`);
  if ("cron" in when) return nextOfCron(when.cron, timeZone, after);
  const start = when.start === undefined ? undefined : readLocalTime(when.start);
  if (start === null)
    throw invalidSchedule("/when/start", `${String(when.start)} is no local time: write it like 2026-03-29T08:00`);
  if ("rrule" in when) return nextOfRule(when.rrule, start ?? 0, timeZone, after);
  return nextOfInterval(
    when.everySeconds * 1_000,
    start === undefined ? anchor : instantOf(start, timeZone),
    after,
    start !== undefined,
  );
}

function nextOfInterval(every: number, from: number, after: number, fires: boolean): number | undefined {
  if (after < from) return fires ? from : from + every;
  const next = from + (Math.floor((after - from) / every) + 1) * every;
  return next <= LATEST ? next : undefined;
}
/** The last time that a Date holds. */
const LATEST = 8.64e15;

/** Returns what the engine needs to fire schedules (engine/ports.ts), with the `start` of the workflows. */
export function createCalendar<Start>(start: Start): {
  readonly nextTime: typeof nextTime;
  readonly timeText: (at: number) => string;
  readonly start: Start;
} {
  return { nextTime, timeText: (at) => new Date(at).toISOString(), start };
}
