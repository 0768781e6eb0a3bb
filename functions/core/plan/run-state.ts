/**
 * States of a run (docs/protocol-rules.md, section 15). The transitions are pending -> queued -> started -> success | skipped
 * | error | broken | cancelled. On the way a run may be deferred (it waits for events), retrying (due later) or waiting
 * (for its child group). A terminal row changes only by a higher round.
 */
export type RunStatus = (typeof RUN_STATUSES)[number];
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export const TERMINAL_STATUSES = ["success", "skipped", "error", "broken", "cancelled"] as const;
export const RUN_STATUSES = [
  "pending",
  "queued",
  "deferred",
  "started",
  "retrying",
  "waiting",
  ...TERMINAL_STATUSES,
] as const;
const terminal: ReadonlySet<string> = new Set(TERMINAL_STATUSES);

export function isTerminal(status: RunStatus): status is TerminalStatus {
  return terminal.has(status);
}
/** Returns whether a run ended well, so that its strand continues. */
export function isSuccess(status: RunStatus): boolean {
  return status === "success" || status === "skipped";
}
/** Returns whether a run ended badly, so that its member counts as failed. */
export function isFailure(status: RunStatus): boolean {
  return status === "error" || status === "broken" || status === "cancelled";
}
