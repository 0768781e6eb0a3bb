import { parseCanvas } from "../../core/canvas/canvas-wire.ts";
import { FanfoldError } from "../../core/errors.ts";
import { parseQueueName } from "../../core/names/queue-name.ts";
import { elementsOf, fieldsOf, ONLY, type ScheduleSpec } from "../../core/schedule/schedule.ts";
import { errorData } from "../../core/task/error-data.ts";
import { eachBounded } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { readHeader } from "../items/header-reads.ts";
import type { Schedule, ScheduleChange } from "../items/schedule-items.ts";
import { PortError, type SchedulePorts } from "../ports.ts";
import type { SubmitRequest } from "../requests.ts";
import { submitJob } from "../submit/submit.ts";
import { cancelJob } from "./cancel-job.ts";

/** What one firing did, by element. */
export interface Fired {
  readonly at: number;
  readonly jobs: { [element: string]: string };
  /** Nominal times of elements whose jobs wait for the end of the job before. */
  readonly queued: { [element: string]: number };
  readonly skipped: string[];
  readonly errors: { readonly element: string; readonly error: unknown }[];
}
const AT_ONCE = 8;

/**
 * Starts a job for each element of a schedule. A repeated firing starts the same jobs: the id of a job is a hash of the
 * name, the element and the nominal time. `mark` takes the place of the time when somebody asked for the firing.
 */
export async function startScheduled(
  context: Context,
  schedule: Schedule,
  at: number,
  { elements = elementsOf(schedule.spec, sitesOf(context)), mark = String(at) } = {},
): Promise<Fired> {
  const fired: Fired = { at, jobs: {}, queued: {}, skipped: [], errors: [] };
  await eachBounded(elements, AT_ONCE, async (element) => {
    const last = schedule.jobs?.[element];
    const jobId = scheduledJobId(context, schedule.name, element, mark);
    const { overlap = "skip" } = schedule.spec;
    try {
      if (overlap !== "allow" && last !== undefined && last !== jobId && (await isUnfinished(context, last))) {
        if (overlap === "skip") return void fired.skipped.push(element);
        if (overlap === "queue") return void (fired.queued[element] = at);
        await cancelJob(context, last);
      }
      await submitScheduled(context, schedule, element, at, jobId);
      fired.jobs[element] = jobId;
    } catch (error) {
      if (error instanceof PortError) throw error;
      fired.errors.push({ element, error });
    }
  });
  return fired;
}
async function submitScheduled(
  context: Context,
  { name, spec }: Schedule,
  element: string,
  at: number,
  jobId: string,
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

/** Returns what a firing changes in its schedule. */
export function noted(schedule: Schedule, { at, jobs, queued, skipped, errors }: Fired): ScheduleChange {
  const [first] = errors;
  return {
    ...(Object.keys(jobs).length > 0 && { jobs: { ...schedule.jobs, ...jobs }, error: undefined }),
    ...(Object.keys(queued).length > 0 && { queued: { ...schedule.queued, ...queued } }),
    ...(skipped.length > 0 && { skipped: (schedule.skipped ?? 0) + skipped.length }),
    ...(first && { error: errorOf(first.error, at) }),
  };
}
function errorOf(error: unknown, at: number): NonNullable<Schedule["error"]> {
  const code = error instanceof FanfoldError ? error.code : "internal";
  return { code, message: errorData(error).message.slice(0, MESSAGE_CHARACTERS), at };
}
const MESSAGE_CHARACTERS = 500;

/** Returns the sites of the deployment, which are those of its queues. */
export function sitesOf({ config }: Context): readonly string[] {
  const { site, queues } = config;
  return queues ? [...new Set(queues.map((queue) => parseQueueName(queue, { site }).site))] : [site];
}
export function portsOf(context: Context): SchedulePorts {
  if (!context.schedules) throw new FanfoldError("internal", "this process cannot fire schedules");
  return context.schedules;
}
