import type { StopSignal } from "../core/task/stop-signal.ts";

/**
 * Returns the result of `work`, or throws the reason of the signal as soon as it aborts. Work that ignores the signal
 * is left behind, and its late result or error is dropped.
 */
export async function raceAbort<T>(signal: StopSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // The reason may be any value. The catching code turns it into data.
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    // A signal that outlives many calls, as that of a streaming task does, would otherwise collect one listener for
    // each call.
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}
