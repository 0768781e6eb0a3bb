import { EXIT } from "./exit-codes.ts";

/** One Ctrl-C reaches us more than once: from the terminal, and handed on by npm and tsx. */
const SAME_SIGNAL_MILLISECONDS = 500;

/** The user wants to stop: aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = (): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      controller.abort(new Interrupted());
    } else if (now - first > SAME_SIGNAL_MILLISECONDS) process.exit(EXIT.interrupted);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return controller.signal;
}

export class Interrupted extends Error {
  constructor() {
    super("interrupted");
    this.name = "Interrupted";
  }
}
/** Whatever came out of an aborted call: code between throws errors of its own. */
export function isInterrupt(error: unknown, signal: AbortSignal): boolean {
  return error instanceof Interrupted || (signal.aborted && error instanceof Error && (error.name === "AbortError" || error === signal.reason));
}
