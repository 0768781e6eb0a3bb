import type { Json } from "../core/json.ts";
import type { ReceivedMessage } from "../engine/ports.ts";

/** A message as a worker loop holds it, until it is acknowledged or becomes visible again. */
export interface Delivery extends ReceivedMessage {
  /** Names this delivery, not the message: the id of an earlier delivery means nothing any more. */
  readonly id: string;
  readonly jobId: string;
}
/** A message that could never be handled. Kept until somebody looks at it. */
export interface DeadLetter {
  readonly id: string;
  readonly queue: string;
  readonly jobId: string;
  readonly body: Json;
  readonly receives: number;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly deadAt: number;
}
export interface QueueDepth {
  readonly ready: number;
  /** Sent or put back with a delay. */
  readonly delayed: number;
  /** Received, and neither acknowledged nor looked at since their visibility ended. */
  readonly inFlight: number;
}

/**
 * The receiving side of a queue, for loops that drive the engine in a process of their own (on AWS the event source does this). A received message
 * is in flight: nobody else gets it until its visibility ends. A call with the id of a delivery that is over
 * changes nothing: deliveries are at least once, so a late acknowledgement is an expected race.
 */
export interface MessageSource {
  /**
   * Returns at once, possibly empty. Queues in the order given: the first one is emptied before the second is looked at. Within a queue round robin by
   * jobId, so a job with a million messages does not delay a small one. `notOf`: none of these jobs.
   */
  receive(queues: readonly string[], max: number, visibilitySeconds: number, notOf?: ReadonlySet<string>): Promise<readonly Delivery[]>;
  ack(ids: readonly string[]): Promise<void>;
  /** Visible again after so many seconds; 0: at once. */
  later(id: string, delaySeconds: number): Promise<void>;
  /** In flight for so many seconds from now. */
  extend(ids: readonly string[], seconds: number): Promise<void>;
  dead(id: string, reason: string): Promise<void>;
  /** The newest first. */
  deadLetters(limit: number): Promise<readonly DeadLetter[]>;
  /** Earliest time (milliseconds since the epoch) at which something is there to receive: 0 or past when there is now, undefined when nothing is underway. */
  nextVisibleAt(queues: readonly string[]): Promise<number | undefined>;
  /** At boot, while nobody else receives: every message in flight becomes visible at once, since its holder is gone. Returns how many. */
  releaseAll(): Promise<number>;
  /** A worker process died: what it held becomes visible at once. Returns how many. */
  releaseHeldBy(holder: string): Promise<number>;
  depth(queue: string): Promise<QueueDepth>;
}
