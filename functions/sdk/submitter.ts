import type { Canvas } from "../core/canvas/canvas.ts";
import { FanfoldError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";

/** What can be said about a job when it is started. */
export interface SubmitOptions {
  /** The same key with the same canvas gives the same job; with another canvas `idempotency_conflict`. At most 255 characters. */
  readonly idempotencyKey?: string;
  /** Seconds until the job is `timed-out`. */
  readonly timeoutSeconds?: number;
  /** Name of the workflow that made the canvas; for people. */
  readonly workflow?: string;
  readonly parameters?: JsonObject;
}
export interface SubmittedJob {
  readonly jobId: string;
}

/** Starts jobs: an embedded engine, or an HTTP client. */
export interface Submitter {
  submit(canvas: Canvas, options: SubmitOptions): Promise<SubmittedJob>;
}

let current: Submitter | undefined;

/**
 * Says where `submit()` and `delay()` of this process go unless a call names its own submitter. `undefined` takes it back.
 * @example setSubmitter(client);
 */
export function setSubmitter(submitter: Submitter | undefined): void {
  current = submitter;
}

/** Options of `submit()`: those of the job, and who starts it. */
export interface SubmitCall extends SubmitOptions {
  /** Instead of the one given to `setSubmitter`. */
  readonly submitter?: Submitter;
}

export async function submitCanvas(canvas: Canvas, call: SubmitCall = {}): Promise<SubmittedJob> {
  const { submitter = current, ...options } = call;
  if (submitter === undefined) {
    throw new FanfoldError("engine_unavailable", "nobody can start jobs here: call setSubmitter(..) first, or give submit({ submitter })");
  }
  return submitter.submit(canvas, options);
}
