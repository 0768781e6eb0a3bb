import { elementsOf } from "../../core/schedule/schedule.ts";
import type { Context } from "../context.ts";
import { changeSchedule, readSchedule, type Schedule, type ScheduleChange } from "../items/schedule-items.ts";
import { type Disposition, PortError } from "../ports.ts";
import { announceSchedule } from "./announce-schedule.ts";
import { type Fired, isUnfinished, noted, portsOf, sitesOf, startScheduled } from "./start-scheduled.ts";

const DONE: Disposition = { kind: "done" };
/** A message that comes earlier than this belongs to a time that was changed since. The new time has its own message. */
const EARLY_MS = 30_000;
/** With `catchUp: "none"`, a time that is late by more than this is left out. */
export const LATE_MS = 5 * 60_000;
const TRIES = 10;

/**
 * Fires a schedule if its time has come: starts the jobs of that time, and then moves the schedule on, IF nobody has
 * changed it meanwhile. A death in between repeats the start, which gives the same jobs. First it starts jobs that
 * waited. Costs the jobs and 1 write unit, and 2 of the index.
 */
export async function fireSchedule(context: Context, name: string): Promise<Disposition> {
  for (let tries = 0; tries < TRIES; tries++) {
    const schedule = await readSchedule(context, name);
    if (!schedule || schedule.paused) return DONE;
    if (await startQueued(context, schedule)) continue;
    if (schedule.next === undefined) return DONE;
    const early = schedule.next - context.clock.now();
    if (early > EARLY_MS) return DONE;
    if (early >= 1_000) return { kind: "later", delaySeconds: Math.floor(early / 1_000) };
    // Whoever edits it until then has the last word, so it is read again.
    if (early > 0) await context.clock.pause(early);
    else if (await fire(context, schedule, schedule.next)) return DONE;
  }
  throw new PortError("throttled", `schedule ${name} is changed too often`);
}

/** Returns whether the schedule has moved on by this firing. */
async function fire(context: Context, schedule: Schedule, at: number): Promise<boolean> {
  const { spec, anchor } = schedule;
  const now = context.clock.now();
  const { catchUp = "one" } = spec;
  const missed = catchUp === "none" && now - at > LATE_MS;
  const fired = missed ? undefined : await startScheduled(context, schedule, at);
  const next = portsOf(context).nextTime(spec.when, anchor, catchUp === "all" ? at : Math.max(at, now));
  return note(context, schedule, fired, { next, ...(fired && { lastAt: at }) });
}
/** Starts a job that waited for one that has ended by now. Returns false when there is none. */
async function startQueued(context: Context, schedule: Schedule): Promise<boolean> {
  const known = new Set(schedule.queued && elementsOf(schedule.spec, sitesOf(context)));
  for (const [element, at] of Object.entries(schedule.queued ?? {})) {
    const last = schedule.jobs?.[element];
    if (last !== undefined && (await isUnfinished(context, last))) continue;
    // One whose element is gone only leaves the list.
    const fired = await startScheduled(context, schedule, at, { elements: known.has(element) ? [element] : [] });
    if (fired.queued[element] !== undefined) continue;
    const { [element]: _started, ...left } = schedule.queued ?? {};
    await note(context, schedule, fired, { queued: Object.keys(left).length > 0 ? left : undefined });
    return true;
  }
  return false;
}

/** Notes what was done, and announces the next time. Returns false when the schedule was changed meanwhile. */
async function note(
  context: Context,
  schedule: Schedule,
  fired: Fired | undefined,
  more: ScheduleChange,
): Promise<boolean> {
  const change = { ...(fired && noted(schedule, fired)), ...more };
  const { applied, schedule: changed } = await changeSchedule(context, schedule, change);
  if (applied && changed) await announceSchedule(context, changed);
  else if (fired) await keepJobs(context, schedule.name, fired);
  return applied;
}
/**
 * Keeps the jobs of a firing that found its schedule changed, so that the next firing knows what may still run. The jobs
 * of a newer firing stay.
 */
async function keepJobs(context: Context, name: string, { at, jobs }: Fired): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const schedule = await readSchedule(context, name);
    if (!schedule || (schedule.lastAt ?? 0) > at) return;
    if (Object.entries(jobs).every(([element, jobId]) => schedule.jobs?.[element] === jobId)) return;
    if ((await changeSchedule(context, schedule, { jobs: { ...schedule.jobs, ...jobs } })).applied) return;
  }
}
