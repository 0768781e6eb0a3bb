import type { Json } from "../../core/json.ts";
import { type Band, LOWEST_EVERY, MIDDLE_BAND, sharesOfTakes } from "../../core/plan/priority-band.ts";
import type { QueueDepth } from "../../engine/ports.ts";
import { type LmdbEnvironment, readCopy, readVolatile } from "./lmdb-environment.ts";
import { parseSortableInteger, prefixEnd, SEPARATOR, SORTABLE_CHARACTERS, sortableInteger } from "./lmdb-key.ts";
import { decodeHead, encodeMessage, type MessageHead, moveMessage, PLACE } from "./message-record.ts";

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
 * Each priority band has such a line and a virtual time of its own. The highest band is taken first, and every eighth
 * take serves the lowest one that has a message.
 *
 * Keys of `lines`, each after the queue's name:
 *     `r` start tag, id; `rh` and `rl` for the high and the low band
 *     `w` time, id (value: holder)
 *     `j` job (value: its last start tag, while the queue has not reached it); `jh` and `jl`
 */
const READY: Readonly<Record<Band, string>> = { 0: "rl", 1: "r", 2: "rh" };
const INVISIBLE = "w";
const JOB: Readonly<Record<Band, string>> = { 0: "jl", 1: "j", 2: "jh" };
/** Releases without bands wrote the first four counters only, and so does a queue that has only the middle band. */
const PLAIN_COUNTERS = 4;
const DOUBLE = 8;
const NOTHING = Buffer.from([1]);
const HIGHEST_FIRST: readonly Band[] = [2, 1, 0];
/** Ready messages that a read for other jobs may skip, beyond one for each job. */
const SKIPPED = 8;

interface Counters {
  /** Start tags that the bands have reached, and their ready messages. */
  virtualTime: Record<Band, number>;
  ready: Record<Band, number>;
  delayed: number;
  inFlight: number;
  /** Takes since several bands have had messages. So the first take of several bands is one of the highest. */
  takes: number;
}
const readyOf = ({ ready }: Counters): number => ready[0] + ready[1] + ready[2];

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

  append(id: string, jobId: string, body: Json, band: Band): void {
    const position = this.#nextTag(jobId, band);
    const head = { place: PLACE.ready, band, receives: 0, position, queue: this.#queue, jobId };
    this.#environment.messages.putSync(id, encodeMessage(head, body));
    this.#enter(id, head, "");
  }

  appendDelayed(id: string, jobId: string, body: Json, band: Band, visibleAt: number): void {
    const head = { place: PLACE.delayed, band, receives: 0, position: visibleAt, queue: this.#queue, jobId };
    this.#environment.messages.putSync(id, encodeMessage(head, body));
    this.#enter(id, head, "");
  }

  /** Takes the next messages of other jobs than `notOf`. They are now in flight with the holder. */
  take(max: number, visibleAt: number, holder: string, notOf: ReadonlySet<string>): readonly Taken[] {
    const { ready } = this.#counters;
    if (readyOf(this.#counters) === 0) return [];
    if (ready[0] === 0 && ready[2] === 0) {
      this.#counters.takes = 0;
      return this.#takeOf(MIDDLE_BAND, max, visibleAt, holder, notOf);
    }
    const competing = HIGHEST_FIRST.filter((band) => ready[band] > 0).length > 1;
    const shares = sharesOfTakes(competing ? this.#counters.takes : 0, max, ready);
    const taken: Taken[] = [];
    let left = 0;
    for (const band of HIGHEST_FIRST) {
      // What one band could not give, because its messages belong to excluded jobs, the next one gives.
      const asked = shares[band] + left;
      const some = asked === 0 ? [] : this.#takeOf(band, asked, visibleAt, holder, notOf);
      left = asked - some.length;
      taken.push(...some);
    }
    this.#counters.takes = competing ? (this.#counters.takes + taken.length) % LOWEST_EVERY : 0;
    return taken;
  }
  #takeOf(band: Band, max: number, visibleAt: number, holder: string, notOf: ReadonlySet<string>): readonly Taken[] {
    const taken: Taken[] = [];
    for (const { position, id } of firstReadyOf(this.#environment, this.#queue, band, max, notOf)) {
      const moved = this.#move(
        id,
        (head) => ({ place: PLACE.inFlight, receives: head.receives + 1, position: visibleAt }),
        holder,
      );
      // Skipped messages must come before later ones, so the time does not pass them.
      const { virtualTime } = this.#counters;
      if (notOf.size === 0) virtualTime[band] = Math.max(virtualTime[band], position);
      taken.push(moved);
    }
    this.#removeReachedTags(taken, band);
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
    const { virtualTime, ready, delayed, inFlight, takes } = this.#counters;
    const all = [
      virtualTime[1],
      ready[1],
      delayed,
      inFlight,
      virtualTime[0],
      ready[0],
      virtualTime[2],
      ready[2],
      takes,
    ];
    const kept = all.slice(PLAIN_COUNTERS).some((value) => value !== 0) ? all : all.slice(0, PLAIN_COUNTERS);
    const bytes = Buffer.allocUnsafe(kept.length * DOUBLE);
    kept.forEach((value, index) => bytes.writeDoubleLE(value, index * DOUBLE));
    this.#environment.queues.putSync(this.#queue, bytes);
  }

  #toReady(id: string): void {
    this.#move(
      id,
      ({ receives, jobId, band }) => ({ place: PLACE.ready, receives, position: this.#nextTag(jobId, band) }),
      "",
    );
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
    this.#count(head, 1);
    this.#environment.lines.putSync(
      this.#placeKey(id, head),
      head.place === PLACE.inFlight ? Buffer.from(`h${holder}`) : NOTHING,
    );
  }
  #leave(id: string, head: MessageHead): void {
    this.#count(head, -1);
    this.#environment.lines.removeSync(this.#placeKey(id, head));
  }
  #count({ place, band }: MessageHead, by: number): void {
    this.#changed = true;
    if (place === PLACE.ready) this.#counters.ready[band] += by;
    else if (place === PLACE.delayed) this.#counters.delayed += by;
    else this.#counters.inFlight += by;
  }

  #nextTag(jobId: string, band: Band): number {
    const key = this.#prefix(JOB[band]) + jobId;
    const last = this.#lastTags.get(key) ?? readTag(readVolatile(this.#environment.lines, key));
    const tag = Math.max(this.#counters.virtualTime[band], last + 1);
    this.#lastTags.set(key, tag);
    this.#environment.lines.putSync(key, Buffer.from(sortableInteger(tag)));
    return tag;
  }
  /** A job whose last tag the queue has reached starts at the present time anyway, so its record is not needed. */
  #removeReachedTags(taken: readonly Taken[], band: Band): void {
    for (const jobId of new Set(taken.map(({ head }) => head.jobId))) {
      const key = this.#prefix(JOB[band]) + jobId;
      if (readTag(readVolatile(this.#environment.lines, key)) <= this.#counters.virtualTime[band])
        this.#environment.lines.removeSync(key);
    }
  }

  #placeKey(id: string, head: MessageHead): string {
    return (
      this.#prefix(head.place === PLACE.ready ? READY[head.band] : INVISIBLE) +
      sortableInteger(head.position) +
      SEPARATOR +
      id
    );
  }
  #prefix(kind: string): string {
    return linesPrefix(this.#queue, kind);
  }
}

/** Returns up to `max` ready messages of other jobs than `notOf`, band by band from the highest. */
export function firstReady(
  environment: LmdbEnvironment,
  queue: string,
  max: number,
  notOf: ReadonlySet<string>,
): readonly Placed[] {
  const { ready } = readCounters(environment, queue);
  const placed: Placed[] = [];
  for (const band of HIGHEST_FIRST)
    if (ready[band] > 0 && placed.length < max)
      placed.push(...firstReadyOf(environment, queue, band, max - placed.length, notOf));
  return placed;
}
/**
 * Returns up to `max` ready messages of one band, in order of their tags. It skips a bounded number of messages of
 * `notOf`. That finds other jobs, because most jobs have one message at each tag.
 */
function firstReadyOf(
  environment: LmdbEnvironment,
  queue: string,
  band: Band,
  max: number,
  notOf: ReadonlySet<string>,
): readonly Placed[] {
  const prefix = linesPrefix(queue, READY[band]);
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
  const ready = HIGHEST_FIRST.flatMap((band) => firstReadyOf(environment, queue, band, LOOKED_AT, new Set()));
  const times = ready.map(({ id }) => parseSortableInteger(id.slice(0, SORTABLE_CHARACTERS)));
  return times.length === 0 ? undefined : Math.min(...times);
}

export function readDepth(environment: LmdbEnvironment, queue: string): QueueDepth {
  const counters = readCounters(environment, queue);
  return { ready: readyOf(counters), delayed: counters.delayed, inFlight: counters.inFlight };
}

function readCounters(environment: LmdbEnvironment, queue: string): Counters {
  const bytes = readVolatile(environment.queues, queue);
  const at = (index: number): number =>
    bytes === undefined || bytes.length <= index * DOUBLE ? 0 : bytes.readDoubleLE(index * DOUBLE);
  return {
    virtualTime: { 0: at(4), 1: at(0), 2: at(6) },
    ready: { 0: at(5), 1: at(1), 2: at(7) },
    delayed: at(2),
    inFlight: at(3),
    takes: at(8),
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
