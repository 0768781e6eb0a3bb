import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { jobIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { all } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { type Header, ownedBy } from "../item-kinds.ts";
import {
  type BacklogEntry,
  jobOrderOf,
  membersKey,
  packKey,
  putEntry,
  rangeKey,
  readEntry,
  readPacks,
} from "../items/backlog-items.ts";
import { readHeader } from "../items/header-reads.ts";
import { sendGeneral } from "../messages/send.ts";
import { decodeMessage, encodeMessage, type EngineMessage } from "../messages/wire.ts";
import type { Place } from "../plan/step-placement.ts";
import type { Key } from "../ports.ts";

/** Returns the cap of a queue; undefined when it has none, and all is sent to it at once. */
export function capOf({ config }: Pick<Context, "config">, queue: string): number | undefined {
  return config.caps?.[queue];
}

type Range = Extract<EngineMessage, { kind: "expand" }>;
type Members = Extract<EngineMessage, { kind: "members" }>;
/** Returns what an entry holds: a range of members, or single members. */
export function heldIn(entry: BacklogEntry): Range | Members {
  return decodeMessage(entry.body) as Range | Members;
}

/** Returns the order of the job of a group. Undefined when the job has been collected. */
async function orderOf(context: Context, header: Header): Promise<string | undefined> {
  if (header.joins === undefined) return jobOrderOf(header);
  const root = await readHeader(context, jobIdOf(header.gid));
  return root && jobOrderOf(root);
}
/** Asks the dispatcher of a queue to look at its backlog. */
export async function askDispatcher(context: Context, queues: Iterable<string>): Promise<void> {
  await all([...new Set(queues)].map((queue) => sendGeneral(context, { kind: "dispatch", queue })));
}

/** Members of a group in one range and place, which wait to be admitted. */
interface Waiting {
  readonly place: Place;
  /** Number of the range. */
  readonly range: number;
  from: number;
  to: number;
  members: number;
}
/**
 * Collects members of a group that a capped queue does not take yet, and puts them as ranges. A range begins and ends
 * where an expand message does, so the entry of a member can be found. Members of other places that lie between are left
 * out when the range is admitted.
 */
export class WaitingMembers {
  readonly #context: Context;
  readonly #header: Header;
  readonly #ranges = new Map<string, Waiting>();

  constructor(context: Context, header: Header) {
    this.#context = context;
    this.#header = header;
  }
  /** Number of members that were added. */
  members = 0;
  add(index: number, place: Place): void {
    this.members++;
    const range = Math.floor(index / this.#context.config.expandRange);
    const key = `${range}#${place.band}#${place.queue}`;
    const waiting = this.#ranges.get(key);
    if (!waiting) this.#ranges.set(key, { place, range, from: index, to: index + 1, members: 1 });
    else {
      waiting.to = index + 1;
      waiting.members++;
    }
  }
  /**
   * Puts the members, then asks the dispatchers. Members that wait already are left. Returns the number of members that
   * do not wait yet.
   */
  async put(): Promise<number> {
    if (this.#ranges.size === 0) return 0;
    const job = await orderOf(this.#context, this.#header);
    if (job === undefined) return 0;
    const ranges = [...this.#ranges.values()];
    const put = await all(ranges.map((waiting) => this.#put(job, waiting)));
    await askDispatcher(
      this.#context,
      ranges.map(({ place }) => place.queue),
    );
    return put.reduce((sum, count) => sum + count, 0);
  }
  async #put(job: string, { place, range, from, to, members }: Waiting): Promise<number> {
    const { gid } = this.#header;
    const key = rangeKey(this.#context, job, this.#header, place, range * this.#context.config.expandRange);
    const body = encodeMessage({ kind: "expand", gid, from, to });
    let added = members;
    await putEntry(this.#context, key, { ...ownedBy(this.#header), ...place, body, members }, (standing) => {
      const there = heldIn(standing) as Range;
      if (there.from <= from && there.to >= to) {
        added = 0;
        return undefined;
      }
      // Some were admitted before, and are owed once more. What lies between is sent twice.
      const both = { kind: "expand" as const, gid, from: Math.min(from, there.from), to: Math.max(to, there.to) };
      return { body: encodeMessage(both), members: standing.members + members };
    });
    return added;
  }
}

/** A run whose message is owed, and that must not go to its queue before it is admitted. */
export interface WaitingRun extends RunRef {
  readonly place: Place;
}
/** Puts single members of a group, one entry for each leaf and step, then asks the dispatchers. */
export async function holdRuns(context: Context, header: Header, runs: readonly WaitingRun[]): Promise<void> {
  if (runs.length === 0) return;
  const job = await orderOf(context, header);
  if (job === undefined) return;
  const { width } = context.config;
  const entries = new Map<string, WaitingRun[]>();
  for (const run of runs) {
    const key = `${leafOf(run.index, width)}#${run.stepIndex}#${run.place.band}#${run.place.queue}`;
    entries.set(key, [...(entries.get(key) ?? []), run]);
  }
  await all(
    [...entries.values()].map((together) => {
      const [{ place, index, ...ref }] = together as [WaitingRun];
      return putMembers(context, header, membersKey(context, job, place, ref, leafOf(index, width)), together);
    }),
  );
  await askDispatcher(
    context,
    runs.map(({ place }) => place.queue),
  );
}
/** Puts members of one leaf, step and place as an entry of its own. Nobody is asked to admit them. */
export async function putPack(context: Context, header: Header, runs: readonly WaitingRun[]): Promise<void> {
  const job = await orderOf(context, header);
  if (job === undefined) return;
  const [{ place, index, ...ref }] = runs as [WaitingRun];
  const leaf = leafOf(index, context.config.width);
  const first = Math.min(...runs.map((run) => run.index));
  await putMembers(context, header, packKey(context, job, place, ref, leaf, first), runs);
}
/** Returns whether a run is in a pack that waits. */
export async function isInPack(context: Context, header: Header, { place, ...ref }: WaitingRun): Promise<boolean> {
  const job = await orderOf(context, header);
  if (job === undefined) return false;
  const packs = await readPacks(context, job, place, ref, leafOf(ref.index, context.config.width));
  return packs.some((entry) => (heldIn(entry) as Members).members.includes(ref.index));
}
async function putMembers(context: Context, header: Header, key: Key, runs: readonly WaitingRun[]): Promise<void> {
  const { gid, stepIndex, place } = runs[0] as WaitingRun;
  const indexes = runs.map((run) => run.index);
  const body = bodyOf(gid, stepIndex, indexes);
  const entry = { ...ownedBy(header), ...place, body, members: indexes.length };
  await putEntry(context, key, entry, (standing) => {
    const there = new Set((heldIn(standing) as Members).members);
    if (indexes.every((each) => there.has(each))) return undefined;
    const members = [...new Set([...there, ...indexes])];
    return { body: bodyOf(gid, stepIndex, members), members: members.length };
  });
}
function bodyOf(gid: string, step: number, members: readonly number[]): ReturnType<typeof encodeMessage> {
  return encodeMessage({ kind: "members", gid, step, members: members.toSorted((a, b) => a - b) });
}
/** Returns whether a run waits to be admitted, as a single member or in a range of its group. */
export async function isWaiting(context: Context, header: Header, { place, ...ref }: WaitingRun): Promise<boolean> {
  const job = await orderOf(context, header);
  if (job === undefined) return false;
  const { expandRange, width } = context.config;
  const single = await readEntry(context, membersKey(context, job, place, ref, leafOf(ref.index, width)));
  if (single && (heldIn(single) as Members).members.includes(ref.index)) return true;
  if (ref.stepIndex > 0) return false;
  const from = ref.index - localIndex(ref.index, expandRange);
  const range = await readEntry(context, rangeKey(context, job, header, place, from));
  const body = range && (heldIn(range) as Range);
  return body !== undefined && body.from <= ref.index && ref.index < body.to;
}
