import type { Json } from "../../functions/core/json.ts";
import type { OutgoingMessage } from "../../functions/engine/ports.ts";

export interface Message {
  readonly id: number;
  readonly queue: string;
  readonly body: Json;
  visibleAt: number;
  receives: number;
}

/** A queue like SQS: at least once, unordered, a message is invisible for a while after it was received, and may be received twice at once. */
export class SimQueue {
  messages: Message[] = [];
  /** Bodies of everything ever sent: what may come back long after. */
  readonly archive: { queue: string; body: Json }[] = [];
  /** Undecodable, as the engine said. */
  readonly dead: { message: Message; reason: string }[] = [];
  #last = 0;

  send(message: OutgoingMessage, now: number): void {
    // What travels is text: nobody shares objects with the sender.
    const body = JSON.parse(JSON.stringify(message.body)) as Json;
    this.messages.push({
      id: ++this.#last,
      queue: message.queue,
      body,
      visibleAt: now + (message.delaySeconds ?? 0) * 1_000,
      receives: 0,
    });
    this.archive.push({ queue: message.queue, body });
  }
  visible(now: number): Message[] {
    return this.messages.filter((message) => message.visibleAt <= now);
  }
  receive(message: Message, now: number, visibilityMs: number): void {
    message.receives++;
    message.visibleAt = now + visibilityMs;
  }
  /** By any receipt: a delivery that was given up may still acknowledge. */
  acknowledge(id: number): void {
    this.messages = this.messages.filter((message) => message.id !== id);
  }
  changeVisibility(id: number, visibleAt: number): void {
    const message = this.messages.find((each) => each.id === id);
    if (message) message.visibleAt = visibleAt;
  }
  bury(message: Message, reason: string): void {
    this.acknowledge(message.id);
    this.dead.push({ message, reason });
  }
  lose(id: number): void {
    this.acknowledge(id);
  }
  nextVisibleAt(now: number): number | undefined {
    const later = this.messages.filter((message) => message.visibleAt > now).map((message) => message.visibleAt);
    return later.length > 0 ? Math.min(...later) : undefined;
  }
}
