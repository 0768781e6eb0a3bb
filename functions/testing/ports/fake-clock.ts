import type { Clock } from "../../engine/ports.ts";

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** A clock that stands still until it is told to move. */
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

  /** Pauses that end by then are resolved in the order of their ends. Going back is allowed: clocks are corrected. */
  set(now: number): void {
    this.#now = now;
    const due = this.#sleepers.filter((sleeper) => sleeper.until <= now).sort((a, b) => a.until - b.until);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.until > now);
    for (const sleeper of due) sleeper.wake();
  }

  /** When the next pause ends; undefined: nobody waits. */
  nextWake(): number | undefined {
    return this.#sleepers.length === 0 ? undefined : Math.min(...this.#sleepers.map((sleeper) => sleeper.until));
  }
}
