import { type Log, messageOf } from "../../host/log.ts";

export interface RepeatingOptions {
  readonly name: string;
  readonly firstMs: number;
  readonly everyMs: number;
  readonly log: Log;
  readonly work: () => Promise<unknown>;
}

/**
 * Repeats work with a pause of `everyMs` after each time, so never twice at once. A failure is logged and changes
 * nothing else.
 */
export class Repeating {
  readonly #options: RepeatingOptions;
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RepeatingOptions) {
    this.#options = options;
    this.#schedule(options.firstMs);
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#current;
  }

  #schedule(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#current = this.#once();
    }, milliseconds);
  }
  async #once(): Promise<void> {
    try {
      await this.#options.work();
    } catch (error) {
      if (!this.#stopped)
        this.#options.log("error", `${this.#options.name} failed; it is tried again`, { cause: messageOf(error) });
    }
    if (!this.#stopped) this.#schedule(this.#options.everyMs);
  }
}
