import { setTimeout as pause } from "node:timers/promises";

/** Polls until the condition holds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 20_000,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`did not happen within ${milliseconds} ms: ${what}`);
    await pause(15);
  }
}
