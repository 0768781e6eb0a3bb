import type { Clock } from "../engine/ports.ts";

/**
 * The clock of a function. A pause that is still open when the function answers would end after the thaw, in another
 * invocation. `endPauses` therefore ends all pauses before the answer.
 */
export class InvocationClock implements Clock {
  readonly #pauses = new Map<NodeJS.Timeout, () => void>();
  readonly now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#pauses.delete(timer);
        resolve();
      }, milliseconds);
      this.#pauses.set(timer, resolve);
    });
  }
  endPauses(): void {
    for (const [timer, resolve] of this.#pauses) {
      clearTimeout(timer);
      resolve();
    }
    this.#pauses.clear();
  }
}
