import { errorData, isInstance, OutcomeError } from "../core/task/error-data.ts";
import type { TaskOutcome } from "../core/task/invocation.ts";
import type { StopSignal } from "../core/task/stop-signal.ts";
import { isTaskBroken } from "./errors.ts";

/** Returns the outcome of an attempt that threw this value. */
export function outcomeOf(thrown: unknown, signal: StopSignal): TaskOutcome {
  // After an abort, any error of user code only repeats the reason of the signal.
  if (signal.aborted) return { kind: "failed", error: errorData(signal.reason) };
  if (isInstance(thrown, OutcomeError)) return thrown.outcome;
  return { kind: isTaskBroken(thrown) ? "broken" : "failed", error: errorData(thrown) };
}
