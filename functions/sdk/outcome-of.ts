import { errorData, isInstance, OutcomeError } from "../core/task/error-data.ts";
import type { TaskOutcome } from "../core/task/invocation.ts";
import type { StopSignal } from "../core/task/stop-signal.ts";
import { TaskBroken } from "./errors.ts";

/** How the attempt ends that threw this. */
export function outcomeOf(thrown: unknown, signal: StopSignal): TaskOutcome {
  // Once the signal has aborted, whatever user code makes of it is only an echo of its reason.
  if (signal.aborted) return { kind: "failed", error: errorData(signal.reason) };
  if (isInstance(thrown, OutcomeError)) return thrown.outcome;
  return { kind: isInstance(thrown, TaskBroken) ? "broken" : "failed", error: errorData(thrown) };
}
