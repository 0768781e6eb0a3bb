import type { Json } from "../../core/json.ts";
import type { QueueDepth } from "../../engine/ports.ts";
import { type LmdbEnvironment, readCopy, readVolatile } from "./lmdb-environment.ts";
import { parseSortableInteger, prefixEnd, SEPARATOR, SORTABLE_CHARACTERS, sortableInteger } from "./lmdb-key.ts";
import { decodeHead, encodeMessage, type MessageHead, moveMessage, PLACE, type Place } from "./message-record.ts";

/**
 * The lines of one queue, inside one transaction. A message is ready or invisible:
 *
 *     ready --take--> invisible (in flight, or delayed) --its time comes, or it is released--> ready
 *
 * Jobs are served round robin from one ordered line, by start-time fair queueing. A message gets a start tag when it
 * becomes ready. The tag is one more than the last tag of its job, and at least the queue's virtual time, which is the
 * greatest tag taken from the front of the line. So the tags of one job are one apart, a new job starts at the present
 * time, and the messages of all jobs interleave.
 *
 * Keys of `lines`, each after the queue's name:
 *     `r` start tag, id
 *     `w` time, id (value: holder)
 *     `j` job (value: its last start tag, while the queue has not reached it)
 */
const READY = "r";
const INVISIBLE = "w";
const JOB = "j";
const COUNTER_BYTES = 32;
const NOTHING = Buffer.from([1]);
/** Ready messages that a read for other jobs may skip, beyond one for each job. */
const SKIPPED = 8;

interface Counters {
  /** Start tag that the queue has reached. */
  virtualTime: number;
  ready: number;
  delayed: number;
  inFlight: number;
}

export interface Taken {
  readonly id: string;
  readonly head: MessageHead;
  /** Copy of the record. Its body is decoded after the transaction. */
  readonly record: Buffer;
}

export class MessageLines {
  readonly #environment: LmdbEnvironment;
  readonly #queue: string;
  readonly #counters: Counters;
  #changed = false;
  readonly #lastTags = new Map<string, number>();

  constructor(environment: LmdbEnvironment, queue: string) {
    this.#environment = environment;
    this.#queue = queue;
    this.#counters = readCounters(environment, queue);
  }

  append(id: string, jobId: string, body: Json): void {
    const position = this.#nextTag(jobId);
    const head = { place: PLACE.ready, receives: 0, position, queue: this.#queue, jobId };
    this.#environment.messages.putSync(id, encodeMessage(head, body));
    this.#enter(id, head, "");
  }

  appendDelayed(id: string, jobId: string, body: Json, visibleAt: number): void {
    const head = { place: PLACE.delayed, receives: 0, position: visibleAt, queue: this.#queue, jobId };
    this.#environment.messages.putSync(id, encodeMessage(head, body));
    this.#enter(id, head, "");
  }

  /** Takes the next messages of other jobs than `notOf`. They are now in flight with the holder. */
  take(max: number, visibleAt: number, holder: string, notOf: ReadonlySet<string>): readonly Taken[] {
    if (this.#counters.ready === 0) return [];
    const taken: Taken[] = [];
    for (const { position, id } of firstReady(this.#environment, this.#queue, max, notOf)) {
      const moved = this.#move(
        id,
        (head) => ({ place: PLACE.inFlight, receives: head.receives + 1, position: visibleAt }),
        holder,
      );
      // Skipped messages must come before later ones, so the time does not pass them.
      if (notOf.size === 0) this.#counters.virtualTime = Math.max(this.#counters.virtualTime, position);
      taken.push(moved);
    }
    this.#removeReachedTags(taken);
    return taken;
  }

  /** Makes up to `max` messages whose time has come ready, and returns their number. */
  becomeVisible(now: number, max: number): number {
    const prefix = this.#prefix(INVISIBLE);
    const end = prefix + sortableInteger(now + 1);
    const due = [...this.#environment.lines.getKeys({ start: prefix, end, limit: max })];
    for (const key of due) this.#toReady(parsePlaced(key, prefix).id);
    return due.length;
  }

  /**
   * Makes the messages in flight with the holder ready, or with any holder when undefined, except these. Returns their
   * number.
   */
  release(holder: string | undefined, except: ReadonlySet<string>): number {
    const held = heldMessages(this.#environment, this.#queue, holder).filter((id) => !except.has(id));
    for (const id of held) this.#toReady(id);
    return held.length;
  }

  /** Keeps a message in flight until `visibleAt`. */
  extend(id: string, visibleAt: number, holder: string): void {
    this.#move(id, ({ receives }) => ({ place: PLACE.inFlight, receives, position: visibleAt }), holder);
  }
  /** Makes a message in flight visible from `visibleAt` on. With `counts` false, its delivery is taken back. */
  giveBack(id: string, visibleAt: number, counts: boolean): void {
    const back = counts ? 0 : 1;
    this.#move(id, ({ receives }) => ({ place: PLACE.delayed, receives: receives - back, position: visibleAt }), "");
  }

  remove(id: string, head: MessageHead): void {
    this.#leave(id, head);
    this.#environment.messages.removeSync(id);
  }

  /**
   * Writes the counters, as the last step. It writes nothing without a change, since a transaction without a write is
   * free.
   */
  saveCounters(): void {
    if (!this.#changed) return;
    const { virtualTime, ready, delayed, inFlight } = this.#counters;
    const bytes = Buffer.allocUnsafe(COUNTER_BYTES);
    [virtualTime, ready, delayed, inFlight].forEach((value, index) => bytes.writeDoubleLE(value, index * 8));
    this.#environment.queues.putSync(this.#queue, bytes);
  }

  #toReady(id: string): void {
    this.#move(id, ({ receives, jobId }) => ({ place: PLACE.ready, receives, position: this.#nextTag(jobId) }), "");
  }

  #move(
    id: string,
    to: (head: MessageHead) => Pick<MessageHead, "place" | "receives" | "position">,
    holder: string,
  ): Taken {
    const record = readCopy(this.#environment.messages, id);
    if (record === undefined) throw new Error(`message ${id} is in line but is not stored`);
    const before = decodeHead(record);
    const head = { ...before, ...to(before) };
    this.#leave(id, before);
    moveMessage(record, head);
    this.#environment.messages.putSync(id, record);
    this.#enter(id, head, holder);
    return { id, head, record };
  }

  #enter(id: string, head: MessageHead, holder: string): void {
    this.#count(head.place, 1);
    this.#environment.lines.putSync(
      this.#placeKey(id, head),
      head.place === PLACE.inFlight ? Buffer.from(`h${holder}`) : NOTHING,
    );
  }
  #leave(id: string, head: MessageHead): void {
    this.#count(head.place, -1);
    this.#environment.lines.removeSync(this.#placeKey(id, head));
  }
  #count(place: Place, by: number): void {
    this.#changed = true;
    if (place === PLACE.ready) this.#counters.ready += by;
    else if (place === PLACE.delayed) this.#counters.delayed += by;
    else this.#counters.inFlight += by;
  }

  #nextTag(jobId: string): number {
    const last = this.#lastTags.get(jobId) ?? readTag(readVolatile(this.#environment.lines, this.#prefix(JOB) + jobId));
    const tag = Math.max(this.#counters.virtualTime, last + 1);
    this.#lastTags.set(jobId, tag);
    this.#environment.lines.putSync(this.#prefix(JOB) + jobId, Buffer.from(sortableInteger(tag)));
    return tag;
  }
  /** A job whose last tag the queue has reached starts at the present time anyway, so its record is not needed. */
  #removeReachedTags(taken: readonly Taken[]): void {
    for (const jobId of new Set(taken.map(({ head }) => head.jobId))) {
      const key = this.#prefix(JOB) + jobId;
      if (readTag(readVolatile(this.#environment.lines, key)) <= this.#counters.virtualTime)
        this.#environment.lines.removeSync(key);
    }
  }

  #placeKey(id: string, head: MessageHead): string {
    return (
      this.#prefix(head.place === PLACE.ready ? READY : INVISIBLE) + sortableInteger(head.position) + SEPARATOR + id
    );
  }
  #prefix(kind: string): string {
    return linesPrefix(this.#queue, kind);
  }
}

/**
 * Returns up to `max` ready messages of other jobs than `notOf`, in order of their tags. It skips a bounded number of
 * messages of `notOf`. That finds other jobs, because most jobs have one message at each tag.
 */
export function firstReady(
  environment: LmdbEnvironment,
  queue: string,
  max: number,
  notOf: ReadonlySet<string>,
): readonly Placed[] {
  const prefix = linesPrefix(queue, READY);
  const keys = environment.lines.getKeys({
    start: prefix,
    end: prefixEnd(prefix),
    limit: notOf.size === 0 ? max : max + notOf.size + SKIPPED,
  });
  const placed = [...keys].map((key) => parsePlaced(key, prefix));
  return (notOf.size === 0 ? placed : placed.filter(({ id }) => !notOf.has(jobOf(environment, id)))).slice(0, max);
}
function jobOf(environment: LmdbEnvironment, id: string): string {
  const record = readVolatile(environment.messages, id);
  if (record === undefined) throw new Error(`message ${id} is in line but is not stored`);
  return decodeHead(record).jobId;
}

/** Returns the ids of the messages in flight with the holder, or with any holder when undefined. */
export function heldMessages(environment: LmdbEnvironment, queue: string, holder: string | undefined): string[] {
  const prefix = linesPrefix(queue, INVISIBLE);
  const held: string[] = [];
  for (const { key, value } of environment.lines.getRange({ start: prefix, end: prefixEnd(prefix) })) {
    const name = readHolder(value);
    if (name !== undefined && (holder === undefined || name === holder)) held.push(parsePlaced(key, prefix).id);
  }
  return held;
}
/** Returns when the first invisible message becomes visible. Returns undefined when there is none. */
export function firstVisibleAt(environment: LmdbEnvironment, queue: string): number | undefined {
  const prefix = linesPrefix(queue, INVISIBLE);
  for (const key of environment.lines.getKeys({ start: prefix, end: prefixEnd(prefix), limit: 1 }))
    return parsePlaced(key, prefix).position;
  return undefined;
}

/** Ready messages among which the oldest is looked for. Jobs are interleaved, so each of that many jobs is seen. */
const LOOKED_AT = 1_000;
/** Returns when the oldest ready message was sent, in milliseconds since the epoch. Ids begin with that time. */
export function oldestSentAt(environment: LmdbEnvironment, queue: string): number | undefined {
  const ready = firstReady(environment, queue, LOOKED_AT, new Set());
  const times = ready.map(({ id }) => parseSortableInteger(id.slice(0, SORTABLE_CHARACTERS)));
  return times.length === 0 ? undefined : Math.min(...times);
}

export function readDepth(environment: LmdbEnvironment, queue: string): QueueDepth {
  const { ready, delayed, inFlight } = readCounters(environment, queue);
  return { ready, delayed, inFlight };
}

function readCounters(environment: LmdbEnvironment, queue: string): Counters {
  const bytes = readVolatile(environment.queues, queue);
  if (bytes === undefined) return { virtualTime: 0, ready: 0, delayed: 0, inFlight: 0 };
  return {
    virtualTime: bytes.readDoubleLE(0),
    ready: bytes.readDoubleLE(8),
    delayed: bytes.readDoubleLE(16),
    inFlight: bytes.readDoubleLE(24),
  };
}
function linesPrefix(queue: string, kind: string): string {
  return queue + SEPARATOR + kind + SEPARATOR;
}
interface Placed {
  readonly position: number;
  readonly id: string;
}
function parsePlaced(key: string, prefix: string): Placed {
  const separator = key.indexOf(SEPARATOR, prefix.length);
  return { position: parseSortableInteger(key.slice(prefix.length, separator)), id: key.slice(separator + 1) };
}
function readTag(bytes: Buffer | undefined): number {
  return bytes === undefined ? -1 : parseSortableInteger(bytes.toString("latin1", 0, bytes.length));
}
function readHolder(value: Uint8Array): string | undefined {
  const text = Buffer.from(value).toString("utf8");
  return text.startsWith("h") ? text.slice(1) : undefined;
}
