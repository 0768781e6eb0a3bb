import { FanfoldError } from "../../core/errors.ts";
import { isScheduleName } from "../../core/schedule/read-schedule.ts";
import type { Context } from "../context.ts";
import { querySchedules, readSchedule, type Schedule } from "../items/schedule-items.ts";
import type { Page, ScheduleView } from "../job-views.ts";
import { wrongCursor } from "./job-view.ts";

const UPCOMING = 5;
/** Lists schedules in the order of their names. */
export async function listSchedules(
  context: Context,
  { limit = 100, cursor }: { readonly limit?: number; readonly cursor?: string },
): Promise<Page<ScheduleView>> {
  if (cursor !== undefined && !isScheduleName(cursor)) throw wrongCursor();
  const page = await querySchedules(context, Math.min(limit, 1_000), cursor);
  const items = page.schedules.map((schedule) => viewSchedule(schedule));
  return { items, ...(page.cursor !== undefined && { cursor: page.cursor }) };
}
/** Returns a schedule with its next times. Throws `schedule_not_found`. */
export async function viewScheduleByName(context: Context, name: string): Promise<ScheduleView> {
  const schedule = await readSchedule(context, name);
  if (!schedule) throw scheduleNotFound(name);
  return { ...viewSchedule(schedule), upcoming: upcomingOf(context, schedule) };
}
export function viewSchedule(schedule: Schedule): ScheduleView {
  const { name, spec, origin, createdAt, paused, next, lastAt, jobs = {}, queued = {}, skipped = 0, error } = schedule;
  const { paused: _paused, ...what } = spec;
  return {
    name,
    ...what,
    origin,
    state: paused ? "paused" : next === undefined ? "ended" : "active",
    createdAt,
    ...(!paused && next !== undefined && { nextAt: next }),
    ...(lastAt !== undefined && { lastAt }),
    jobs: Object.entries(jobs).map(([element, { jobId }]) => ({ jobId, ...(element !== "" && { element }) })),
    queued: Object.entries(queued).map(([element, { at }]) => ({ at, ...(element !== "" && { element }) })),
    skipped,
    ...(error && { error }),
  };
}
function upcomingOf({ schedules }: Context, { spec, anchor, next, paused }: Schedule): readonly number[] {
  const times = paused || next === undefined ? [] : [next];
  while (schedules && times.length > 0 && times.length < UPCOMING) {
    const after = schedules.nextTime(spec.when, anchor, times.at(-1) as number);
    if (after === undefined) break;
    times.push(after);
  }
  return times;
}
export function scheduleNotFound(name: string): FanfoldError {
  return new FanfoldError("schedule_not_found", `there is no schedule ${name}; GET /schedules lists them`, {
    details: { name },
  });
}
