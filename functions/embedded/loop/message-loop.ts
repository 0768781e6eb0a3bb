import { setTimeout as pause } from "node:timers/promises";
import { assertNever } from "../../core/errors.ts";
import type { Engine } from "../../engine/contract.ts";
import type { Disposition } from "../../engine/ports.ts";
import type { WorkerLoop } from "../../engine/worker-loop.ts";
import { type Log, messageOf, rateLimited } from "../../host/log.ts";
import type { Delivery, MessageSource } from "../../host/message-source.ts";
import type { RunHolder } from "../../host/run-holder.ts";
import { type Slot, Slots } from "../../host/slots.ts";
import { TIMING } from "../settings.ts";
import { Wakeup } from "./wakeup.ts";

export interface MessageLoopOptions {
  readonly handle: Engine["handle"];
  readonly source: MessageSource;
  /** Called before each receive, since queues appear while the loop runs. */
  readonly queues: () => readonly string[];
  readonly slots: number;
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
/** A message that the engine handles. */
interface Handling {
  readonly jobId: string;
  readonly delivery: string;
  /** Number of slots that its runs have asked for. */
  slots: number;
}
/** Least weight of the newest message in the running mean of slots per message. */
const SMOOTHING = 0.1;
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
 * processes share the queues and could handle a message that waits here. A message names one run or many. So the loop
 * estimates the slots that a message needs from the messages before it.
 *
 *     receiving <-> full (until a slot is free or a message is handled)
 *     receiving <-> asleep (until it is woken, a delayed message is due, or the next poll)
 *     any state -> stopping
 *
 * A full loop may still have free slots, because the runs of its messages wait to be admitted. It fills them with
 * messages of other jobs.
 */
export class MessageLoop {
  readonly #options: MessageLoopOptions;
  readonly #report: ReturnType<typeof rateLimited>;
  readonly #slots: Slots;
  readonly #handling = new Set<Handling>();
  readonly #capacity = new Wakeup();
  readonly #arrivals = new Wakeup();
  /** Number of messages that have not asked for a slot yet. */
  #unplaced = 0;
  #slotsPerMessage: number;
  #messages = 0;
  #terms = EVERYTHING;
  #resting = false;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: MessageLoopOptions) {
    this.#options = options;
    this.#report = rateLimited(options.log, 5_000);
    this.#slots = new Slots(options.slots);
    // The first message is received alone, since it may fill every slot.
    this.#slotsPerMessage = options.slots;
  }
  /** Receives messages from now on. Without terms it runs whatever they name. */
  start(terms: Terms = EVERYTHING): void {
    this.#terms = terms;
    this.#resting = false;
    this.#arrivals.signal();
    this.#running ??= this.#receiveUntilStopped();
  }
  /** Receives no more messages until it is started again. What it has received is handled, on the terms so far. */
  rest(): void {
    this.#resting = true;
  }
  /** Makes the loop receive again, since there may be new messages. */
  wake(): void {
    this.#arrivals.signal();
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
      const wanted = this.#wanted();
      if (wanted > 0) {
        if ((await this.#receive(wanted)) === 0) await this.#sleep();
      } else if (!this.#hasFreeSlot()) await this.#capacity.wait();
      else if ((await this.#receive(1, this.#jobsHandled())) === 0) await this.#capacity.wait(TIMING.freeSlotMs);
    }
  }
  #hasFreeSlot(): boolean {
    const { size, busy, waiting, reserved } = this.#slots;
    return !reserved && waiting === 0 && busy < size && this.#handling.size < MESSAGES_PER_SLOT * size;
  }
  #jobsHandled(): ReadonlySet<string> {
    return new Set([...this.#handling].map(({ jobId }) => jobId));
  }
  #wanted(): number {
    if (this.#slots.reserved) return 0;
    const expected = Math.max(1, this.#slotsPerMessage);
    const free = this.#slots.size - this.#slots.busy - this.#slots.waiting - this.#unplaced * expected;
    if (free <= 0) return 0;
    // Messages whose runs have ended are still being followed up. They hold no slot, but their number must stay
    // bounded.
    return Math.min(Math.ceil(free / expected), MESSAGES_PER_SLOT * this.#slots.size - this.#handling.size);
  }
  async #receive(wanted: number, notOf?: ReadonlySet<string>): Promise<number> {
    try {
      const messages = await this.#options.source.receive(
        this.#options.queues(),
        wanted,
        TIMING.visibilitySeconds,
        notOf,
      );
      for (const message of messages) void this.#work(message);
      return messages.length;
    } catch (error) {
      this.#report("receive", "error", "messages could not be received", { cause: messageOf(error) });
      return 0;
    }
  }
  async #sleep(): Promise<void> {
    if (this.#stopping) return;
    this.#options.onIdle?.();
    await this.#arrivals.wait(await this.#untilNext());
  }
  /** Returns the milliseconds until the next delayed message, or until the next poll. */
  async #untilNext(): Promise<number> {
    try {
      const next = await this.#options.source.nextVisibleAt(this.#options.queues());
      return next === undefined ? TIMING.pollMs : Math.min(TIMING.pollMs, Math.max(1, next - this.#options.now()));
    } catch {
      // The next receive meets the same failure and reports it.
      return TIMING.pollMs;
    }
  }

  async #work(message: Delivery): Promise<void> {
    const handling: Handling = { jobId: message.jobId, delivery: message.id, slots: 0 };
    this.#handling.add(handling);
    this.#unplaced++;
    const disposition = await this.#handle(message, handling);
    await this.#acknowledge(message, disposition);
    if (handling.slots === 0) this.#unplaced--;
    this.#slotsPerMessage += (handling.slots - this.#slotsPerMessage) * Math.max(SMOOTHING, 1 / ++this.#messages);
    this.#handling.delete(handling);
    this.#capacity.signal();
  }
  async #handle(message: Delivery, handling: Handling): Promise<Disposition> {
    try {
      return await this.#options.handle(message, this.#loopFor(handling));
    } catch (error) {
      if (this.#stopping) return { kind: "later", delaySeconds: 0 };
      if (error instanceof RunsElsewhere) return { kind: "later", delaySeconds: ELSEWHERE_SECONDS };
      this.#report("handle", "error", "a message could not be handled; it comes back", {
        queue: message.queue,
        cause: messageOf(error),
      });
      return { kind: "later", delaySeconds: Math.min(30, 2 ** Math.min(message.receives, 5)) };
    }
  }
  /** Retries until it succeeds, because a message that is not given back stays invisible until the next start. */
  async #acknowledge(message: Delivery, disposition: Disposition): Promise<void> {
    for (;;) {
      try {
        await this.#dispose(message, disposition);
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
  async #dispose(message: Delivery, disposition: Disposition): Promise<void> {
    const { source } = this.#options;
    switch (disposition.kind) {
      case "done":
        return source.ack([message.id]);
      case "later":
        return source.later(message.id, disposition.delaySeconds);
      case "dead":
        this.#options.log("error", "a message can never be handled; it is kept with the dead letters", {
          queue: message.queue,
          reason: disposition.reason,
        });
        return source.dead(message.id, disposition.reason);
      default:
        return assertNever(disposition);
    }
  }
  #loopFor(handling: Handling): WorkerLoop {
    return {
      takeSlot: async (alone, task) => {
        this.#ensureAllowed(alone, task);
        if (handling.slots++ === 0) {
          this.#unplaced--;
          this.#capacity.signal();
        }
        this.#options.claims.noteAlive(this.#slots.busy === 0);
        const taking = this.#slots.take(alone);
        if (alone) this.#reserve();
        return this.#signalling(await taking);
      },
      tryTakeSlot: (task) => {
        const slot = this.#terms.notOf.includes(task) ? undefined : this.#slots.tryTake();
        return slot && this.#signalling(slot);
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

  /** Returns a slot whose release wakes the loop to receive more messages. */
  #signalling(slot: Slot): Slot {
    return {
      release: () => {
        const { reserved } = this.#slots;
        slot.release();
        if (reserved && !this.#slots.reserved) this.#options.onReserved?.(false);
        this.#capacity.signal();
      },
    };
  }

  /** Waits at most `milliseconds` and returns whether no message is handled any more. */
  async #drained(milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    while (this.#handling.size > 0 && performance.now() < end) await this.#capacity.wait(end - performance.now());
    return this.#handling.size === 0;
  }
}
