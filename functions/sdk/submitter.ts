import type { Canvas } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { ForgottenRun, ScheduledRun, ScheduleRunOptions } from "../core/task/scheduled-run.ts";

/** Options of a job at its start. */
export interface SubmitOptions {
  /**
   * The same key with the same canvas returns the same job. With another canvas the call throws `idempotency_conflict`.
   * At most 255 characters.
   */
  readonly idempotencyKey?: string;
  /** Seconds until the job is `timed-out`. */
  readonly timeoutSeconds?: number;
  /** Name of the workflow that made the canvas, for people. */
  readonly workflow?: string;
  /** Parameters of that workflow, for people. */
  readonly parameters?: JsonObject;
}
/** A job that was started. */
export interface SubmittedJob {
  readonly jobId: string;
}

/** Starts jobs. An embedded engine and the HTTP client are submitters. */
export interface Submitter {
  /** Starts the canvas as a job, or returns the job that an earlier start with the same key made. */
  submit(canvas: Canvas, options: SubmitOptions): Promise<SubmittedJob>;
  /** Asks for a shared run, for `task.schedule`. */
  scheduleRun?(canvas: Canvas, options: ScheduleRunOptions): Promise<ScheduledRun>;
  /** Forgets a shared run, for `task.remove`. */
  forgetRun?(canvas: Canvas): Promise<ForgottenRun>;
}

let current: Submitter | undefined;

/**
 * Sets the submitter of all `submit()` and `delay()` calls of this process that name none. `undefined` removes it.
 * @example setSubmitter(client);
 */
export function setSubmitter(submitter: Submitter | undefined): void {
  current = submitter;
}

/** Options of `submit()`: those of the job, and the submitter that starts it. */
export interface SubmitCall extends SubmitOptions {
  /** Used instead of the submitter given to `setSubmitter`. */
  readonly submitter?: Submitter;
}

/**
 * Starts a canvas with the submitter of the call, else with that of the process.
 * @throws FanfoldError `engine_unavailable` without a submitter
 */
export async function submitCanvas(canvas: Canvas, call: SubmitCall = {}): Promise<SubmittedJob> {
  const { submitter, ...options } = call;
  return submitterFor(submitter).submit(canvas, options);
}
function submitterFor(given: Submitter | undefined): Submitter {
  const submitter = given ?? current;
  if (submitter === undefined)
    throw new FanfoldError(
      "engine_unavailable",
      "nobody can start jobs here: call setSubmitter(..) first, or give submit({ submitter })",
    );
  return submitter;
}
/** Returns the call of the submitter that works on shared runs. */
export function sharedRunsOf(given: Submitter | undefined): Required<Pick<Submitter, "scheduleRun" | "forgetRun">> {
  const submitter = submitterFor(given);
  if (submitter.scheduleRun && submitter.forgetRun)
    return submitter as Required<Pick<Submitter, "scheduleRun" | "forgetRun">>;
  throw new FanfoldError("engine_unavailable", "this submitter has no scheduleRun and forgetRun, as a client has");
}
