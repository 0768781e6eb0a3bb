import { parseCanvas } from "../../core/canvas/canvas-wire.ts";
import { FanfoldError } from "../../core/errors.ts";
import { parseQueueName } from "../../core/names/queue-name.ts";
import { elementsOf, fieldsOf, ONLY, type ScheduleSpec } from "../../core/schedule/schedule.ts";
import { errorData } from "../../core/task/error-data.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import type { QueuedTime, Schedule, ScheduleChange, ScheduledJob } from "../items/schedule-items.ts";
import { PortError, type SchedulePorts } from "../ports.ts";
import type { SubmitRequest } from "../requests.ts";
import { submitJob } from "../submit/submit.ts";
import { cancelJob } from "./cancel-job.ts";

/** What a firing is to do: the jobs that it owes, and elements whose job before has not ended. */
export interface Decision {
  readonly jobs: { [element: string]: ScheduledJob };
  /** Nominal times of elements whose jobs wait for the end of the job before. */
  readonly queued: { [element: string]: QueuedTime };
  readonly skipped: string[];
}
export interface Refusal {
  readonly element: string;
  readonly error: unknown;
}
const AT_ONCE = 8;

/**
 * Decides for each element what becomes of a nominal time. Every job that the schedule names exists, because what is
 * owed is submitted first. `mark` takes the place of the time in the id of a job when somebody asked for the firing.
 */
export async function decide(
  context: Context,
  schedule: Schedule,
  at: number,
  {
    elements = elementsOf(schedule.spec, sitesOf(context)),
    mark,
  }: { readonly elements?: readonly string[]; readonly mark?: string | undefined } = {},
): Promise<Decision> {
  const decision: Decision = { jobs: {}, queued: {}, skipped: [] };
  const { overlap = "skip" } = schedule.spec;
  await eachBounded(elements, AT_ONCE, async (element) => {
    const last = schedule.jobs?.[element]?.jobId;
    const jobId = scheduledJobId(context, schedule.name, element, mark ?? String(at));
    const runs = overlap !== "allow" && last !== undefined && last !== jobId && (await isUnfinished(context, last));
    if (runs && overlap === "skip") decision.skipped.push(element);
    else if (runs && overlap === "queue") decision.queued[element] = { at, ...(mark !== undefined && { mark }) };
    else decision.jobs[element] = { jobId, at, ...(runs && { over: last }) };
  });
  return decision;
}
/** Returns how a decision changes its schedule. */
export function decided(schedule: Schedule, { jobs, queued, skipped }: Decision): ScheduleChange {
  const elements = Object.keys(jobs);
  return {
    ...(elements.length > 0 && { jobs: { ...schedule.jobs, ...jobs }, owed: elements }),
    ...(Object.keys(queued).length > 0 && { queued: { ...schedule.queued, ...queued } }),
    ...(skipped.length > 0 && { skipped: (schedule.skipped ?? 0) + skipped.length }),
  };
}

/** Starts the jobs that a schedule owes. A repeated start gives the same jobs. Returns those that are refused. */
export async function submitOwed(context: Context, schedule: Schedule): Promise<readonly Refusal[]> {
  const refused: Refusal[] = [];
  await eachBounded(schedule.owed ?? [], AT_ONCE, async (element) => {
    const job = schedule.jobs?.[element];
    try {
      if (job?.over !== undefined) await cancelIfThere(context, job.over);
      if (job) await submitScheduled(context, schedule, element, job);
    } catch (error) {
      if (error instanceof PortError) throw error;
      refused.push({ element, error });
    }
  });
  return refused;
}
/** Returns how a schedule changes once what it owed was submitted. */
export function submitted({ jobs, owed = [] }: Schedule, [refusal, ...more]: readonly Refusal[]): ScheduleChange {
  if (!refusal) return { owed: undefined, error: undefined };
  const elements = [refusal, ...more].map(({ element }) => element);
  const at = jobs?.[refusal.element]?.at ?? 0;
  const left = Object.entries(jobs ?? {}).filter(([element]) => !owed.includes(element) || !elements.includes(element));
  return { owed: undefined, jobs: Object.fromEntries(left), error: { ...problemOf(refusal.error), at } };
}
export function problemOf(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof FanfoldError ? error.code : "internal";
  return { code, message: errorData(error).message.slice(0, MESSAGE_CHARACTERS) };
}
const MESSAGE_CHARACTERS = 500;

async function submitScheduled(
  context: Context,
  { name, spec }: Schedule,
  element: string,
  { jobId, at }: ScheduledJob,
): Promise<void> {
  const schedule = { name, at, ...(element !== ONLY && { element }) };
  const request = { ...requestOf(context, spec, element, at), principal: `schedule ${name}`, jobId, schedule };
  try {
    await submitJob(context, request);
  } catch (error) {
    // The job of this time was started before with what the schedule, or its workflow, was then.
    if (!(error instanceof FanfoldError) || error.code !== "idempotency_conflict") throw error;
  }
}
async function cancelIfThere(context: Context, jobId: string): Promise<void> {
  try {
    await cancelJob(context, jobId);
  } catch (error) {
    if (!(error instanceof FanfoldError) || error.code !== "job_not_found") throw error;
  }
}
/** Returns what a schedule starts. Throws what the workflow throws. */
export function requestOf(context: Context, spec: ScheduleSpec, element: string, at: number): SubmitRequest {
  const timeout = spec.timeoutSeconds !== undefined && { timeoutSeconds: spec.timeoutSeconds };
  if (spec.workflow === undefined) return { canvas: parseCanvas(spec.canvas), ...timeout };
  const { start, timeText } = portsOf(context);
  const { canvas, parameters, timeoutSeconds } = start(spec.workflow, fieldsOf(spec, element, timeText(at)));
  return {
    canvas,
    workflow: spec.workflow,
    parameters,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...timeout,
  };
}
export function scheduledJobId(context: Context, name: string, element: string, mark: string): string {
  return context.ids.hash(`schedule ${JSON.stringify([name, element, mark])}`).slice(0, 32);
}
/** A job whose outcome stands has ended for a schedule, though some of its runs may still be told. */
export async function isUnfinished(context: Context, jobId: string): Promise<boolean> {
  const root = await readHeader(context, jobId);
  return root !== undefined && root.outcome === undefined;
}

/** Returns the sites of the deployment, which are those of its queues. */
export function sitesOf({ config }: Context): readonly string[] {
  const { site, queues } = config;
  return queues ? [...new Set(queues.map((queue) => parseQueueName(queue, { site }).site))] : [site];
}
export function portsOf(context: Context): SchedulePorts {
  if (!context.schedules) throw new FanfoldError("internal", "this process cannot fire schedules");
  return context.schedules;
}
