import type { RunError } from "../item-kinds.ts";

/** The errors of runs that were cancelled because something above them had ended. */
export const CANCELLED = {
  /** Read in place of a member's result when the group decided before the member ended. */
  unfinishedMember: {
    name: "Cancelled",
    message: "the group was decided before this member ended",
    reason: "upstream",
  },
  /** Ends a waiting run whose child group was never created. */
  unstartedChildren: {
    name: "Cancelled",
    message: "a group above this run was decided before its children started",
    reason: "upstream",
  },
  /** Ends an attempt that was stopped while it ran. */
  stoppedAttempt: {
    name: "Cancelled",
    message: "the job, or a group above this run, ended before it",
    reason: "cancelled",
  },
  /** Ends a run that is idle, or waits for a group that has no result. */
  unfinishedRun(reason: "upstream" | "timeout" | "expired"): RunError {
    return { name: "Cancelled", message: "a group above this run was decided before it ended", reason };
  },
} as const;
