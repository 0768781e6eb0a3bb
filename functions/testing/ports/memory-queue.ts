import type { Json } from "../../core/json.ts";
import { type Band, bandsInTurn, MIDDLE_BAND } from "../../core/plan/priority-band.ts";
import { type Clock, type OutgoingMessage, PortError, type Queue, type ReceivedMessage } from "../../engine/ports.ts";

interface Message {
  readonly id: string;
  readonly queue: string;
  readonly jobId: string;
  readonly body: Json;
  readonly band: Band;
  receives: number;
  visibleAt: number;
  /** Name of the process that received it. Undefined while it is ready or delayed. */
  holder: string | undefined;
}
interface MemoryDelivery extends ReceivedMessage {
  readonly id: string;
  readonly jobId: string;
}
interface Line {
  messages: Message[];
  /** Index of the next message. Those before it were taken. */
  head: number;
}
const SECOND = 1_000;
const MAX_DELAY_SECONDS = 900;
/** Taken messages after which a line is shortened. */
const CUT_AT = 1_024;

/** The messages that all processes share. */
class Messages {
  /** Ready messages by queue, band and job. The job that is served next comes first in its map. */
  readonly ready = new Map<string, Record<Band, Map<string, Line>>>();
  /** Takes of each queue since several of its bands have had messages. Every eighth serves the lowest one. */
  readonly takes = new Map<string, number>();
  /** Delayed messages and those in flight, by id. */
  readonly waiting = new Map<string, Message>();
  sent = 0;
}

/** Keeps queues in memory, with their receiving side (host/message-source.ts). */
export class MemoryQueue implements Queue {
  readonly maxDelaySeconds = MAX_DELAY_SECONDS;
  readonly #clock: Clock;
  readonly #holder: string;
  readonly #messages: Messages;

  constructor(clock: Clock, holder = "memory", messages = new Messages()) {
    this.#clock = clock;
    this.#holder = holder;
    this.#messages = messages;
  }

  /** Returns the same queues as another process receives from them. */
  as(holder: string): MemoryQueue {
    return new MemoryQueue(this.#clock, holder, this.#messages);
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const { delaySeconds = 0 } of messages) {
      if (delaySeconds > MAX_DELAY_SECONDS)
        throw new PortError("outage", `a message cannot be delayed by ${delaySeconds} s, only by ${MAX_DELAY_SECONDS}`);
    }
    const now = this.#clock.now();
    for (const { queue, jobId, body, band = MIDDLE_BAND, delaySeconds = 0 } of messages) {
      const message = {
        id: `m${++this.#messages.sent}`,
        queue,
        jobId,
        body,
        band,
        receives: 0,
        visibleAt: now + delaySeconds * SECOND,
        holder: undefined,
      };
      if (delaySeconds > 0) this.#messages.waiting.set(message.id, message);
      else this.#line(message).messages.push(message);
    }
  }

  async receive(
    queues: readonly string[],
    max: number,
    visibilitySeconds: number,
    notOf?: ReadonlySet<string>,
  ): Promise<readonly MemoryDelivery[]> {
    const now = this.#clock.now();
    this.#release((message) => message.visibleAt <= now);
    const received: MemoryDelivery[] = [];
    for (const queue of queues) {
      while (received.length < max) {
        const message = this.#take(queue, notOf);
        if (message === undefined) break;
        Object.assign(message, {
          receives: message.receives + 1,
          visibleAt: now + visibilitySeconds * SECOND,
          holder: this.#holder,
        });
        this.#messages.waiting.set(message.id, message);
        const { jobId, body, receives } = message;
        received.push({ id: receiptOf(message), queue, jobId, body, receives });
      }
    }
    return received;
  }

  async ack(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const message = this.#held(id);
      if (message !== undefined) this.#messages.waiting.delete(message.id);
    }
  }

  async later(id: string, delaySeconds: number, counts = true): Promise<void> {
    const message = this.#held(id);
    if (message === undefined) return;
    message.holder = undefined;
    if (!counts) message.receives--;
    message.visibleAt = this.#clock.now() + delaySeconds * SECOND;
  }

  async extend(ids: readonly string[], seconds: number): Promise<void> {
    for (const id of ids) {
      const message = this.#held(id);
      if (message !== undefined) message.visibleAt = this.#clock.now() + seconds * SECOND;
    }
  }

  async nextVisibleAt(queues: readonly string[]): Promise<number | undefined> {
    if (queues.some((queue) => this.#linesOf(queue).some(({ size }) => size > 0))) return 0;
    let next: number | undefined;
    for (const message of this.#messages.waiting.values())
      if (queues.includes(message.queue)) next = Math.min(next ?? Infinity, message.visibleAt);
    return next;
  }

  async releaseAll(): Promise<number> {
    return this.#release((message) => message.holder !== undefined);
  }

  async heldBy(holder: string, except: ReadonlySet<string> = new Set()): Promise<readonly Json[]> {
    const held = [...this.#messages.waiting.values()].filter((message) => message.holder === holder);
    return held.filter((message) => !except.has(receiptOf(message))).map(({ body }) => body);
  }

  async releaseHeldBy(holder: string, except: ReadonlySet<string> = new Set()): Promise<number> {
    return this.#release((message) => message.holder === holder && !except.has(receiptOf(message)));
  }

  async depth(queue: string): Promise<{ ready: number; delayed: number; inFlight: number }> {
    let ready = 0;
    for (const jobs of this.#linesOf(queue))
      for (const line of jobs.values()) ready += line.messages.length - line.head;
    const waiting = [...this.#messages.waiting.values()].filter((message) => message.queue === queue);
    const inFlight = waiting.filter((message) => message.holder !== undefined).length;
    return { ready, delayed: waiting.length - inFlight, inFlight };
  }

  #release(matches: (message: Message) => boolean): number {
    const released = [...this.#messages.waiting.values()].filter(matches).sort((a, b) => a.visibleAt - b.visibleAt);
    for (const message of released) {
      this.#messages.waiting.delete(message.id);
      message.holder = undefined;
      this.#line(message).messages.push(message);
    }
    return released.length;
  }

  #linesOf(queue: string): readonly ReadonlyMap<string, Line>[] {
    return Object.values(this.#messages.ready.get(queue) ?? {});
  }
  #line(message: Message): Line {
    let bands = this.#messages.ready.get(message.queue);
    if (bands === undefined)
      this.#messages.ready.set(message.queue, (bands = { 0: new Map(), 1: new Map(), 2: new Map() }));
    const jobs = bands[message.band];
    let line = jobs.get(message.jobId);
    if (line === undefined) jobs.set(message.jobId, (line = { messages: [], head: 0 }));
    return line;
  }

  #take(queue: string, notOf: ReadonlySet<string> | undefined): Message | undefined {
    const bands = this.#messages.ready.get(queue);
    if (bands === undefined) return undefined;
    const competing = this.#linesOf(queue).filter(({ size }) => size > 0).length > 1;
    const takes = competing ? (this.#messages.takes.get(queue) ?? 0) : 0;
    for (const band of bandsInTurn(takes)) {
      const message = takeOf(bands[band], notOf);
      if (message === undefined) continue;
      this.#messages.takes.set(queue, takes + 1);
      return message;
    }
    return undefined;
  }

  #held(id: string): Message | undefined {
    const message = this.#messages.waiting.get(id.slice(0, id.indexOf("~")));
    return message?.holder !== undefined && receiptOf(message) === id ? message : undefined;
  }
}

function receiptOf(message: Message): string {
  return `${message.id}~${message.receives}`;
}
function takeOf(jobs: Map<string, Line>, notOf: ReadonlySet<string> | undefined): Message | undefined {
  for (const [jobId, line] of jobs) {
    if (notOf?.has(jobId)) continue;
    const message = line.messages[line.head++];
    if (line.head >= CUT_AT) Object.assign(line, { messages: line.messages.slice(line.head), head: 0 });
    // The job goes to the end of the map, so every other job is served before it is again.
    jobs.delete(jobId);
    if (line.head < line.messages.length) jobs.set(jobId, line);
    return message;
  }
  return undefined;
}
