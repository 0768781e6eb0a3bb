/**
 * States of a run (docs/protocol.md, section 15):
 * pending -> queued -> started -> success | skipped | error | broken | cancelled, with deferred (unmet dependencies), retrying (due later)
 * and waiting (for its child group) on the way. A terminal row changes only by a higher round.
 */
export type RunStatus = "pending" | "queued" | "deferred" | "started" | "retrying" | "waiting" | TerminalStatus;
export type TerminalStatus = "success" | "skipped" | "error" | "broken" | "cancelled";

export const TERMINAL_STATUSES: readonly TerminalStatus[] = ["success", "skipped", "error", "broken", "cancelled"];
const terminal: ReadonlySet<string> = new Set(TERMINAL_STATUSES);

export function isTerminal(status: RunStatus): status is TerminalStatus {
  return terminal.has(status);
}
/** Ended well: the strand goes on. */
export function isSuccess(status: RunStatus): boolean {
  return status === "success" || status === "skipped";
}
/** Ended badly: the member counts as failed. */
export function isFailure(status: RunStatus): boolean {
  return status === "error" || status === "broken" || status === "cancelled";
}
