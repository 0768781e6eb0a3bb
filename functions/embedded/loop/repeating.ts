import { type Log, messageOf } from "../../host/log.ts";

export interface RepeatingOptions {
  readonly name: string;
  readonly firstMs: number;
  readonly everyMs: number;
  readonly log: Log;
  readonly work: () => Promise<unknown>;
}

/** Work that is done again and again with a rest in between, never twice at once; a failure is logged, and the next time is as usual. */
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
      if (!this.#stopped) this.#options.log("error", `${this.#options.name} failed; it is tried again`, { cause: messageOf(error) });
    }
    if (!this.#stopped) this.#schedule(this.#options.everyMs);
  }
}
