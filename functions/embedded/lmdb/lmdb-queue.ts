import { randomBytes } from "node:crypto";
import type { Json } from "../../core/json.ts";
import { MIDDLE_BAND } from "../../core/plan/priority-band.ts";
import { type Clock, type OutgoingMessage, PortError, type Queue, type QueueDepth } from "../../engine/ports.ts";
import type { Delivery, MessageSource } from "../../host/message-source.ts";
import { type LmdbEnvironment, readCopy } from "./lmdb-environment.ts";
import { sortableInteger } from "./lmdb-key.ts";
import { firstReady, firstVisibleAt, heldMessages, MessageLines, readDepth, type Taken } from "./message-lines.ts";
import { decodeBody, decodeHead, type MessageHead, PLACE } from "./message-record.ts";

export interface LmdbQueueOptions {
  readonly clock: Clock;
  /** Name of this process, by which its messages can be released when it dies. */
  readonly holder: string;
  /** Called after messages became receivable, or will after a delay, since other processes may sleep. */
  readonly onSend?: (queues: readonly string[]) => void;
}

/** Limit of SQS, so that no program works on one machine and fails on AWS. */
const MAX_DELAY_SECONDS = 900;
const SECOND = 1_000;
/** Largest number of messages that one receive makes visible again. The next receive continues. */
const VISIBLE_BATCH = 1_000;
const NONE: ReadonlySet<string> = new Set();

/**
 * Keeps the queues of one machine in the LMDB file of the items, so a send and a write issued together are one commit.
 */
export class LmdbQueue implements Queue, MessageSource {
  readonly maxDelaySeconds = MAX_DELAY_SECONDS;
  readonly #environment: LmdbEnvironment;
  readonly #options: LmdbQueueOptions;
  /**
   * Random part of ids, which are unique over processes. They begin with the time, so that new messages lie together.
   */
  readonly #process = randomBytes(6).toString("hex");
  #sent = 0;
  /** Deliveries that are acknowledged together, since calls come one for each message. */
  readonly #acknowledged: string[] = [];
  #acknowledging: Promise<void> | undefined;

  constructor(environment: LmdbEnvironment, options: LmdbQueueOptions) {
    this.#environment = environment;
    this.#options = options;
  }

  async send(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const { delaySeconds = 0 } of messages) {
      if (delaySeconds > MAX_DELAY_SECONDS)
        throw new PortError("outage", `a message cannot be delayed by ${delaySeconds} s, only by ${MAX_DELAY_SECONDS}`);
    }
    if (messages.length === 0) return;
    const now = this.#options.clock.now();
    await this.#change((lines) => {
      for (const { queue, jobId, body, band = MIDDLE_BAND, delaySeconds = 0 } of messages) {
        const id = this.#nextId(now);
        if (delaySeconds > 0) lines(queue).appendDelayed(id, jobId, body, band, now + delaySeconds * SECOND);
        else lines(queue).append(id, jobId, body, band);
      }
    });
    this.#options.onSend?.([...new Set(messages.map(({ queue }) => queue))]);
  }

  async receive(
    queues: readonly string[],
    max: number,
    visibilitySeconds: number,
    notOf: ReadonlySet<string> = NONE,
  ): Promise<readonly Delivery[]> {
    const now = this.#options.clock.now();
    // Most receives of an idle loop, or of one that excludes jobs, find no message. They need no transaction for that.
    const next = await this.nextVisibleAt(queues);
    if (max <= 0 || next === undefined || next > now || !this.#hasOthers(queues, notOf, now)) return [];
    const taken = await this.#change((lines) => {
      const all: Taken[] = [];
      for (const queue of queues) {
        if (all.length === max) break;
        lines(queue).becomeVisible(now, VISIBLE_BATCH);
        all.push(...lines(queue).take(max - all.length, now + visibilitySeconds * SECOND, this.#options.holder, notOf));
      }
      return all;
    });
    return taken.map(({ id, head, record }) => {
      return {
        id: receiptOf(id, head.receives),
        queue: head.queue,
        jobId: head.jobId,
        body: decodeBody(record),
        receives: head.receives,
      };
    });
  }

  async ack(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    this.#acknowledged.push(...ids);
    this.#acknowledging ??= Promise.resolve().then(() => {
      const all = this.#acknowledged.splice(0);
      this.#acknowledging = undefined;
      return this.#change((lines) => {
        for (const each of all) this.#ifHeld(each, (id, head) => lines(head.queue).remove(id, head));
      });
    });
    await this.#acknowledging;
  }

  async later(id: string, delaySeconds: number, counts = true): Promise<void> {
    const visibleAt = this.#options.clock.now() + delaySeconds * SECOND;
    const queue = await this.#change((lines) =>
      this.#ifHeld(id, (message, head) => {
        lines(head.queue).giveBack(message, visibleAt, counts);
        return head.queue;
      }),
    );
    if (queue !== undefined) this.#options.onSend?.([queue]);
  }

  async extend(ids: readonly string[], seconds: number): Promise<void> {
    if (ids.length === 0) return;
    const visibleAt = this.#options.clock.now() + seconds * SECOND;
    await this.#change((lines) => {
      for (const each of ids)
        this.#ifHeld(each, (id, head) => lines(head.queue).extend(id, visibleAt, this.#options.holder));
    });
  }

  async nextVisibleAt(queues: readonly string[]): Promise<number | undefined> {
    return this.#environment.reading(() => {
      if (queues.some((queue) => readDepth(this.#environment, queue).ready > 0)) return 0;
      const times = queues
        .map((queue) => firstVisibleAt(this.#environment, queue))
        .filter((time) => time !== undefined);
      return times.length === 0 ? undefined : Math.min(...times);
    });
  }

  releaseAll(): Promise<number> {
    return this.#release(undefined);
  }

  async heldBy(holder: string, except: ReadonlySet<string> = NONE): Promise<readonly Json[]> {
    const kept = new Set([...except].map(messageOf));
    return this.#environment.reading(() =>
      this.#queues()
        .flatMap((queue) => heldMessages(this.#environment, queue, holder))
        .filter((id) => !kept.has(id))
        .flatMap((id) => {
          const record = readCopy(this.#environment.messages, id);
          return record === undefined ? [] : [decodeBody(record)];
        }),
    );
  }

  releaseHeldBy(holder: string, except: ReadonlySet<string> = NONE): Promise<number> {
    return this.#release(holder, new Set([...except].map(messageOf)));
  }

  async depth(queue: string): Promise<QueueDepth> {
    return this.#environment.reading(() => readDepth(this.#environment, queue));
  }

  async #release(holder: string | undefined, except: ReadonlySet<string> = NONE): Promise<number> {
    const released = await this.#change((lines) => {
      return this.#queues()
        .map((queue) => ({ queue, count: lines(queue).release(holder, except) }))
        .filter(({ count }) => count > 0);
    });
    if (released.length > 0) this.#options.onSend?.(released.map(({ queue }) => queue));
    return released.reduce((sum, { count }) => sum + count, 0);
  }

  #queues(): string[] {
    return [...this.#environment.queues.getKeys({ start: " ", end: "\u{10ffff}" })];
  }
  /**
   * Returns whether there may be a message of another job. The jobs of messages that become visible now are not read.
   */
  #hasOthers(queues: readonly string[], notOf: ReadonlySet<string>, now: number): boolean {
    const has = (queue: string): boolean =>
      (firstVisibleAt(this.#environment, queue) ?? Number.POSITIVE_INFINITY) <= now ||
      firstReady(this.#environment, queue, 1, notOf).length > 0;
    return notOf.size === 0 || this.#environment.reading(() => queues.some(has));
  }

  /** Runs the action in one transaction. Lines are opened at their first use and saved at the end. */
  #change<T>(action: (lines: (queue: string) => MessageLines) => T): Promise<T> {
    return this.#environment.gatherer.run(() => {
      const opened = new Map<string, MessageLines>();
      const result = action((queue) => {
        let lines = opened.get(queue);
        if (lines === undefined) opened.set(queue, (lines = new MessageLines(this.#environment, queue)));
        return lines;
      });
      for (const lines of opened.values()) lines.saveCounters();
      return result;
    });
  }

  /**
   * Runs `act` unless the delivery has ended. It ends when its message is acknowledged, given back or dead, or is
   * received again after its visibility.
   */
  #ifHeld<T>(receipt: string, act: (id: string, head: MessageHead, record: Buffer) => T): T | undefined {
    const id = messageOf(receipt);
    const record = id === "" ? undefined : readCopy(this.#environment.messages, id);
    if (record === undefined) return undefined;
    const head = decodeHead(record);
    return head.place === PLACE.inFlight && receiptOf(id, head.receives) === receipt
      ? act(id, head, record)
      : undefined;
  }

  #nextId(now: number): string {
    return `${sortableInteger(now)}${(++this.#sent).toString(36).padStart(8, "0")}${this.#process}`;
  }
}

function messageOf(receipt: string): string {
  return receipt.slice(0, receipt.indexOf("~"));
}
function receiptOf(id: string, receives: number): string {
  return `${id}~${receives}`;
}
