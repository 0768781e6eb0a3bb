import type { Clock } from "../../engine/ports.ts";
import { SystemClock } from "../../host/system-clock.ts";

/** Returns the milliseconds of a clock that nobody sets. All processes of a machine read the same one. */
const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

/**
 * Reads the clock of this machine, but never goes back. A wait that has begun ends in time, although somebody sets the
 * clock back. It follows a clock that is set forward, as after a suspension of the machine.
 *
 * `aheadMs` is how far the clock of the process that starts this one is ahead of the monotonic clock, so that both
 * agree.
 */
export class SteadyClock extends SystemClock implements Clock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #aheadMs: number;

  constructor(aheadMs = Number.NEGATIVE_INFINITY, wall: () => number = Date.now, monotonic = monotonicMs) {
    super();
    this.#aheadMs = aheadMs;
    this.#wall = wall;
    this.#monotonic = monotonic;
  }
  override now(): number {
    const monotonic = this.#monotonic();
    this.#aheadMs = Math.max(this.#aheadMs, this.#wall() - monotonic);
    return Math.floor(monotonic + this.#aheadMs);
  }
  get aheadMs(): number {
    this.now();
    return this.#aheadMs;
  }
}
