import type { SQSRecord } from "aws-lambda";
import { assertNever } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import type { Disposition, ReceivedMessage } from "../engine/ports.ts";
import type { WorkerLoop } from "../engine/worker-loop.ts";
import { messageOf } from "../host/log.ts";
import { Slots } from "../host/slots.ts";
import { BatchLeases, type LeaseOptions } from "./batch-leases.ts";
import { BatchVisibility, type Receipt, type VisibilityPort } from "./visibility.ts";

export interface BatchOptions extends LeaseOptions {
  readonly handle: (message: ReceivedMessage, loop: WorkerLoop) => Promise<Disposition>;
  readonly visibility: VisibilityPort;
  /** Most runs at the same time. */
  readonly slots: number;
  /** Milliseconds until the invocation ends. */
  readonly remainingMs: number;
  /**
   * Seconds that a message which can never be handled stays invisible. With 0 its queue gives it up at once. Default 0.
   */
  readonly deadSeconds?: number;
}
/** Messages of a batch by what became of them. Their sum is `messages`. */
export interface BatchCounts {
  readonly messages: number;
  done: number;
  /** Messages that the engine postponed. */
  later: number;
  dead: number;
  /** Messages whose handling threw. */
  failed: number;
  /** Messages that were not begun, or not finished, when the time ran out. */
  left: number;
}
export interface BatchOutcome {
  /** Message ids for `batchItemFailures`: every message that is not done. */
  readonly failures: readonly string[];
  readonly counts: BatchCounts;
  readonly runs: number;
  /** Runs that the end of the invocation cut off. */
  readonly stopped: number;
}
interface Delivery extends ReceivedMessage, Receipt {
  readonly id: string;
}
/** A function serves one queue, and its event source decides whose messages come. */
const NO_TURNS = { queue: "", jobId: "" };
type Ended = Disposition | { readonly kind: "failed"; readonly error: unknown };

/**
 * Times before the end of an invocation, each at most a share of it. At `take` no further run begins. At `stop` running
 * attempts are aborted. At `answer` the batch answers, whatever is left.
 */
const BEFORE_END = {
  take: { ms: 15_000, share: 0.2 },
  stop: { ms: 5_000, share: 0.1 },
  answer: { ms: 1_500, share: 0.04 },
} as const;
/**
 * Share of the time until `stop` that an attempt may take. A run that begins with its invocation must reach its own
 * limit before it is stopped. Otherwise a run that takes too long would start again for ever.
 */
const ATTEMPT_SHARE = 0.95;
const LONGEST_BACKOFF_SECONDS = 30;

/**
 * Handles the messages of one batch with the engine, and answers in time. No work outlives the answer. Every timer is
 * cleared, because a frozen process would fire it when it thaws, in the middle of another batch.
 *
 * States: taking -> closing (messages that were not begun are returned) -> stopping (running attempts are aborted,
 * which counts as no failure) -> answered.
 */
export class SqsBatch {
  readonly #options: BatchOptions;
  readonly #deliveries: readonly Delivery[];
  readonly #slots: Slots;
  readonly #leases: BatchLeases;
  readonly #visibility: BatchVisibility;
  readonly #counts: BatchCounts;
  readonly #open: Set<Delivery>;
  readonly #failures: string[] = [];
  readonly #limit: NonNullable<WorkerLoop["limit"]>;
  #next = 0;
  #closing = false;
  #stopped = 0;

  constructor(records: readonly SQSRecord[], options: BatchOptions) {
    this.#options = options;
    // A batch may contain one message twice, and only its newest receipt is valid.
    this.#deliveries = [...new Map(records.map((record) => [record.messageId, deliveryOf(record)])).values()];
    this.#open = new Set(this.#deliveries);
    this.#counts = { messages: this.#deliveries.length, done: 0, later: 0, dead: 0, failed: 0, left: 0 };
    this.#slots = new Slots(options.slots);
    this.#leases = new BatchLeases(options);
    this.#visibility = new BatchVisibility(options.visibility, options.leaseSeconds * 1_000, options.log);
    const forRuns = options.remainingMs - beforeEnd(options, "stop");
    this.#limit = { seconds: (forRuns * ATTEMPT_SHARE) / 1_000, at: options.now() + forRuns };
  }
  async run(): Promise<BatchOutcome> {
    const { remainingMs, now } = this.#options;
    const timers = [
      setTimeout(() => this.#close(), remainingMs - beforeEnd(this.#options, "take")),
      setTimeout(() => (this.#stopped = this.#leases.abortAll()), this.#limit.at - now()),
    ];
    try {
      const handling = Array.from({ length: Math.min(this.#deliveries.length, 2 * this.#options.slots) }, () =>
        this.#takeAndHandle(),
      );
      const expired = new Promise<void>((resolve) => {
        timers.push(setTimeout(resolve, remainingMs - beforeEnd(this.#options, "answer")));
      });
      await Promise.race([Promise.all(handling), expired]);
      this.#leave();
      return {
        failures: [...this.#failures],
        counts: { ...this.#counts },
        runs: this.#leases.count,
        stopped: this.#stopped,
      };
    } finally {
      for (const timer of timers) clearTimeout(timer);
      this.#close();
      await Promise.all([this.#leases.stop(), this.#visibility.stop()]);
    }
  }

  /** Begins no further message. */
  #close(): void {
    this.#closing = true;
    this.#slots.close();
  }
  /** Gives back the messages that were not begun, at once. Unfinished ones come back when their leases expire. */
  #leave(): void {
    for (const delivery of this.#open) {
      this.#counts.left++;
      this.#failures.push(delivery.id);
      if (this.#deliveries.indexOf(delivery) >= this.#next) this.#visibility.giveBack(delivery, 0);
    }
    this.#open.clear();
  }
  async #takeAndHandle(): Promise<void> {
    for (let delivery = this.#take(); delivery !== undefined; delivery = this.#take()) {
      const ended = await this.#handle(delivery);
      // After the batch has answered, the message already counts as left.
      if (this.#open.delete(delivery)) this.#acknowledge(delivery, ended);
    }
  }
  #take(): Delivery | undefined {
    return this.#closing ? undefined : this.#deliveries[this.#next++];
  }
  async #handle(delivery: Delivery): Promise<Ended> {
    try {
      return await this.#options.handle(delivery, this.#loopFor(delivery));
    } catch (error) {
      return { kind: "failed", error };
    }
  }
  #acknowledge(delivery: Delivery, ended: Ended): void {
    if (ended.kind === "done") {
      this.#counts.done++;
      return;
    }
    this.#failures.push(delivery.id);
    switch (ended.kind) {
      case "later":
        this.#counts.later++;
        return this.#visibility.giveBack(delivery, ended.delaySeconds);
      case "dead":
        this.#counts.dead++;
        this.#options.log("error", "a message can never be handled; it goes to the dead letters", {
          queue: delivery.queue,
          reason: ended.reason,
        });
        return this.#visibility.giveBack(delivery, this.#options.deadSeconds ?? 0);
      case "failed": {
        // Closing rejects the messages that wait for a slot.
        if (this.#closing) this.#counts.left++;
        else {
          this.#counts.failed++;
          const cause = messageOf(ended.error);
          this.#options.log("error", "a message could not be handled; it comes back", {
            queue: delivery.queue,
            receives: delivery.receives,
            cause,
          });
        }
        return this.#visibility.giveBack(
          delivery,
          this.#closing ? 0 : Math.min(LONGEST_BACKOFF_SECONDS, 2 ** Math.min(delivery.receives, 5)),
        );
      }
      default:
        return assertNever(ended);
    }
  }
  #loopFor(delivery: Delivery): WorkerLoop {
    return {
      limit: this.#limit,
      takeSlot: async (alone) => {
        const slot = await this.#slots.take({ ...NO_TURNS, alone });
        // This run has killed a process before. The other messages go to another process, so they do not wait for this
        // run.
        if (alone) this.#close();
        return slot;
      },
      tryTakeSlot: () => this.#slots.tryTake(NO_TURNS),
      hold: (runs, abort) => {
        this.#visibility.keep(delivery);
        return this.#leases.hold(runs, abort);
      },
    };
  }
}

function beforeEnd({ remainingMs }: BatchOptions, what: keyof typeof BEFORE_END): number {
  const { ms, share } = BEFORE_END[what];
  return Math.min(ms, remainingMs * share);
}
function deliveryOf({ messageId, receiptHandle, eventSourceARN, body, attributes }: SQSRecord): Delivery {
  const queue = eventSourceARN.slice(eventSourceARN.lastIndexOf(":") + 1);
  return {
    id: messageId,
    receiptHandle,
    queueArn: eventSourceARN,
    queue,
    body: parsed(body),
    receives: Number(attributes.ApproximateReceiveCount) || 1,
  };
}
/** Parses a body. Text that is not JSON stays text, which the engine rejects as no message. */
function parsed(body: string): Json {
  try {
    return JSON.parse(body) as Json;
  } catch {
    return body;
  }
}
