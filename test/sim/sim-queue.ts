import type { Json } from "../../functions/core/json.ts";
import type { OutgoingMessage, QueueDepth } from "../../functions/engine/ports.ts";

export interface Message {
  readonly id: number;
  readonly queue: string;
  readonly body: Json;
  visibleAt: number;
  receives: number;
  /** Its handling fails as long as the storm lasts. */
  readonly poisoned: boolean;
}

/**
 * A queue like SQS, with delivery at least once and in no order. A received message is invisible for a while, and may
 * be received twice at once.
 */
export class SimQueue {
  messages: Message[] = [];
  /** Bodies of all messages that were ever sent, which may come back much later. */
  readonly archive: { queue: string; body: Json }[] = [];
  readonly lost: Json[] = [];
  #last = 0;

  send(message: OutgoingMessage, now: number, poisoned = false): void {
    // Messages travel as text, so sender and receiver share no objects.
    const body = JSON.parse(JSON.stringify(message.body)) as Json;
    this.messages.push({
      id: ++this.#last,
      queue: message.queue,
      body,
      visibleAt: now + (message.delaySeconds ?? 0) * 1_000,
      receives: 0,
      poisoned,
    });
    this.archive.push({ queue: message.queue, body });
  }
  depth(queue: string, now: number): QueueDepth {
    const all = this.messages.filter((message) => message.queue === queue);
    const ready = all.filter(({ visibleAt }) => visibleAt <= now).length;
    const inFlight = all.filter(({ visibleAt, receives }) => visibleAt > now && receives > 0).length;
    return { ready, inFlight, delayed: all.length - ready - inFlight };
  }
  visible(now: number): Message[] {
    return this.messages.filter((message) => message.visibleAt <= now);
  }
  receive(message: Message, now: number, visibilityMs: number): void {
    message.receives++;
    message.visibleAt = now + visibilityMs;
  }
  /** Accepts any receipt, because a delivery that was given up may still acknowledge. */
  acknowledge(id: number): void {
    this.messages = this.messages.filter((message) => message.id !== id);
  }
  changeVisibility(id: number, visibleAt: number): void {
    const message = this.messages.find((each) => each.id === id);
    if (message) message.visibleAt = visibleAt;
  }
  lose(id: number): void {
    const message = this.messages.find((each) => each.id === id);
    if (message) this.lost.push(message.body);
    this.acknowledge(id);
  }
  /** Makes all messages visible that were received, as a start does when every receiver has ended. */
  releaseAll(now: number): void {
    for (const message of this.messages) if (message.receives > 0) message.visibleAt = Math.min(message.visibleAt, now);
  }
  nextVisibleAt(now: number): number | undefined {
    const later = this.messages.filter((message) => message.visibleAt > now).map((message) => message.visibleAt);
    return later.length > 0 ? Math.min(...later) : undefined;
  }
}
