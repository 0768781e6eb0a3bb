import { canonicalJson, type Json } from "../../core/json.ts";
import { FanfoldError, under } from "../../core/errors.ts";
import { checkScheduleName, invalidSchedule, readSchedule as readSpec } from "../../core/schedule/read-schedule.ts";
import { elementsOf, type NamedSchedule, ONLY, type ScheduleSpec } from "../../core/schedule/schedule.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import {
  changeSchedule,
  createSchedule,
  readSchedule,
  removeSchedule,
  type Schedule,
  type ScheduleChange,
} from "../items/schedule-items.ts";
import type { ScheduleView, TriggeredSchedule } from "../job-views.ts";
import { PortError } from "../ports.ts";
import { checkKey, estimateSubmission } from "../submit/submit.ts";
import { scheduleNotFound, viewSchedule } from "../views/schedules.ts";
import { announceSchedule } from "./announce-schedule.ts";
import { settleOwed, TRIES } from "./fire-schedule.ts";
import {
  decide,
  decided,
  type Decision,
  portsOf,
  problemOf,
  type Refusal,
  requestOf,
  scheduledJobId,
  sitesOf,
} from "./start-scheduled.ts";

/**
 * Creates or replaces a schedule. It fires at the times after this one: what was due and has not fired is left out. The
 * same schedule again changes nothing. Throws what a start would throw.
 */
export async function putSchedule(
  context: Context,
  name: string,
  given: unknown,
  origin: Schedule["origin"] = "api",
): Promise<{ readonly created: boolean; readonly schedule: ScheduleView }> {
  checkScheduleName(name);
  const spec = readSpec(given);
  checkStart(context, spec);
  for (let tries = 0; tries < TRIES; tries++) {
    const seen = await readSchedule(context, name);
    if (seen && origin === "api") refuseConfigured(seen);
    const stands = seen?.origin === origin && same(seen.spec, spec);
    const put = stands ? seen : await replace(context, name, seen, spec, origin);
    if (put) return { created: seen === undefined, schedule: viewSchedule(put) };
  }
  throw tooOften(name);
}
/** Returns the schedule as it was put, and undefined when somebody else has changed it. */
async function replace(
  context: Context,
  name: string,
  seen: Schedule | undefined,
  spec: ScheduleSpec,
  origin: Schedule["origin"],
): Promise<Schedule | undefined> {
  const now = context.clock.now();
  // An interval goes on counting from where it began.
  const anchor = seen && same(seen.spec.when, spec.when) ? seen.anchor : now;
  const next = portsOf(context).nextTime(spec.when, anchor, now);
  if (next === undefined) throw invalidSchedule("/when", "/when never comes: there is no time after now");
  const paused = spec.paused ?? seen?.paused ?? false;
  const change = { spec, origin, anchor, next, paused: paused ? (true as const) : undefined, error: undefined };
  const put = seen
    ? await changeSchedule(context, seen, { ...change, queued: undefined })
    : await createSchedule(context, name, { createdAt: now, ...change });
  if (put.applied && put.schedule) await announceSchedule(context, put.schedule);
  return put.applied ? put.schedule : undefined;
}
const same = (one: object, other: object): boolean => canonicalJson(one as Json) === canonicalJson(other as Json);

/** Throws what the start of a job would throw, for every element. */
function checkStart(context: Context, spec: ScheduleSpec): void {
  const now = context.clock.now();
  portsOf(context).nextTime(spec.when, now, now);
  const [first, ...others] = elementsOf(spec, sitesOf(context));
  const at = spec.workflow === undefined ? "/canvas" : "/fields";
  const read = (element: string) => under(at, () => requestOf(context, spec, element, now));
  // What a job takes does not depend on the element. Whether the workflow takes it does.
  if (first !== undefined) estimateSubmission(context, read(first));
  others.forEach(read);
}

/** Removes a schedule. Its jobs go on. Throws `schedule_not_found`, `schedule_in_config`. */
export async function deleteSchedule(context: Context, name: string): Promise<void> {
  await changing(context, name, async (seen) => {
    refuseConfigured(seen);
    return (await removeSchedule(context, seen)) ? true : undefined;
  });
}
/**
 * Pauses a schedule, or resumes it. What came due in a pause does not fire afterwards. Jobs that waited for the end of
 * another are left out.
 */
export async function pauseSchedule(context: Context, name: string, paused: boolean): Promise<ScheduleView> {
  return changing(context, name, async (seen) => {
    if ((seen.paused ?? false) === paused) return viewSchedule(seen);
    const next = paused ? seen.next : portsOf(context).nextTime(seen.spec.when, seen.anchor, context.clock.now());
    const change: ScheduleChange = { paused: paused ? true : undefined, next, queued: undefined };
    const { applied, schedule } = await changeSchedule(context, seen, change);
    if (!applied || !schedule) return undefined;
    await announceSchedule(context, schedule);
    return viewSchedule(schedule);
  });
}
/**
 * Fires a schedule now, also while it is paused. Its overlap policy holds. The same key fires it once. Throws what the
 * start throws, if there is no `forEach`.
 */
export async function triggerSchedule(context: Context, name: string, key?: string): Promise<TriggeredSchedule> {
  checkKey(key);
  const mark = `trigger ${key === undefined ? context.ids.token() : `key ${key}`}`;
  return changing(context, name, async (seen) => {
    if (seen.owed) return void (await settleOwed(context, seen));
    const before = key === undefined ? undefined : await firedBefore(context, seen, mark);
    if (before) return triggered(before, []);
    const decision = await decide(context, seen, context.clock.now(), { mark });
    const { applied, schedule } = await changeSchedule(context, seen, decided(seen, decision));
    if (!applied || !schedule) return undefined;
    const refused = schedule.owed ? await settleOwed(context, schedule) : [];
    if (refused[0]?.element === ONLY) throw refused[0].error;
    return triggered(decision, refused);
  });
}
/** Returns what an earlier call with the same key has done. Undefined when it did nothing, or everything was left out. */
async function firedBefore(context: Context, schedule: Schedule, mark: string): Promise<Decision | undefined> {
  const decision: Decision = { jobs: {}, queued: {}, skipped: [] };
  for (const element of elementsOf(schedule.spec, sitesOf(context))) {
    const jobId = scheduledJobId(context, schedule.name, element, mark);
    const waiting = schedule.queued?.[element];
    if (await isThere(context, jobId)) decision.jobs[element] = { jobId, at: 0 };
    else if (waiting?.mark === mark) decision.queued[element] = waiting;
  }
  return Object.keys(decision.jobs).length + Object.keys(decision.queued).length > 0 ? decision : undefined;
}
const isThere = async (context: Context, jobId: string): Promise<boolean> =>
  (await readHeader(context, jobId)) !== undefined;
function triggered({ jobs, queued, skipped }: Decision, refused: readonly Refusal[]): TriggeredSchedule {
  const of = (element: string) => (element === ONLY ? {} : { element });
  const failed = new Set(refused.map(({ element }) => element));
  return {
    jobs: Object.entries(jobs).flatMap(([element, { jobId }]) =>
      failed.has(element) ? [] : [{ jobId, ...of(element) }],
    ),
    skipped: skipped.length,
    queued: Object.keys(queued).length,
    errors: refused.map(({ element, error }) => ({ ...of(element), ...problemOf(error) })),
  };
}

/** Repeats a change of a schedule until nobody else has changed it meanwhile: then `change` returns its result. */
async function changing<T>(
  context: Context,
  name: string,
  change: (seen: Schedule) => Promise<T | undefined>,
): Promise<T> {
  for (let tries = 0; tries < TRIES; tries++) {
    const result = await change(await requireSchedule(context, name));
    if (result !== undefined) return result;
  }
  throw tooOften(name);
}
async function requireSchedule(context: Context, name: string): Promise<Schedule> {
  const schedule = await readSchedule(context, name);
  if (!schedule) throw scheduleNotFound(name);
  return schedule;
}
function refuseConfigured({ name, origin }: Schedule): void {
  if (origin !== "config") return;
  throw new FanfoldError(
    "schedule_in_config",
    `schedule ${name} is in fanfold.config.ts: change or remove it there; it can be paused, resumed and triggered here`,
    { details: { name } },
  );
}
function tooOften(name: string): PortError {
  return new PortError("throttled", `schedule ${name} is changed too often`);
}
/** Checks the schedules of a configuration. `details.field` names the schedule and its field. */
export function checkConfigured(context: Context, schedules: readonly NamedSchedule[]): void {
  schedules.forEach(({ name: _name, ...spec }, index) => under(`/schedules/${index}`, () => checkStart(context, spec)));
}
