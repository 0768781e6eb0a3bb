const DELAY_MILLISECONDS = 75;

/** Brings the last of some commits to the disk soon: each flushes its pages, but the page that names the present state only goes with the next commit. */
export class DiskFlush {
  readonly #sync: (done: (error?: Error) => void) => void;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(sync: (done: (error?: Error) => void) => void) {
    this.#sync = sync;
  }

  /** A commit was made: it is on the disk within 75 ms and the time of one flush. */
  soon(): void {
    // A failing disk shows in the next commit; nobody waits for this one.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush().catch(() => undefined);
    }, DELAY_MILLISECONDS).unref();
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flush();
  }

  /** One at a time. */
  #flush(): Promise<void> {
    const flush = (): Promise<void> => new Promise((resolve, reject) => this.#sync((error) => (error === undefined ? resolve() : reject(error))));
    this.#running = this.#running.then(flush, flush);
    return this.#running;
  }
}
