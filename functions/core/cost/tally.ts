import { ENGINE_QUEUE } from "../names/queue-name.ts";
import type { Counts } from "../plan/counts.ts";
import type { WorkCount } from "./work-count.ts";
import { type MemberRuns, type StrandShape } from "./work-shape.ts";

/** A sum of counts that grows while a walk goes on. A map, because a job may use 100,000 queues. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /** Returns the sum of one count. */
  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
  entries(): Iterable<readonly [name: string, count: number]> {
    return this.#counts;
  }
  add(counts: Counts, times = 1): void {
    for (const name in counts) this.addOne(name, times * (counts[name] as number));
  }
  addAll(other: Tally, times = 1): void {
    for (const [name, count] of other.#counts) this.addOne(name, times * count);
  }
  copy(): Tally {
    const copy = new Tally();
    copy.addAll(this);
    return copy;
  }
  addOne(name: string, count: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }
}

/** A message for members at the same step, or a step that runs in place. It is met `times` times. */
export interface Turn {
  readonly pack: readonly MemberRuns[];
  readonly at: number;
  /** Steps that the message has run in place so far. */
  readonly inPlace: number;
  readonly times: number;
}

/**
 * Returns a function that skips repetitions of a loop. What a repetition takes depends only on how many steps its
 * message has run in place before. So once two repetitions begin alike, those between them are added as often as they
 * still fit, and the walk goes on behind them.
 */
export function skipRepetitions({ steps, times = 1 }: StrandShape, sum: Tally): (turn: Turn) => Turn {
  const begun = new Map<number, { readonly at: number; readonly sum: Tally }>();
  let skipped = times === 1;
  return (turn) => {
    if (skipped || turn.at === 0 || turn.at % steps.length > 0) return turn;
    const before = begun.get(turn.inPlace);
    if (!before) {
      begun.set(turn.inPlace, { at: turn.at, sum: sum.copy() });
      return turn;
    }
    skipped = true;
    const cycle = turn.at - before.at;
    const fit = Math.floor(((times - 1) * steps.length - turn.at) / cycle);
    const since = sum.copy();
    since.addAll(before.sum, -1);
    sum.addAll(since, fit);
    return { ...turn, at: turn.at + fit * cycle };
  };
}

/**
 * Counts what the runs of one message add that share calls of a bulk task. They are put into the pool of their task, and
 * taken out. A call that is full is sent as a message, for which a dispatcher looks, and which may cut a pack in two. A
 * part of a call is counted as a part, since others fill it.
 */
export function poolWork(calls: number, queue: string): Tally {
  const sum = new Tally();
  sum.add({
    "w:jobs": 2 + calls * (CUT_WRITES + LOOK_WRITES),
    reads: POOL_READS + calls * CALL_READS,
    [`m:${queue}`]: calls,
    [`m:${ENGINE_QUEUE}`]: calls,
    send: 2 * calls,
    receive: 2 * calls,
  });
  return sum;
}
/** A pack that is cut is shortened, or put again. A dispatcher takes its lease and leaves it. */
const CUT_WRITES = 1;
const LOOK_WRITES = 2;
/** A pack is looked for before it is put. A call reads its pool, and the headers and plans of its packs. */
const POOL_READS = 4;
const CALL_READS = 12;

/** Returns a sum in the form in which work is counted. */
export function workCountOf(sum: Tally): Omit<WorkCount, "height" | "headerReads"> {
  const of = (name: string): number => Math.round(sum.of(name));
  const messages = [...sum.entries()]
    .filter(([name]) => name.startsWith("m:"))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    taskRuns: of("taskRuns"),
    members: of("members"),
    groups: of("groups"),
    writes: {
      rows: of("w:rows"),
      ledger: of("w:ledger"),
      headers: of("w:headers"),
      plan: of("w:plan"),
      jobs: of("w:jobs"),
    },
    reads: of("reads"),
    blobs: of("blobs"),
    messages: Object.fromEntries(messages.map(([name, count]) => [name.slice(2), count])),
    requests: { send: of("send"), receive: of("receive"), delete: of("receive") },
  };
}
