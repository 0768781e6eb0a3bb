/** Prints progress for the caller, and the failures that the caller can act on. */
export function say(text: string): void {
  const seconds = String(Math.round(performance.now() / 1_000)).padStart(4);
  process.stdout.write(`[e2e ${seconds} s] ${text}\n`);
}

/** Ends the run with a message and no stack. The message says what failed and what to do next. */
export class Stop extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "Stop";
  }
}
