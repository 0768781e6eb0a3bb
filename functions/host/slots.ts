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
 * Limits how many runs execute user code in one process at once. Slots are granted in the order of the requests. A run
 * that must be alone waits until every slot is free, then excludes all others. Later requests wait behind it, since a
 * steady stream of other runs would starve it.
 *
 * States: shared -> reserved (a run waits to be alone, or is) -> shared. Closed from any, and then for good.
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
  /** Whether a run is alone or waits to be. Then this process should receive no more messages. */
  get reserved(): boolean {
    return this.#aloneRuns || this.#waiting.some((waiter) => waiter.alone);
  }
  take(alone: boolean): Promise<Slot> {
    return new Promise((grant, refuse) => {
      this.#waiting.push({ alone, grant, refuse });
      this.#serve();
    });
  }
  /** Returns a slot when one is free and no request waits. */
  tryTake(): Slot | undefined {
    return this.#closed || this.#aloneRuns || this.#waiting.length > 0 || this.#busy >= this.size
      ? undefined
      : this.#occupy(false);
  }
  /** Refuses the waiting requests that may run elsewhere, because the runs that must be alone come first here. */
  refuseShared(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) {
      if (waiter.alone) this.#waiting.push(waiter);
      else waiter.refuse(error);
    }
  }
  /** Refuses all waiting and later requests. The process is about to end, so it begins no more runs. */
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
