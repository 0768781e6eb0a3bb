import type { TaskLoad } from "../../core/task/invocation.ts";
import { LIMITS } from "../../core/limits.ts";

/** Seconds that a chunk is meant to take: while its queue is short, and while so many messages wait that size is all. */
const SHORT_SECONDS = 10;
const LONG_SECONDS = 60;
const LONG_QUEUE = 1_000;
/** By so much the automatic size may differ from the given one. */
const RANGE = 25;
/** Milliseconds between two looks at the load. */
const LOOK_MS = 5_000;

/**
 * Returns the size at which a chunk is expected to take its time. It at most doubles or halves, because the durations are
 * those of chunks of the present size.
 */
export function sizeFor(
  { secondsPerRun, waiting = 0 }: TaskLoad,
  given: number,
  present: number,
  mean: number,
): number {
  if (secondsPerRun === undefined || secondsPerRun <= 0) return present;
  const seconds = waiting > LONG_QUEUE ? LONG_SECONDS : SHORT_SECONDS;
  const wanted = Math.round((seconds * mean) / secondsPerRun);
  const near = Math.min(2 * present, Math.max(Math.ceil(present / 2), wanted));
  return Math.min(LIMITS.listedPaths, given * RANGE, Math.max(1, Math.ceil(given / RANGE), near));
}

/** The size of the chunks of one key. */
export class ChunkSize {
  readonly #given: number;
  readonly #load: (() => Promise<TaskLoad>) | undefined;
  #present: number;
  #chunks = 0;
  #items = 0;
  #lookedAt = 0;

  /** Without `load` the size stays as it was given. */
  constructor(given: number, load: (() => Promise<TaskLoad>) | undefined) {
    this.#given = given;
    this.#present = given;
    this.#load = load;
  }
  get items(): number {
    return this.#present;
  }
  /** Says that a chunk was cut. Looks at the load in the background from time to time. */
  noteCut(items: number): void {
    this.#chunks++;
    this.#items += items;
    const now = Date.now();
    if (!this.#load || now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    this.#load().then(
      (load) => {
        this.#present = sizeFor(load, this.#given, this.#present, this.#items / this.#chunks);
      },
      // It is only about speed: the size stays, and the next look may succeed.
      () => undefined,
    );
  }
}
