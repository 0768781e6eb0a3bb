/** A bell that one sleeper waits for. Ringing while nobody waits is remembered, so nothing that happened before the sleep is slept through. */
export class Wakeup {
  #signalled = false;
  #wake: (() => void) | undefined;

  signal(): void {
    this.#signalled = true;
    this.#wake?.();
  }
  /** Until the bell rings, or so many milliseconds at most. */
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
