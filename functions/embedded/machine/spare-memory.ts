import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const MEGABYTE = 1_024 * 1_024;
/** Below this nobody minds. */
const WORTH_BYTES = 128 * MEGABYTE;
/** A heap that is really full takes long to look through: that is left to V8. */
const MOST_BYTES = 1_024 * MEGABYTE;
/** What is left of the heap when a collection was worth it. */
const WORTH_SHARE = 0.7;
const REST_MS = 10_000;
const LONGEST_REST_MS = 600_000;

/**
 * Gives memory back that a big submission has left behind. V8 goes by how large the heap once was: after a canvas of a million members it lets hundreds of
 * megabytes of garbage lie, for as long as the job runs. Collecting them takes some 40 ms. Where the heap is full of what lives, looks come ever further apart.
 */
export class SpareMemory {
  #restMs = REST_MS;
  #lookAt = 0;
  #collect: (() => void) | undefined;

  /** `now`: milliseconds of any clock that never goes back. Gives whether there was something to collect. */
  look(now: number): boolean {
    const before = getHeapStatistics().used_heap_size;
    if (now < this.#lookAt || before < WORTH_BYTES || before > MOST_BYTES) return false;
    (this.#collect ??= collector())();
    const wasWorthIt = getHeapStatistics().used_heap_size < before * WORTH_SHARE;
    this.#restMs = wasWorthIt ? REST_MS : Math.min(2 * this.#restMs, LONGEST_REST_MS);
    this.#lookAt = now + this.#restMs;
    return wasWorthIt;
  }
}
/** Node's own flag would have to be given on the command line. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  return collect;
}
