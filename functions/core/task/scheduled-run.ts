import type { RunStatus } from "../plan/run-state.ts";

/** Options of a shared run that is asked for without a job. */
export interface ScheduleRunOptions {
  /** Runs it again although it has ended. Default `false`. */
  readonly retry?: boolean;
  /** `false` leaves it to the sweep to send its message, some minutes later. Default `true`. */
  readonly queueNow?: boolean;
  /** Takes away dependencies that the signature does not name. Default `false`. */
  readonly deleteExtraDeps?: boolean;
}
/** A shared run that was asked for without a job. */
export interface ScheduledRun {
  readonly runId: string;
  readonly status: RunStatus;
  /** Whether the call has begun it, or its next round. */
  readonly begun: boolean;
}
/** A shared run that was removed. One that had not ended goes on for those who wait for it. */
export interface ForgottenRun {
  readonly runId: string;
  readonly status: RunStatus;
}
