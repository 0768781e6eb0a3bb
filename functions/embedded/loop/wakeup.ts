/** A signal that one loop waits for. A signal without a waiter is remembered, so the next wait returns at once. */
export class Wakeup {
  #signalled = false;
  #wake: (() => void) | undefined;

  signal(): void {
    this.#signalled = true;
    this.#wake?.();
  }
  /** Resolves at the next signal, or after `milliseconds`. */
  async wait(milliseconds?: number): Promise<void> {
    if (!this.#signalled) {
      await new Promise<void>((resolve) => {
        const timer = milliseconds === undefined ? undefined : setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#signalled = false;
  }
}
