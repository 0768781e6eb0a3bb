import { EXIT } from "./exit-codes.ts";

/** One Ctrl-C arrives more than once: from the terminal, and passed on by npm and tsx. */
const SAME_SIGNAL_MILLISECONDS = 500;

/** Returns a signal that aborts at the first SIGINT or SIGTERM. A second one ends the process at once. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = (): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      controller.abort();
    } else if (now - first > SAME_SIGNAL_MILLISECONDS) process.exit(EXIT.interrupted);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return controller.signal;
}
