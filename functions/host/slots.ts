import { PortError } from "../engine/ports.ts";
import { Turns } from "./turns.ts";

export interface Slot {
  release(): void;
}
export interface SlotRequest {
  readonly queue: string;
  readonly jobId: string;
  /** Whether the run excludes all others. */
  readonly alone?: boolean;
  /** Whether it is served before all that wait, except one that must be alone. */
  readonly first?: boolean;
}
/** What a process gives to each of its queues. */
export interface QueueShares {
  /** Most slots of one queue. */
  threadsOf(queue: string): number;
  weightOf(queue: string): number;
}
/** Every queue may take every slot, and all have the same weight. */
export const UNLIMITED: QueueShares = { threadsOf: () => Number.POSITIVE_INFINITY, weightOf: () => 1 };

interface Waiter extends SlotRequest {
  /** Its place among all requests and grants. */
  readonly place: number;
  grant(slot: Slot): void;
  refuse(error: Error): void;
}

/**
 * Limits how many runs execute user code in one process at once, and how many of them are of one queue. Queues take
 * turns by weight, and the jobs of a queue in rotation. A run that must be alone waits until every slot is free, then
 * excludes all others. Later requests wait behind it, since a steady stream of other runs would starve it.
 *
 * States: shared -> reserved (a run waits to be alone, or is) -> shared. While paused it grants no slot. Closed from any,
 * and then for good.
 */
export class Slots {
  readonly size: number;
  readonly #shares: QueueShares;
  readonly #queueTurns: Turns;
  /** The place of the last grant to each job that still waits. It is the job's place in the rotation. */
  readonly #granted = new Map<string, number>();
  #places = 0;
  /** In the order of the requests. */
  readonly #waiting: Waiter[] = [];
  readonly #busyByQueue = new Map<string, number>();
  #busy = 0;
  #aloneRuns = false;
  #paused = false;
  #closed = false;

  constructor(size: number, shares = UNLIMITED) {
    this.size = size;
    this.#shares = shares;
    this.#queueTurns = new Turns((queue) => shares.weightOf(queue));
  }
  get busy(): number {
    return this.#busy;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
  busyOf(queue: string): number {
    return this.#busyByQueue.get(queue) ?? 0;
  }
  waitingOf(queue: string): number {
    return this.#waiting.reduce((sum, waiter) => sum + (waiter.queue === queue ? 1 : 0), 0);
  }
  /** Whether a run is alone or waits to be. Then this process should receive no more messages. */
  get reserved(): boolean {
    return this.#aloneRuns || this.#waiting.some((waiter) => waiter.alone);
  }
  take(request: SlotRequest): Promise<Slot> {
    return new Promise((grant, refuse) => {
      this.#waiting.push({ ...request, place: ++this.#places, grant, refuse });
      this.#serve();
    });
  }
  /** Returns a slot when one is free for the queue, and none of its requests waits. */
  tryTake(request: SlotRequest): Slot | undefined {
    const waits = this.reserved || this.waitingOf(request.queue) > 0;
    return this.#closed || this.#paused || waits || !this.#fits(request) ? undefined : this.#occupy(request);
  }
  /** Grants no slot, or grants slots again. Slots that were granted before stay. */
  pause(paused: boolean): void {
    this.#paused = paused;
    this.#serve();
  }
  /** Refuses the waiting requests that may run elsewhere, because the runs that must be alone come first here. */
  refuseShared(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) {
      if (waiter.alone) this.#waiting.push(waiter);
      else {
        this.#granted.delete(waiter.jobId);
        waiter.refuse(error);
      }
    }
  }
  /** Refuses all waiting and later requests. The process is about to end, so it begins no more runs. */
  close(): void {
    this.#closed = true;
    this.#serve();
  }

  #serve(): void {
    if (this.#closed)
      for (const waiter of this.#waiting.splice(0)) waiter.refuse(new PortError("outage", "this process is stopping"));
    for (let next = this.#next(); next; next = this.#next()) {
      const { jobId } = next;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      if (this.#waiting.some((waiter) => waiter.jobId === jobId)) this.#granted.set(jobId, ++this.#places);
      else this.#granted.delete(jobId);
      next.grant(this.#occupy(next));
    }
  }
  /** Returns the request to grant now: of the queue whose turn it is, and of the job whose turn it is there. */
  #next(): Waiter | undefined {
    if (this.#paused || this.#aloneRuns || this.#busy >= this.size) return undefined;
    const alone = this.#waiting.findIndex((waiter) => waiter.alone);
    if (alone === 0) return this.#busy === 0 ? this.#waiting[0] : undefined;
    const fitting = this.#waiting.slice(0, alone < 0 ? undefined : alone).filter((waiter) => this.#fits(waiter));
    const [queue] = this.#queueTurns.order(fitting.map((waiter) => waiter.queue));
    let next = fitting.find((waiter) => waiter.first);
    if (next) return next;
    for (const waiter of fitting)
      if (waiter.queue === queue && (!next || this.#placeOf(waiter) < this.#placeOf(next))) next = waiter;
    return next;
  }
  #placeOf({ jobId, place }: Waiter): number {
    return Math.max(place, this.#granted.get(jobId) ?? 0);
  }
  #fits({ queue, alone }: SlotRequest): boolean {
    if (this.#aloneRuns || this.#busy >= this.size) return false;
    return alone ? this.#busy === 0 : this.busyOf(queue) < this.#shares.threadsOf(queue);
  }
  #occupy({ queue, alone = false }: Pick<SlotRequest, "queue" | "alone">): Slot {
    this.#count(queue, 1);
    this.#queueTurns.took(queue);
    if (alone) this.#aloneRuns = true;
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        this.#count(queue, -1);
        if (alone) this.#aloneRuns = false;
        this.#serve();
      },
    };
  }
  #count(queue: string, by: number): void {
    this.#busy += by;
    const busy = this.busyOf(queue) + by;
    if (busy > 0) this.#busyByQueue.set(queue, busy);
    else this.#busyByQueue.delete(queue);
  }
}
