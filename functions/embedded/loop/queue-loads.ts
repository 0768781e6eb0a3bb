import type { QueueShares, Slots } from "../../host/slots.ts";

/** Least weight of the newest message in the running mean of slots per message. */
const SMOOTHING = 0.1;
/** Messages that a slot is expected to serve at most: small jobs of a quick task share one. */
const MESSAGES_OF_A_SLOT = 64;

/** What the messages of one queue that a process handles ask of its slots. */
interface Load {
  /** Number of messages that have not asked for a slot yet. */
  unplaced: number;
  /** Running mean of the slots that a message asks for. */
  slotsPerMessage: number;
  messages: number;
}

/**
 * Keeps how many slots of each queue are taken, waited for, or expected to be asked for. A message names one run or
 * many. So the slots that a message needs are estimated from the messages of its queue before it.
 */
export class QueueLoads {
  readonly #slots: Slots;
  readonly #shares: QueueShares;
  readonly #loads = new Map<string, Load>();

  constructor(slots: Slots, shares: QueueShares) {
    this.#slots = slots;
    this.#shares = shares;
  }
  /** Slots that no queue has asked for. A queue asks for no more than its threads. */
  get free(): number {
    let free = this.#slots.size;
    for (const queue of this.#loads.keys()) free -= Math.min(this.threadsOf(queue), this.#demandOf(queue));
    return free;
  }
  threadsOf(queue: string): number {
    return Math.min(this.#slots.size, this.#shares.threadsOf(queue));
  }
  /** Returns how many messages of the queue keep its free slots busy; 0 when it has none. */
  messagesFor(queue: string, free: number): number {
    const room = Math.min(free, this.threadsOf(queue) - this.#demandOf(queue));
    return Math.max(0, Math.ceil(room / this.#expectedOf(queue)));
  }
  received(queue: string): void {
    this.#loadOf(queue).unplaced++;
  }
  /** Notes that a message has asked for its first slot. */
  placed(queue: string): void {
    this.#loadOf(queue).unplaced--;
  }
  /** Notes a message that was handled, and that has asked for this many slots. */
  handled(queue: string, slots: number): void {
    const load = this.#loadOf(queue);
    if (slots === 0) load.unplaced--;
    load.slotsPerMessage += (slots - load.slotsPerMessage) * Math.max(SMOOTHING, 1 / ++load.messages);
  }

  #expectedOf(queue: string): number {
    return Math.max(1 / MESSAGES_OF_A_SLOT, this.#loadOf(queue).slotsPerMessage);
  }
  #demandOf(queue: string): number {
    const { unplaced } = this.#loadOf(queue);
    return this.#slots.busyOf(queue) + this.#slots.waitingOf(queue) + unplaced * this.#expectedOf(queue);
  }
  #loadOf(queue: string): Load {
    let load = this.#loads.get(queue);
    // The first message is received alone, since it may fill every slot.
    if (!load) this.#loads.set(queue, (load = { unplaced: 0, slotsPerMessage: this.threadsOf(queue), messages: 0 }));
    return load;
  }
}
