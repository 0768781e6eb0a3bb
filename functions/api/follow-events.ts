import type { Engine, JobEvent, JobState } from "../engine/contract.ts";
import { KEEP_ALIVE } from "./ndjson.ts";

const ENDED: ReadonlySet<JobState> = new Set<JobState>(["success", "failure", "cancelled", "timed-out"]);
/** Returns whether a job in this state has ended. */
export function hasEnded(state: JobState): boolean {
  return ENDED.has(state);
}

/** Further reads for the event of the end, which is written after the job itself. Then the stream ends without it. */
const LAST_READS = 5;
/** Silence after which a keep-alive is sent. */
const QUIET_MILLISECONDS = 15_000;

/** Which events to yield, and how often to read. */
export interface FollowOptions {
  readonly follow: boolean;
  readonly pollMilliseconds: number;
  /** Number of events to skip. Default 0. */
  readonly from?: number;
}

/** Yields all events of a job, oldest first. With `follow` it also yields later events until the job has ended. */
export async function* jobEvents(
  engine: Engine,
  jobId: string,
  options: FollowOptions,
): AsyncGenerator<JobEvent | typeof KEEP_ALIVE> {
  const reader: Reader = { cursor: undefined, seen: new Set() };
  let lastReads = 0;
  let quiet = 0;
  let toSkip = options.from ?? 0;
  let finished = false;
  for (;;) {
    // The state is read before the events, so the next read finds an event of the end that is written in between.
    const ended = options.follow && hasEnded((await engine.job(jobId))?.state ?? "cancelled");
    for await (const event of newEvents(engine, jobId, reader)) {
      quiet = 0;
      // A retry goes on behind the end of the round before it.
      if (event.kind === "retried") finished = false;
      else finished ||= event.state !== undefined && hasEnded(event.state);
      if (toSkip > 0) toSkip--;
      else yield event;
    }
    if (!options.follow || (ended && (finished || ++lastReads > LAST_READS))) return;
    await new Promise((resolve) => setTimeout(resolve, options.pollMilliseconds));
    quiet += options.pollMilliseconds;
    if (quiet >= QUIET_MILLISECONDS) {
      quiet = 0;
      yield KEEP_ALIVE;
    }
  }
}

interface Reader {
  /** Cursor of the last page of events. */
  cursor: string | undefined;
  /** Events of that page that were yielded. Clocks differ, so a new event may sort before one that was read already. */
  seen: Set<string>;
}

async function* newEvents(engine: Engine, jobId: string, reader: Reader): AsyncGenerator<JobEvent> {
  for (;;) {
    const page = await engine.events(jobId, { ...(reader.cursor !== undefined && { cursor: reader.cursor }) });
    for (const event of page.items) {
      const text = JSON.stringify(event);
      if (reader.seen.has(text)) continue;
      reader.seen.add(text);
      yield event;
    }
    if (page.cursor === undefined) return;
    reader.cursor = page.cursor;
    reader.seen = new Set();
  }
}
