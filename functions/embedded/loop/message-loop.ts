import { setTimeout as pause } from "node:timers/promises";
import { assertNever } from "../../core/errors.ts";
import { MAX_RECEIVES } from "../../core/names/queue-name.ts";
import type { Engine } from "../../engine/contract.ts";
import { type Disposition, PortError } from "../../engine/ports.ts";
import type { WorkerLoop } from "../../engine/worker-loop.ts";
import { type Log, messageOf, rateLimited } from "../../host/log.ts";
import type { Delivery, MessageSource } from "../../host/message-source.ts";
import type { RunHolder } from "../../host/run-holder.ts";
import { type QueueShares, type Slot, Slots } from "../../host/slots.ts";
import { Turns } from "../../host/turns.ts";
import { TIMING } from "../settings.ts";
import { QueueLoads } from "./queue-loads.ts";
import { Wakeup } from "./wakeup.ts";

export interface MessageLoopOptions {
  readonly handle: Engine["handle"];
  /** Is given the messages that were received too often. */
  readonly giveUp: Engine["handleDeadLetter"];
  readonly source: MessageSource;
  /** Called before each receive, since queues appear while the loop runs. */
  readonly queues: () => readonly string[];
  readonly slots: number;
  readonly shares: QueueShares;
  readonly claims: RunHolder;
  readonly log: Log;
  /** Milliseconds since the epoch, by the clock of the queue. */
  readonly now: () => number;
  /** Called when the loop found no message and goes to sleep. From then on it needs a wake. */
  readonly onIdle?: () => void;
  /** Called when a run takes this process for itself, and when no such run is left. */
  readonly onReserved?: (reserved: boolean) => void;
  /** Set where other processes can run what this one must not. */
  readonly shared?: true;
}
/** What a process may run. */
export interface Terms {
  /** Whether it runs what must be alone. */
  readonly alone: boolean;
  /** Tasks that it leaves to others. */
  readonly notOf: readonly string[];
}
const EVERYTHING: Terms = { alone: true, notOf: [] };
/** Refuses a run that another process will run. Its message is given back. */
class RunsElsewhere extends Error {}
/** Seconds after which a message that was refused comes back. */
const ELSEWHERE_SECONDS = 0.5;
/** What becomes of a message. `untried`: it is given back, and the delivery does not count. */
type Fate = Disposition | { readonly kind: "untried"; readonly delaySeconds: number };
/** A message that the engine handles. */
interface Handling {
  readonly queue: string;
  readonly jobId: string;
  readonly delivery: string;
  /** Number of slots that its runs have asked for. */
  slots: number;
  /** A slot that is kept for its first run. */
  kept: Slot | undefined;
}
const MESSAGES_PER_SLOT = 2;
/** Milliseconds for aborted attempts to end. */
const ABORT_MS = 1_000;
/**
 * Milliseconds for aborted user code to clean up. An attempt ends when its signal aborts, so nobody knows when the code
 * itself ends.
 */
const CLEAN_UP_MS = 200;

/**
 * Receives messages and passes them to the engine, as many as keep the slots busy. It takes no more, because other
 * processes share the queues and could handle a message that waits here. Queues take turns by weight. A queue whose
 * threads are all busy is left out until one is free.
 *
 *     receiving <-> full (until a slot is free or a message is handled)
 *     receiving <-> asleep (until it is woken, a delayed message is due, or the next poll)
 *     any state -> stopping
 *
 * A full loop may still have free slots, because the runs of its messages wait to be admitted. It fills them with
 * messages of other jobs. When runs wait for a slot, every second slot that becomes free is offered to a job that is not
 * handled here. So a job of one task waits for one slot, not for all runs of a job before it.
 */
export class MessageLoop {
  readonly #options: MessageLoopOptions;
  readonly #report: ReturnType<typeof rateLimited>;
  readonly #slots: Slots;
  readonly #handling = new Set<Handling>();
  readonly #capacity = new Wakeup();
  readonly #arrivals = new Wakeup();
  readonly #loads: QueueLoads;
  readonly #turns: Turns;
  #queues: readonly string[] = [];
  /** Whether queues without room were left out of the last receive. */
  #leavesOut = false;
  /** Whether the next free slot goes to a run that waits, because a message of another job had the last one. */
  #owesSlot = false;
  #terms = EVERYTHING;
  #resting = false;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: MessageLoopOptions) {
    this.#options = options;
    this.#report = rateLimited(options.log, 5_000);
    this.#slots = new Slots(options.slots, options.shares);
    this.#loads = new QueueLoads(this.#slots, options.shares);
    this.#turns = new Turns((queue) => options.shares.weightOf(queue));
  }
  /** Receives messages from now on. Without terms it runs whatever they name. */
  start(terms: Terms = EVERYTHING): void {
    this.#terms = terms;
    this.#resting = false;
    this.wake();
    this.#running ??= this.#receiveUntilStopped();
  }
  /** Receives no more messages until it is started again. What it has received is handled, on the terms so far. */
  rest(): void {
    this.#resting = true;
  }
  /** Makes the loop receive again, since there may be new messages. */
  wake(): void {
    this.#arrivals.signal();
    // A loop that is full because of one queue has slots for another.
    if (this.#slots.busy < this.#slots.size) this.#capacity.signal();
  }
  /** Lets no run start, or lets them start again. Those that run go on. */
  pause(paused: boolean): void {
    this.#slots.pause(paused);
    this.#capacity.signal();
  }
  get busy(): number {
    return this.#handling.size;
  }
  /**
   * Receives no more messages, starts no more runs, and waits for those that run. Runs that are left after the grace
   * are aborted as lost, so nothing is committed for them. The next start, or the supervisor, gives their messages
   * back.
   */
  async stop(graceSeconds: number): Promise<void> {
    this.#stopping = true;
    this.#slots.close();
    this.#arrivals.signal();
    this.#capacity.signal();
    await this.#running;
    if (await this.#drained(graceSeconds * 1_000)) return;
    this.#options.claims.abortAll();
    await this.#drained(ABORT_MS);
    await pause(CLEAN_UP_MS);
  }

  async #receiveUntilStopped(): Promise<void> {
    while (!this.#stopping) {
      if (this.#resting) {
        await this.#arrivals.wait();
        continue;
      }
      const queues = this.#readQueues();
      const free = this.#slots.reserved ? 0 : this.#loads.free;
      // Messages whose runs have ended are still being followed up. They hold no slot, but their number must stay
      // bounded.
      const spare = MESSAGES_PER_SLOT * this.#slots.size - this.#handling.size;
      const open = free > 0 && spare > 0 ? queues.filter((queue) => this.#loads.messagesFor(queue, free) > 0) : [];
      this.#leavesOut = open.length < queues.length;
      if (open.length > 0) {
        const mostOf = (queue: string): number => Math.min(spare, this.#loads.messagesFor(queue, free));
        if ((await this.#receive(open, Math.max(...open.map(mostOf)), { mostOf })) === 0) await this.#sleep(open);
      } else await this.#fill(queues, spare);
    }
  }
  #readQueues(): readonly string[] {
    try {
      this.#queues = this.#options.queues();
    } catch (error) {
      this.#report("queues", "error", "the queues could not be listed", { cause: messageOf(error) });
    }
    return this.#queues;
  }
  /** Fills a slot that is free although all are asked for, with another job. Waits when no queue has one. */
  async #fill(queues: readonly string[], spare: number): Promise<void> {
    const { busy, size, reserved } = this.#slots;
    if (reserved || spare <= 0 || busy >= size) return this.#capacity.wait();
    const idle = queues.filter((queue) => this.#slots.waitingOf(queue) === 0 && this.#hasThread(queue));
    if (idle.length > 0) {
      if ((await this.#receive(idle, 1, { notOf: this.#jobsHandled() })) === 0)
        await this.#capacity.wait(TIMING.freeSlotMs);
      return;
    }
    // The free slots are for queues that have no message yet.
    this.#options.onIdle?.();
    await this.#capacity.wait();
  }
  #hasThread(queue: string): boolean {
    return this.#slots.busyOf(queue) < this.#loads.threadsOf(queue);
  }
  #jobsHandled(): ReadonlySet<string> {
    return new Set([...this.#handling].map(({ jobId }) => jobId));
  }
  /** Receives up to `max` messages. Queues that have some take turns, and each gets a share by its weight. */
  async #receive(
    queues: readonly string[],
    max: number,
    { mostOf = () => 1, notOf, keep }: { mostOf?: (queue: string) => number; notOf?: ReadonlySet<string>; keep?: Slot },
  ): Promise<number> {
    const { source, shares } = this.#options;
    let left = max;
    try {
      const ready = this.#turns.order(await this.#ready(queues));
      let weights = ready.reduce((sum, queue) => sum + shares.weightOf(queue), 0);
      for (const queue of ready) {
        const share = Math.min(Math.ceil((left * shares.weightOf(queue)) / weights), mostOf(queue));
        weights -= shares.weightOf(queue);
        const messages = share > 0 ? await source.receive([queue], share, TIMING.visibilitySeconds, notOf) : [];
        if (messages.length > 0) this.#turns.took(queue, messages.length);
        for (const message of messages) void this.#work(message, keep);
        left -= messages.length;
      }
    } catch (error) {
      this.#report("receive", "error", "messages could not be received", { cause: messageOf(error) });
    }
    return max - left;
  }
  /** Returns the queues that have a message to receive. */
  async #ready(queues: readonly string[]): Promise<readonly string[]> {
    if (queues.length < 2) return queues;
    const times = await Promise.all(queues.map((queue) => this.#options.source.nextVisibleAt([queue])));
    return queues.filter((_, index) => (times[index] ?? Number.POSITIVE_INFINITY) <= this.#options.now());
  }
  async #sleep(queues: readonly string[]): Promise<void> {
    if (this.#stopping) return;
    this.#options.onIdle?.();
    await this.#arrivals.wait(await this.#untilNext(queues));
  }
  /** Returns the milliseconds until the next delayed message, or until the next poll. */
  async #untilNext(queues: readonly string[]): Promise<number> {
    try {
      const next = await this.#options.source.nextVisibleAt(queues);
      return next === undefined ? TIMING.pollMs : Math.min(TIMING.pollMs, Math.max(1, next - this.#options.now()));
    } catch {
      // The next receive meets the same failure and reports it.
      return TIMING.pollMs;
    }
  }

  async #work(message: Delivery, kept: Slot | undefined): Promise<void> {
    const { queue, jobId, id: delivery } = message;
    const handling: Handling = { queue, jobId, delivery, slots: 0, kept };
    this.#handling.add(handling);
    this.#loads.received(queue);
    const fate = await this.#handle(message, handling);
    await this.#acknowledge(message, fate);
    this.#loads.handled(queue, handling.slots);
    this.#handling.delete(handling);
    handling.kept?.release();
    this.#freed();
  }
  async #handle(message: Delivery, handling: Handling): Promise<Fate> {
    try {
      const { handle, giveUp } = this.#options;
      return await (message.receives > MAX_RECEIVES ? giveUp : handle)(message, this.#loopFor(handling));
    } catch (error) {
      if (this.#stopping) return { kind: "later", delaySeconds: 0 };
      if (error instanceof RunsElsewhere) return { kind: "untried", delaySeconds: ELSEWHERE_SECONDS };
      this.#report("handle", "error", "a message could not be handled; it comes back", {
        queue: message.queue,
        cause: messageOf(error),
      });
      // What a full disk has stopped goes on soon after there is room, however long that takes.
      if (error instanceof PortError && error.kind === "unwritable") return { kind: "untried", delaySeconds: 1 };
      return { kind: "later", delaySeconds: Math.min(30, 2 ** Math.min(message.receives, 5)) };
    }
  }
  /** Retries until it succeeds, because a message that is not given back stays invisible until the next start. */
  async #acknowledge(message: Delivery, fate: Fate): Promise<void> {
    for (;;) {
      try {
        await this.#dispose(message, fate);
        return;
      } catch (error) {
        if (this.#stopping) return;
        this.#report("settle", "error", "a message could not be acknowledged or given back; it is tried again", {
          queue: message.queue,
          cause: messageOf(error),
        });
        await pause(TIMING.pollMs);
      }
    }
  }
  async #dispose(message: Delivery, fate: Fate): Promise<void> {
    const { source } = this.#options;
    switch (fate.kind) {
      case "done":
        return source.ack([message.id]);
      case "later":
        return source.later(message.id, fate.delaySeconds);
      case "untried":
        return source.later(message.id, fate.delaySeconds, false);
      default:
        return assertNever(fate);
    }
  }
  #loopFor(handling: Handling): WorkerLoop {
    return {
      takeSlot: async (alone, task) => {
        this.#ensureAllowed(alone, task);
        if (handling.slots++ === 0) {
          this.#loads.placed(handling.queue);
          this.#freed();
        }
        this.#options.claims.noteAlive(this.#slots.busy === 0);
        const { kept, queue, jobId } = handling;
        handling.kept = undefined;
        const taken = this.#slots.take({ queue, jobId, alone, first: kept !== undefined });
        if (alone) this.#reserve();
        kept?.release();
        return this.#offering(await taken, queue);
      },
      tryTakeSlot: (task) => {
        const slot = this.#terms.notOf.includes(task) ? undefined : this.#slots.tryTake(handling);
        return slot && this.#offering(slot, handling.queue);
      },
      hold: (runs, abort) => this.#options.claims.hold({ ...runs, delivery: handling.delivery }, abort),
    };
  }
  #ensureAllowed(alone: boolean, task: string): void {
    const { alone: takesAlone, notOf } = this.#terms;
    if ((alone && !takesAlone) || notOf.includes(task) || (!alone && this.#options.shared && this.#slots.reserved))
      throw new RunsElsewhere();
  }
  /** Gives back what waits for a slot, since a run that must be alone may keep this process for long. */
  #reserve(): void {
    if (this.#options.shared) this.#slots.refuseShared(new RunsElsewhere());
    this.#options.onReserved?.(true);
  }

  /** Wakes the loop to receive more messages. */
  #freed(): void {
    this.#capacity.signal();
    if (this.#leavesOut) this.#arrivals.signal();
  }
  /** Returns a slot whose release offers it to another job when runs wait, and wakes the loop when none does. */
  #offering(slot: Slot, queue: string): Slot {
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        const receives = !this.#resting && !this.#stopping;
        const offers = receives && this.#slots.waiting > 0 && !this.#slots.reserved && !this.#owesSlot;
        this.#owesSlot = offers;
        if (offers) void this.#offer(slot, queue);
        else this.#free(slot);
      },
    };
  }
  /** Keeps the slot for a message of a job that is not handled here, when there is one. */
  async #offer(slot: Slot, from: string): Promise<void> {
    const queues = this.#queues.filter((queue) => queue === from || this.#hasThread(queue));
    if ((await this.#receive(queues, 1, { notOf: this.#jobsHandled(), keep: slot })) > 0) return;
    this.#owesSlot = false;
    this.#free(slot);
  }
  #free(slot: Slot): void {
    const { reserved } = this.#slots;
    slot.release();
    if (reserved && !this.#slots.reserved) this.#options.onReserved?.(false);
    this.#freed();
  }

  /** Waits at most `milliseconds` and returns whether no message is handled any more. */
  async #drained(milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    while (this.#handling.size > 0 && performance.now() < end) await this.#capacity.wait(end - performance.now());
    return this.#handling.size === 0;
  }
}
