import type { Json } from "../../core/json.ts";
import type { Owned } from "../item-kinds.ts";
import type { Item } from "../ports.ts";

/** An event that was sent to a job from outside. */
export interface SentEventAttributes extends Owned {
  /** Names the sender, so a sender can tell whether its own event was the first. */
  readonly sentBy: string;
  /** Milliseconds since the epoch. Absent in events of earlier releases. */
  readonly at?: number;
  readonly value?: Json;
  readonly valueRef?: string;
}
/** A waiter is either a group or a run. */
export interface WaiterAttributes extends Owned {
  readonly gid?: string;
  readonly runId?: string;
}
export const asSentEvent = (item: Item | undefined): SentEventAttributes | undefined =>
  item && (item.attributes as unknown as SentEventAttributes);
export const asWaiter = (item: Item): WaiterAttributes => item.attributes as unknown as WaiterAttributes;
