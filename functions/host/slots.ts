import { PortError } from "../engine/ports.ts";

export interface Slot {
  release(): void;
}
interface Waiter {
  readonly alone: boolean;
  grant(slot: Slot): void;
  refuse(error: Error): void;
}

/**
 * The places in which one process runs user code. First come, first served. A run that must be alone waits until every slot is free and holds them
 * all, and what comes after it waits behind it: else a steady stream of others would keep it out for ever.
 */
export class Slots {
  readonly size: number;
  readonly #waiting: Waiter[] = [];
  #busy = 0;
  #aloneRuns = false;
  #closed = false;

  constructor(size: number) {
    this.size = size;
  }
  get busy(): number {
    return this.#busy;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
  /** Somebody is alone, or waits to be: nothing more should be fetched into this process. */
  get reserved(): boolean {
    return this.#aloneRuns || this.#waiting.some((waiter) => waiter.alone);
  }
  take(alone: boolean): Promise<Slot> {
    return new Promise((grant, refuse) => {
      this.#waiting.push({ alone, grant, refuse });
      this.#serve();
    });
  }
  /** Never in front of somebody who waits. */
  tryTake(): Slot | undefined {
    return this.#closed || this.#aloneRuns || this.#waiting.length > 0 || this.#busy >= this.size ? undefined : this.#occupy(false);
  }
  /** Whoever waits, or asks later, is refused: the process is about to end, and what was not begun is not begun any more. */
  close(): void {
    this.#closed = true;
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#closed) next.refuse(new PortError("outage", "this process is stopping"));
      else if (this.#fits(next)) next.grant(this.#occupy(next.alone));
      else return;
      this.#waiting.shift();
    }
  }
  #fits(waiter: Waiter): boolean {
    return waiter.alone ? this.#busy === 0 : !this.#aloneRuns && this.#busy < this.size;
  }
  #occupy(alone: boolean): Slot {
    this.#busy++;
    if (alone) this.#aloneRuns = true;
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        this.#busy--;
        if (alone) this.#aloneRuns = false;
        this.#serve();
      },
    };
  }
}
