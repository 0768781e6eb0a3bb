import type { Engine, JobEvent, JobState } from "../engine/contract.ts";
import { KEEP_ALIVE } from "./ndjson.ts";

const ENDED: ReadonlySet<JobState> = new Set<JobState>(["success", "failure", "cancelled", "timed-out"]);
export function hasEnded(state: JobState): boolean {
  return ENDED.has(state);
}

/** The event of the end is written after the job itself; so often it is looked for before the stream ends without it. */
const LAST_LOOKS = 5;
const QUIET_MILLISECONDS = 15_000;

export interface FollowOptions {
  readonly follow: boolean;
  readonly pollMilliseconds: number;
  /** So many events are passed over. Default 0. */
  readonly from?: number;
}

/** All events of a job, oldest first; with `follow` also those that come until it has ended. */
export async function* jobEvents(engine: Engine, jobId: string, options: FollowOptions): AsyncGenerator<JobEvent | typeof KEEP_ALIVE> {
  const reader: Reader = { cursor: undefined, seen: new Set() };
  let looks = 0;
  let quiet = 0;
  let toSkip = options.from ?? 0;
  let finished = false;
  for (;;) {
    // Read before the events: an event of the end that is written in between is then found by the next look.
    const ended = options.follow && hasEnded((await engine.job(jobId))?.state ?? "cancelled");
    for await (const event of newEvents(engine, jobId, reader)) {
      quiet = 0;
      finished ||= event.state !== undefined && hasEnded(event.state);
      if (toSkip > 0) toSkip--;
      else yield event;
    }
    if (!options.follow || (ended && (finished || ++looks > LAST_LOOKS))) return;
    await new Promise((resolve) => setTimeout(resolve, options.pollMilliseconds));
    quiet += options.pollMilliseconds;
    if (quiet >= QUIET_MILLISECONDS) {
      quiet = 0;
      yield KEEP_ALIVE;
    }
  }
}

interface Reader {
  /** Where the last page of events began. */
  cursor: string | undefined;
  /** Events of that page that were given out. Clocks differ, so a new event may sort before one that is already there. */
  seen: Set<string>;
}

async function* newEvents(engine: Engine, jobId: string, reader: Reader): AsyncGenerator<JobEvent> {
  for (;;) {
    const page = await engine.events(jobId, reader.cursor === undefined ? {} : { cursor: reader.cursor });
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
