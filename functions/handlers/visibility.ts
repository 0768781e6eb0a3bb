import { type Log, messageOf } from "../host/log.ts";

/** A received message, as the calls that change its visibility name it. */
export interface Receipt {
  readonly queueArn: string;
  readonly receiptHandle: string;
}
/** Says how long received messages stay invisible from now on. */
export interface VisibilityPort {
  /** Receipts of one queue. Throws when some could not be changed; a receipt that is over is no failure. */
  change(queueArn: string, changes: readonly { readonly receiptHandle: string; readonly seconds: number }[]): Promise<void>;
}
const LONGEST_SECONDS = 12 * 3_600;

/**
 * Visibility of the messages of one batch. A message whose runs have begun is moved to the end of their leases and kept there, so that it comes back soon
 * after a death, not after the visibility of its queue, which is longer than a function may run. It is kept until the batch ends, also once it is through:
 * only then it is deleted. Changes wait for the next tick, and go together; what is over before costs nothing.
 */
export class BatchVisibility {
  readonly #port: VisibilityPort;
  readonly #log: Log;
  readonly #leaseMs: number;
  /** When each kept message was last moved; undefined: not yet. */
  readonly #kept = new Map<Receipt, number | undefined>();
  #asked: { readonly receipt: Receipt; readonly seconds: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(port: VisibilityPort, leaseMs: number, log: Log) {
    this.#port = port;
    this.#leaseMs = leaseMs;
    this.#log = log;
  }
  /** A run of this message holds a lease. */
  keep(receipt: Receipt): void {
    if (!this.#kept.has(receipt)) this.#kept.set(receipt, undefined);
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.#leaseMs / 6));
  }
  /** The message is given back: seen again after so many seconds. */
  giveBack(receipt: Receipt, seconds: number): void {
    this.#kept.delete(receipt);
    this.#asked.push({ receipt, seconds: Math.min(Math.ceil(seconds), LONGEST_SECONDS) });
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.#leaseMs / 6));
  }
  /** Sends what was asked for, and stops. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#kept.clear();
    this.#tick();
    await this.#sending;
  }

  #tick(): void {
    const now = performance.now();
    const seconds = Math.ceil(this.#leaseMs / 1_000) + AFTER_LEASE_SECONDS;
    for (const [receipt, movedAt] of this.#kept) {
      if (movedAt !== undefined && now - movedAt < this.#leaseMs / 3) continue;
      this.#kept.set(receipt, now);
      this.#asked.push({ receipt, seconds });
    }
    if (this.#asked.length === 0) return;
    const asked = this.#asked;
    this.#asked = [];
    this.#sending = this.#sending.then(() => this.#send(asked));
  }
  async #send(asked: readonly { readonly receipt: Receipt; readonly seconds: number }[]): Promise<void> {
    const byQueue = new Map<string, { receiptHandle: string; seconds: number }[]>();
    for (const { receipt, seconds } of asked) {
      const changes = byQueue.get(receipt.queueArn) ?? [];
      changes.push({ receiptHandle: receipt.receiptHandle, seconds });
      byQueue.set(receipt.queueArn, changes);
    }
    try {
      await Promise.all([...byQueue].map(([queueArn, changes]) => this.#port.change(queueArn, changes)));
    } catch (error) {
      // They come back after the visibility of their queue, or the sweeper sends their runs again.
      this.#log("warn", "the visibility of messages could not be changed", { messages: asked.length, cause: messageOf(error) });
    }
  }
}
/** Runs that are over by then cost no request. */
const TICK_MS = 1_000;
/** A message that comes back before the lease is over would only be postponed. */
const AFTER_LEASE_SECONDS = 5;
