import { constants } from "node:os";

/** Signals that ask a command to end: Ctrl-C, a service manager, a terminal that closes. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** One Ctrl-C arrives more than once: from the terminal, and passed on by npm and tsx. */
const SAME_SIGNAL_MILLISECONDS = 500;

/** The reason of an interrupted command, with the exit code that shells expect after the signal. */
class Interrupted extends Error {
  readonly exitCode: number;
  constructor(signal: (typeof ENDING)[number]) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Returns a signal that aborts when the process is asked to end. A second request ends the process at once. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = (signal: (typeof ENDING)[number]): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      controller.abort(new Interrupted(signal));
    } else if (now - first > SAME_SIGNAL_MILLISECONDS) process.exit(interruptedCode(controller.signal));
  };
  for (const signal of ENDING) process.on(signal, interrupt);
  return controller.signal;
}
/** Returns the exit code of an interrupted command: 130 after Ctrl-C, 143 after SIGTERM. */
export function interruptedCode({ reason }: AbortSignal): number {
  return (reason as Interrupted).exitCode;
}
/** Lets the process end at a signal as a program without handlers does, but with its `exit` handlers. */
export function exitWhenInterrupted(): void {
  for (const signal of ENDING) process.on(signal, () => process.exit(new Interrupted(signal).exitCode));
}
