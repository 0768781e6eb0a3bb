import type { Clock } from "../../engine/ports.ts";

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** Stands still until a test advances it. */
export class FakeClock implements Clock {
  #now: number;
  #sleepers: Sleeper[] = [];

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  pause(milliseconds: number): Promise<void> {
    return new Promise((wake) => {
      if (milliseconds <= 0) wake();
      else this.#sleepers.push({ until: this.#now + milliseconds, wake });
    });
  }

  advance(milliseconds: number): void {
    this.set(this.#now + milliseconds);
  }

  /**
   * Sets the time and resolves the pauses that end by then, in the order of their ends. The time may go back, since
   * real clocks are corrected too.
   */
  set(now: number): void {
    this.#now = now;
    const due = this.#sleepers.filter((sleeper) => sleeper.until <= now).sort((a, b) => a.until - b.until);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.until > now);
    for (const sleeper of due) sleeper.wake();
  }

  /** Returns when the next pause ends. Returns undefined when none is under way. */
  nextWake(): number | undefined {
    return this.#sleepers.length === 0 ? undefined : Math.min(...this.#sleepers.map((sleeper) => sleeper.until));
  }
}
