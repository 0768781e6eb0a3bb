import { elementsOf } from "../../core/schedule/schedule.ts";
import type { Context } from "../context.ts";
import { changeSchedule, readSchedule, type Schedule, type ScheduleChange } from "../items/schedule-items.ts";
import { type Disposition, PortError } from "../ports.ts";
import { sendAhead } from "./announce-schedule.ts";
import {
  decide,
  decided,
  isUnfinished,
  portsOf,
  type Refusal,
  sitesOf,
  submitOwed,
  submitted,
} from "./start-scheduled.ts";

const DONE: Disposition = { kind: "done" };
/** With `catchUp: "none"`, a time that is late by more than this is left out. */
const LATE_MS = 5 * 60_000;
/** Changes of a schedule by others that one message puts up with. */
export const TRIES = 20;

/**
 * Fires a schedule if its time has come, in steps of one conditional write each:
 *
 *     decide   the schedule moves on and names the jobs that it owes, IF nobody has changed it
 *     submit   the jobs are started, by whoever finds them owed; a repeated start gives the same jobs
 *     settle   nothing is owed any more, IF nobody has changed it
 *
 * So of two deciders one wins, and the next decision knows every job before it. Costs the jobs and 2 write units, and
 * 2 of the index.
 */
export async function fireSchedule(context: Context, name: string, sentFor?: number): Promise<Disposition> {
  portsOf(context);
  for (let tries = 0; tries < TRIES; tries++) {
    const schedule = await readSchedule(context, name);
    if (!schedule) return DONE;
    if (schedule.owed) await settleOwed(context, schedule);
    else {
      const done = await decideNext(context, schedule, sentFor);
      if (done) return done;
    }
  }
  throw new PortError("throttled", `schedule ${name} is changed too often`);
}
/** Starts what a schedule owes, announces its next time, and says so in the schedule. */
export async function settleOwed(context: Context, schedule: Schedule): Promise<readonly Refusal[]> {
  const refused = await submitOwed(context, schedule);
  const due = await sendAhead(context, { ...schedule, owed: undefined });
  await changeSchedule(context, schedule, submitted(schedule, refused), due);
  return refused;
}

/** Returns undefined when the schedule has to be read again. */
async function decideNext(
  context: Context,
  schedule: Schedule,
  sentFor: number | undefined,
): Promise<Disposition | undefined> {
  if (schedule.paused) return DONE;
  const started = await decideQueued(context, schedule);
  if (started) {
    await changeSchedule(context, schedule, started, schedule.due);
    return undefined;
  }
  if (schedule.next === undefined) return DONE;
  const early = schedule.next - context.clock.now();
  // Only the message of this very time waits for it. Others would pile up.
  if (early > 0 && sentFor !== schedule.next) return DONE;
  if (early >= 1_000) return { kind: "later", delaySeconds: Math.floor(early / 1_000) };
  // Whoever edits it until then has the last word, so it is read again.
  if (early > 0) await context.clock.pause(early);
  else if (await fire(context, schedule, schedule.next)) return DONE;
  return undefined;
}
/** Decides what becomes of a nominal time. Returns true when the schedule has moved on and owes nothing. */
async function fire(context: Context, schedule: Schedule, at: number): Promise<boolean> {
  const { spec, anchor } = schedule;
  const now = context.clock.now();
  const { catchUp = "one" } = spec;
  const missed = catchUp === "none" && now - at > LATE_MS;
  const next = portsOf(context).nextTime(spec.when, anchor, catchUp === "all" ? at : Math.max(at, now));
  const decision = missed ? {} : { ...decided(schedule, await decide(context, schedule, at)), lastAt: at };
  const change: ScheduleChange = { ...decision, next };
  // What is owed is settled next, which announces. Until then the sweeper looks at the time that stands.
  const due = change.owed ? schedule.due : await sendAhead(context, { ...schedule, ...change, next, owed: undefined });
  const { applied, schedule: changed } = await changeSchedule(context, schedule, change, due);
  return applied && changed?.owed === undefined;
}
/** Decides to start jobs that waited for ones that have ended by now. Returns undefined when there are none. */
async function decideQueued(context: Context, schedule: Schedule): Promise<ScheduleChange | undefined> {
  if (!schedule.queued) return undefined;
  const known = new Set(elementsOf(schedule.spec, sitesOf(context)));
  for (const [element, { at, mark }] of Object.entries(schedule.queued)) {
    const last = schedule.jobs?.[element];
    if (last !== undefined && (await isUnfinished(context, last.jobId))) continue;
    const { [element]: _started, ...left } = schedule.queued;
    // One whose element is gone only leaves the list.
    const decision = await decide(context, schedule, at, { elements: known.has(element) ? [element] : [], mark });
    const queued = Object.keys(left).length > 0 ? left : undefined;
    if (decision.queued[element] === undefined) return { ...decided(schedule, decision), queued };
  }
  return undefined;
}
