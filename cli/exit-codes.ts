import type { JobState } from "../functions/client/index.ts";

/** Exit codes that a shell sees. That of an interrupted command is in interrupt.ts. */
export const EXIT = { success: 0, failure: 1, usage: 2 } as const;

export function exitCodeOf(state: JobState): number {
  return state === "success" ? EXIT.success : EXIT.failure;
}
