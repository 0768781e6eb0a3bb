import { Cron } from "croner";
import { invalidSchedule } from "../core/schedule/read-schedule.ts";
import { firstInstant } from "./time-zone.ts";

/** Five fields, a sixth for seconds in front, and a seventh for years behind; or a nickname. */
const FORM = /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^\s@]+(\s+[^\s@]+){4,6})$/i;

/**
 * Returns the next time of a cron expression. With `*` hours it follows elapsed time, so it goes on through a change of
 * clocks. With any other hours its local times happen once each (time-zone.ts), so these are counted in UTC.
 */
export function nextOfCron(text: string, timeZone: string, after: number): number | undefined {
  const expression = text.trim();
  if (!FORM.test(expression))
    throw wrong(
      text,
      "write five fields like 30 2 * * * (minute, hour, day, month, day of the week), or six with seconds first",
    );
  const next = (zone: string, from: number): number | undefined =>
    new Cron(expression, { timezone: zone, paused: true }).nextRun(new Date(from))?.getTime();
  try {
    return everyHour(expression) ? next(timeZone, after) : firstInstant((local) => next("UTC", local), timeZone, after);
  } catch (error) {
    throw wrong(text, (error as Error).message.replace(/^CronPattern: /, ""));
  }
}
function everyHour(expression: string): boolean {
  const fields = expression.split(/\s+/);
  return expression.toLowerCase() === "@hourly" || fields[fields.length === 5 ? 1 : 2] === "*";
}
function wrong(text: string, why: string) {
  return invalidSchedule("/when/cron", `/when/cron ${JSON.stringify(text)} is no cron expression: ${why}`);
}
