import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const MEGABYTE = 1_024 * 1_024;
/** A smaller heap needs no collection. */
const LEAST_BYTES = 128 * MEGABYTE;
/** A larger heap takes long to collect, so V8 decides when. */
const MOST_BYTES = 1_024 * MEGABYTE;
/** Largest share of the heap that is left when a collection was useful. */
const USEFUL_SHARE = 0.7;
const PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * Collects the garbage that a large submission leaves. V8 adapts to the largest size that the heap ever had. So after a
 * canvas of a million members it keeps hundreds of megabytes of garbage for as long as the job runs. Their collection
 * takes some 40 ms. Each time that most objects are live, the pause before the next collection doubles.
 */
export class HeapTrimmer {
  #pauseMs = PAUSE_MS;
  #nextAt = 0;
  #collect: (() => void) | undefined;

  /**
   * Collects when it is time, and returns whether that was useful. `now` is in milliseconds of a clock that never goes
   * back.
   */
  trim(now: number): boolean {
    const before = getHeapStatistics().used_heap_size;
    if (now < this.#nextAt || before < LEAST_BYTES || before > MOST_BYTES) return false;
    (this.#collect ??= collector())();
    const useful = getHeapStatistics().used_heap_size < before * USEFUL_SHARE;
    this.#pauseMs = useful ? PAUSE_MS : Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    this.#nextAt = now + this.#pauseMs;
    return useful;
  }
}
/** Returns V8's collection. Node's own flag for it would have to be set on the command line. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  return collect;
}
