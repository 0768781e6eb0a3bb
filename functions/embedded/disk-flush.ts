const DELAY_MILLISECONDS = 75;

/**
 * Brings commits to the disk. A commit is safe against the death of the process as soon as it is made, since the kernel has its pages; against a power
 * cut once it is flushed. Flushing each commit would cost milliseconds, so one timer covers all commits of 75 ms.
 */
export class DiskFlush {
  readonly #sync: (done: (error?: Error) => void) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(sync: (done: (error?: Error) => void) => void) {
    this.#sync = sync;
  }

  /** A commit was made: it is on the disk within 75 ms and the time of one flush. */
  soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // A failing disk shows in the next commit; nobody waits for this one.
      this.now().catch(() => undefined);
    }, DELAY_MILLISECONDS).unref();
  }

  /** Resolves when all commits made before the call are on the disk. A flush that already runs may have missed them, so callers share the one after it. */
  now(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    return this.#next;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.now();
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    return this.#start();
  }
  #start(): Promise<void> {
    const running = new Promise<void>((resolve, reject) => this.#sync((error) => (error === undefined ? resolve() : reject(error)))).finally(() => {
      this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
