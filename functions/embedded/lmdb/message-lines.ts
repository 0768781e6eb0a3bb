import type { Json } from "../../core/json.ts";
import type { QueueDepth } from "../../host/message-source.ts";
import { type LmdbEnvironment, readCopy, readVolatile } from "./lmdb-environment.ts";
import { parseSortableInteger, prefixEnd, SEPARATOR, sortableInteger } from "./lmdb-key.ts";
import { decodeHead, encodeMessage, type MessageHead, moveMessage, PLACE, type Place } from "./message-record.ts";

/**
 * The lines of one queue, inside one transaction. A message is in one of two places:
 *
 *     ready --take--> out of sight (in flight, or delayed) --its time comes, or it is released--> ready
 *
 * Round robin over jobs, with one ordered line instead of one per job (start-time fair queueing): each message gets a turn when it becomes ready, the
 * one after its job's last, but never before the turn that the queue is at. So a job's messages have turns one apart, a job that comes later
 * starts at the present turn, and the messages of all jobs interleave in the order of turns.
 *
 * Keys of `lines`, each after the queue's name: `r` turn, id · `w` time, id (value: holder) · `j` job (value: its last turn, while that lies ahead).
 */
const READY = "r";
const WAITING = "w";
const JOB = "j";
const COUNTER_BYTES = 32;
const NOTHING = Buffer.from([1]);
const PASSED_OVER = 8;

interface Counters {
  turn: number;
  ready: number;
  delayed: number;
  inFlight: number;
}

export interface Taken {
  readonly id: string;
  readonly head: MessageHead;
  /** A copy, not yet decoded: that can be done after the transaction. */
  readonly record: Buffer;
}

export class MessageLines {
  readonly #environment: LmdbEnvironment;
  readonly #queue: string;
  readonly #counters: Counters;
  #changed = false;
  readonly #lastTurns = new Map<string, number>();

  constructor(environment: LmdbEnvironment, queue: string) {
    this.#environment = environment;
    this.#queue = queue;
    this.#counters = readCounters(environment, queue);
  }

  append(id: string, jobId: string, body: Json): void {
    const position = this.#nextTurn(jobId);
    const head = { place: PLACE.ready, receives: 0, position, queue: this.#queue, jobId };
    this.#environment.messages.putSync(id, encodeMessage(head, body));
    this.#enter(id, head, "");
  }

  appendDelayed(id: string, jobId: string, body: Json, visibleAt: number): void {
    const head = { place: PLACE.delayed, receives: 0, position: visibleAt, queue: this.#queue, jobId };
    this.#environment.messages.putSync(id, encodeMessage(head, body));
    this.#enter(id, head, "");
  }

  /** The next messages in turn, now in flight with the holder. */
  take(max: number, visibleAt: number, holder: string, notOf: ReadonlySet<string>): readonly Taken[] {
    if (this.#counters.ready === 0) return [];
    const taken: Taken[] = [];
    for (const { position, id } of firstReady(this.#environment, this.#queue, max, notOf)) {
      const moved = this.#move(id, (head) => ({ place: PLACE.inFlight, receives: head.receives + 1, position: visibleAt }), holder);
      // What was passed over has its turn before who comes later.
      if (notOf.size === 0) this.#counters.turn = Math.max(this.#counters.turn, position);
      taken.push(moved);
    }
    this.#forgetTurns(taken);
    return taken;
  }

  /** Messages out of sight whose time has come, at most so many. */
  becomeVisible(now: number, max: number): number {
    const prefix = this.#prefix(WAITING);
    const end = prefix + sortableInteger(now + 1);
    const due = [...this.#environment.lines.getKeys({ start: prefix, end, limit: max })];
    for (const key of due) this.#toReady(parsePlaced(key, prefix).id);
    return due.length;
  }

  /** Messages in flight with the holder; undefined: with anyone. */
  release(holder: string | undefined): number {
    const prefix = this.#prefix(WAITING);
    const held: string[] = [];
    for (const { key, value } of this.#environment.lines.getRange({ start: prefix, end: prefixEnd(prefix) })) {
      const name = readHolder(value);
      if (name !== undefined && (holder === undefined || name === holder)) held.push(parsePlaced(key, prefix).id);
    }
    for (const id of held) this.#toReady(id);
    return held.length;
  }

  moveOutOfSight(id: string, place: Place, visibleAt: number, holder: string): void {
    this.#move(id, ({ receives }) => ({ place, receives, position: visibleAt }), holder);
  }

  remove(id: string, head: MessageHead): void {
    this.#leave(id, head);
    this.#environment.messages.removeSync(id);
  }

  /** Must come last. Without a change nothing is written, and a transaction that wrote nothing costs no commit. */
  saveCounters(): void {
    if (!this.#changed) return;
    const { turn, ready, delayed, inFlight } = this.#counters;
    const bytes = Buffer.allocUnsafe(COUNTER_BYTES);
    [turn, ready, delayed, inFlight].forEach((value, index) => bytes.writeDoubleLE(value, index * 8));
    this.#environment.queues.putSync(this.#queue, bytes);
  }

  #toReady(id: string): void {
    this.#move(id, ({ receives, jobId }) => ({ place: PLACE.ready, receives, position: this.#nextTurn(jobId) }), "");
  }

  #move(id: string, to: (head: MessageHead) => Pick<MessageHead, "place" | "receives" | "position">, holder: string): Taken {
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
    this.#environment.lines.putSync(this.#placeKey(id, head), head.place === PLACE.inFlight ? Buffer.from(`h${holder}`) : NOTHING);
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

  #nextTurn(jobId: string): number {
    const last = this.#lastTurns.get(jobId) ?? readTurn(readVolatile(this.#environment.lines, this.#prefix(JOB) + jobId));
    const turn = Math.max(this.#counters.turn, last + 1);
    this.#lastTurns.set(jobId, turn);
    this.#environment.lines.putSync(this.#prefix(JOB) + jobId, Buffer.from(sortableInteger(turn)));
    return turn;
  }
  /** A job whose last turn the queue has reached starts at the present turn anyway, so its record can go. */
  #forgetTurns(taken: readonly Taken[]): void {
    for (const jobId of new Set(taken.map(({ head }) => head.jobId))) {
      const key = this.#prefix(JOB) + jobId;
      if (readTurn(readVolatile(this.#environment.lines, key)) <= this.#counters.turn) this.#environment.lines.removeSync(key);
    }
  }

  #placeKey(id: string, head: MessageHead): string {
    return this.#prefix(head.place === PLACE.ready ? READY : WAITING) + sortableInteger(head.position) + SEPARATOR + id;
  }
  #prefix(kind: string): string {
    return linesPrefix(this.#queue, kind);
  }
}

/** Up to so many messages, in turn, of other jobs than these. Looks at some messages of these and no more: of a turn, most jobs have one. */
export function firstReady(environment: LmdbEnvironment, queue: string, max: number, notOf: ReadonlySet<string>): readonly Placed[] {
  const prefix = linesPrefix(queue, READY);
  const keys = environment.lines.getKeys({ start: prefix, end: prefixEnd(prefix), limit: notOf.size === 0 ? max : max + notOf.size + PASSED_OVER });
  const placed = [...keys].map((key) => parsePlaced(key, prefix));
  return (notOf.size === 0 ? placed : placed.filter(({ id }) => !notOf.has(jobOf(environment, id)))).slice(0, max);
}
function jobOf(environment: LmdbEnvironment, id: string): string {
  const record = readVolatile(environment.messages, id);
  if (record === undefined) throw new Error(`message ${id} is in line but is not stored`);
  return decodeHead(record).jobId;
}

/** When the first message out of sight becomes visible. */
export function firstWaiting(environment: LmdbEnvironment, queue: string): number | undefined {
  const prefix = linesPrefix(queue, WAITING);
  for (const key of environment.lines.getKeys({ start: prefix, end: prefixEnd(prefix), limit: 1 })) return parsePlaced(key, prefix).position;
  return undefined;
}

export function readDepth(environment: LmdbEnvironment, queue: string): QueueDepth {
  const { ready, delayed, inFlight } = readCounters(environment, queue);
  return { ready, delayed, inFlight };
}

function readCounters(environment: LmdbEnvironment, queue: string): Counters {
  const bytes = readVolatile(environment.queues, queue);
  if (bytes === undefined) return { turn: 0, ready: 0, delayed: 0, inFlight: 0 };
  return { turn: bytes.readDoubleLE(0), ready: bytes.readDoubleLE(8), delayed: bytes.readDoubleLE(16), inFlight: bytes.readDoubleLE(24) };
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
function readTurn(bytes: Buffer | undefined): number {
  return bytes === undefined ? -1 : parseSortableInteger(bytes.toString("latin1", 0, bytes.length));
}
function readHolder(value: Uint8Array): string | undefined {
  const text = Buffer.from(value).toString("utf8");
  return text.startsWith("h") ? text.slice(1) : undefined;
}
