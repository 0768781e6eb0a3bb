/**
 * How each state looks. The tone is a colour, the mark tells it in greyscale, and the word is always beside it or in
 * its title.
 */
export type Tone = "good" | "bad" | "gone" | "busy" | "wait";
interface Look {
  readonly tone: Tone;
  readonly mark: string;
}
const LOOKS: Readonly<Record<string, Look>> = {
  pending: { tone: "wait", mark: "○" },
  queued: { tone: "wait", mark: "○" },
  deferred: { tone: "wait", mark: "◔" },
  waiting: { tone: "wait", mark: "◑" },
  started: { tone: "busy", mark: "▶" },
  open: { tone: "busy", mark: "▶" },
  retrying: { tone: "busy", mark: "↻" },
  success: { tone: "good", mark: "✓" },
  complete: { tone: "good", mark: "✓" },
  skipped: { tone: "good", mark: "–" },
  error: { tone: "bad", mark: "✕" },
  broken: { tone: "bad", mark: "‼" },
  failed: { tone: "bad", mark: "✕" },
  failure: { tone: "bad", mark: "✕" },
  timeout: { tone: "bad", mark: "◷" },
  "timed-out": { tone: "bad", mark: "◷" },
  cancelled: { tone: "gone", mark: "⊘" },
  cancelling: { tone: "gone", mark: "⊘" },
  dropped: { tone: "gone", mark: "⊘" },
  pausing: { tone: "wait", mark: "‖" },
  paused: { tone: "wait", mark: "‖" },
  resuming: { tone: "busy", mark: "↻" },
  active: { tone: "good", mark: "▶" },
  ended: { tone: "gone", mark: "–" },
};
export function lookOf(state: string): Look {
  return LOOKS[state] ?? { tone: "wait", mark: "?" };
}

/** Run states that this release gives. */
export const RUN_STATES = [
  "queued",
  "deferred",
  "started",
  "retrying",
  "waiting",
  "success",
  "skipped",
  "error",
  "broken",
  "cancelled",
] as const;
const ENDS = ["success", "skipped", "error", "broken", "cancelled"] as const;
const FAILURES: ReadonlySet<string> = new Set(["error", "broken", "failed", "failure", "timeout", "timed-out"]);
export function isPaused(state: string): boolean {
  return state === "pausing" || state === "paused";
}
export function isFailure(state: string): boolean {
  return FAILURES.has(state);
}
export function isEnd(state: string): boolean {
  return (ENDS as readonly string[]).includes(state);
}

interface Counted {
  readonly counts: Readonly<Record<string, number>>;
}
/** Runs that have ended. */
export function endedOf({ counts }: Counted): number {
  return ENDS.reduce((sum, end) => sum + (counts[end] ?? 0), 0);
}
/** Runs that have failed. */
export function failedOf({ counts }: Counted): number {
  return (counts["error"] ?? 0) + (counts["broken"] ?? 0);
}
