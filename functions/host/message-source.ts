import type { Json } from "../core/json.ts";
import type { QueueDepth, ReceivedMessage } from "../engine/ports.ts";

/** A message that a worker loop holds until it is acknowledged or becomes visible again. */
export interface Delivery extends ReceivedMessage {
  /** Names this delivery and not the message, so the id of an earlier delivery is no longer valid. */
  readonly id: string;
  readonly jobId: string;
}
/**
 * The receiving side of a queue, for loops that drive the engine in a process of their own. On AWS the event source
 * does this. A received message is in flight, so no other receiver gets it until its visibility ends.
 *
 * A call with the id of a delivery that has ended changes nothing. Messages are delivered at least once, so a late
 * acknowledgement is an expected race.
 */
export interface MessageSource {
  /**
   * Returns at once, possibly without messages, and never messages of the jobs in `notOf`. Queues are received from in
   * the order given, each until it is empty, so the caller lets them take turns. Within a queue jobs are served round
   * robin, so a large job does not delay a small one.
   */
  receive(
    queues: readonly string[],
    max: number,
    visibilitySeconds: number,
    notOf?: ReadonlySet<string>,
  ): Promise<readonly Delivery[]>;
  ack(ids: readonly string[]): Promise<void>;
  /**
   * Gives a message back. It becomes visible again after `delaySeconds`, and at once with 0. With `counts` false the
   * delivery is not counted among the receives, because nothing was tried.
   */
  later(id: string, delaySeconds: number, counts?: boolean): Promise<void>;
  /** Keeps messages in flight until `seconds` from now. */
  extend(ids: readonly string[], seconds: number): Promise<void>;
  /**
   * Returns the earliest time, in milliseconds since the epoch, at which a message can be received. The time is 0 or
   * past when one can be received now. Returns undefined when the queues are empty.
   */
  nextVisibleAt(queues: readonly string[]): Promise<number | undefined>;
  /**
   * Makes every message in flight visible at once and returns their number. It is called at a start, when no process
   * receives yet and every holder has ended.
   */
  releaseAll(): Promise<number>;
  /** Returns the bodies of the messages that a worker process holds, except those of these deliveries. */
  heldBy(holder: string, except?: ReadonlySet<string>): Promise<readonly Json[]>;
  /**
   * Makes the messages that a worker process holds visible at once, except these deliveries, and returns their number.
   * The process has died, or cannot go on with them.
   */
  releaseHeldBy(holder: string, except?: ReadonlySet<string>): Promise<number>;
  depth(queue: string): Promise<QueueDepth>;
}
