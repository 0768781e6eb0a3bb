import { type Log, messageOf } from "../host/log.ts";

/** Identifies a received message to the calls that change its visibility. */
export interface Receipt {
  readonly queueArn: string;
  readonly receiptHandle: string;
}
/** Sets how long received messages stay invisible from now on. */
export interface VisibilityPort {
  /** Changes messages of one queue. Throws when some could not be changed. An expired receipt is no failure. */
  change(
    queueArn: string,
    changes: readonly { readonly receiptHandle: string; readonly seconds: number }[],
  ): Promise<void>;
}
const LONGEST_SECONDS = 12 * 3_600;

/**
 * Manages the visibility of the messages of one batch. A message whose runs have begun stays invisible until shortly
 * after their leases end. After a crash it therefore comes back soon. The visibility timeout of its queue would be
 * longer than a function may run.
 *
 * A message is kept until the batch ends, even when it is done, because it is deleted only then. Changes wait for the
 * next tick and are sent together, so a message that is done before that tick costs no request.
 */
export class BatchVisibility {
  readonly #port: VisibilityPort;
  readonly #log: Log;
  readonly #leaseMs: number;
  /** Time of `performance.now()` when each kept message was last extended; undefined before the first time. */
  readonly #kept = new Map<Receipt, number | undefined>();
  #asked: { readonly receipt: Receipt; readonly seconds: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(port: VisibilityPort, leaseMs: number, log: Log) {
    this.#port = port;
    this.#leaseMs = leaseMs;
    this.#log = log;
  }
  /** Keeps a message invisible, because a run of it holds a lease. */
  keep(receipt: Receipt): void {
    if (!this.#kept.has(receipt)) this.#kept.set(receipt, undefined);
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.#leaseMs / 6));
  }
  /** Gives a message back, so it becomes visible again after `seconds`. */
  giveBack(receipt: Receipt, seconds: number): void {
    this.#kept.delete(receipt);
    this.#asked.push({ receipt, seconds: Math.min(Math.ceil(seconds), LONGEST_SECONDS) });
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.#leaseMs / 6));
  }
  /** Sends the pending changes, and stops. */
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
      // The messages come back after the visibility timeout of their queue, or the sweeper resends their runs.
      this.#log("warn", "the visibility of messages could not be changed", {
        messages: asked.length,
        cause: messageOf(error),
      });
    }
  }
}
/** Milliseconds between changes. A run that ends before the first tick costs no request. */
const TICK_MS = 1_000;
/** Seconds after the lease. A message that came back before the lease ends would only be postponed. */
const AFTER_LEASE_SECONDS = 5;
