import { setTimeout as pause } from "node:timers/promises";
import { hasEnded, type Client, type Job } from "../functions/client/index.ts";
import type { Context } from "./command.ts";
import { advance, NO_PROGRESS, progressLine } from "./progress.ts";
import { plain, type Terminal } from "./terminal.ts";

const POLL_MILLISECONDS = 200;
/**
 * Seconds between lines where no terminal can redraw them. A line that has not changed is repeated rarely, to show that
 * the command is alive.
 */
const LINE_SECONDS = 3;
const QUIET_LINE_SECONDS = 30;

/** Shows a job's progress on stderr until the job has ended. Throws when `signal` aborts. */
function untilEnded(client: Client, jobId: string, terminal: Terminal, signal: AbortSignal): Promise<Job> {
  let progress = NO_PROGRESS;
  const lineOf = (job: Job, now: number): string => {
    progress = advance(progress, job, now);
    return progressLine(progress, job, {
      width: terminal.columns(),
      paint: terminal.live ? terminal.paintStatus : plain,
    });
  };
  return showUntil(terminal, signal, () => client.job(jobId, { signal }), lineOf, hasEnded);
}
/**
 * Reads something again and again, and shows a line about it on stderr, until it is over. Leaves the last line standing.
 * Throws when `signal` aborts.
 */
export async function showUntil<Thing>(
  terminal: Terminal,
  signal: AbortSignal,
  read: (signal: AbortSignal) => Promise<Thing>,
  lineOf: (thing: Thing, atSeconds: number) => string,
  isOver: (thing: Thing) => boolean,
): Promise<Thing> {
  const view = terminal.live ? liveLine(terminal) : plainLines(terminal);
  try {
    for (;;) {
      const thing = await read(signal);
      const now = performance.now() / 1_000;
      view.show(lineOf(thing, now), isOver(thing), now);
      if (isOver(thing)) return thing;
      await pause(POLL_MILLISECONDS, undefined, { signal });
    }
  } finally {
    view.end();
  }
}

interface View {
  show(line: string, last: boolean, atSeconds: number): void;
  /** Leaves the cursor at the start of a line. */
  end(): void;
}

const CLEAR_LINE = "\r\u001b[2K";
function liveLine(terminal: Terminal): View {
  let open = false;
  return {
    show(line, last) {
      terminal.draw(`${CLEAR_LINE}${line}${last ? "\n" : ""}`);
      open = !last;
    },
    end() {
      if (open) terminal.draw("\n");
    },
  };
}

function plainLines(terminal: Terminal): View {
  let before = "";
  let saidAt = performance.now() / 1_000;
  return {
    show(line, last, atSeconds) {
      const wait = line === before ? QUIET_LINE_SECONDS : LINE_SECONDS;
      if (!last && atSeconds - saidAt < wait) return;
      terminal.say(line);
      [before, saidAt] = [line, atSeconds];
    },
    end() {},
  };
}

/**
 * Watches a job and returns it at its end. When the user interrupts, returns undefined, and prints that the job is kept
 * and what to do `next`, a line each.
 */
export async function watchJob(
  client: Client,
  jobId: string,
  { terminal, interrupted }: Context,
  next: readonly string[],
): Promise<Job | undefined> {
  try {
    return await untilEnded(client, jobId, terminal, interrupted);
  } catch (error) {
    if (!interrupted.aborted) throw error;
    terminal.say(["interrupted; the job is kept", ...next].join("\n  "));
    return undefined;
  }
}
