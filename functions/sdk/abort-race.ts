import type { StopSignal } from "../core/task/stop-signal.ts";

/**
 * The result of `work`, or the signal's reason as soon as it aborts. Work that ignores the signal is left behind: its late result or error goes
 * nowhere.
 */
export async function raceAbort<T>(signal: StopSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    // Its reason is whatever the owner of the signal chose; it is turned into data by whoever catches it.
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    // Else a signal that outlives many calls, as that of a streaming task, would collect a listener for each.
    if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  }
}
