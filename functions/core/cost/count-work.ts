import { ENGINE_QUEUE } from "../names/queue-name.ts";
import { addCounts, type Counts } from "../plan/counts.ts";
import { ledgerHeight } from "../plan/ledger.ts";
import { DEFAULT_SIZES, type PlanPages, type Protocol, type Sizes, type WorkCount } from "./work-count.ts";
import {
  type GroupShape,
  memberCount,
  type MemberRuns,
  memberSum,
  packsOf,
  partsOf,
  type StepShape,
  type StrandShape,
  tasksOf,
  TRACKING_WRITES,
  type TrackingLevel,
  writesOf,
} from "./work-shape.ts";

/** Messages that one call of a queue carries at most. */
const BATCH = 10;
/** Marks that one write of a ledger node takes at most. */
const MARKS_PER_WRITE = 100;
/** A follow-up reads the header before its mark and after it. */
const FOLLOW_READS = 2;
/** Estimated bytes of a row without its value. */
const ROW_BYTES = 400;
/** Bytes above which a value is stored as a blob. */
const INLINE_BYTES = 4 * 1_024;

/** What the members of one group share. */
interface Scope {
  readonly tracking: TrackingLevel;
  readonly packSize: number;
  /** Number of headers from the group up to the root, both included. */
  readonly depth: number;
}
/** The message whose handling ends a step. */
interface Via {
  /** Absent for the queue of the engine, which runs no step in place. */
  readonly queue: string | undefined;
  /** Steps that the message has run in place so far. */
  readonly inPlace: number;
}

/** Counts the work of a job of this shape, from its start to its end. */
export function countWork(
  job: StrandShape,
  pages: PlanPages,
  protocol: Protocol,
  sizes: Sizes = DEFAULT_SIZES,
): WorkCount {
  const counter = new WorkCounter(protocol, sizes);
  const root: GroupShape = { tracking: "lazy", members: [{ strand: job, count: 1 }], kind: "members" };
  // The header of the root is created as expanded. Start and end each write the job item, two lists and an event.
  const own: Counts = {
    "w:headers": 5,
    "w:jobs": 3 + 1 + 1 + 2 + 1,
    "w:plan": pages.writes,
    blobs: pages.blobs,
    members: -1,
    reads: 2,
  };
  const endsWithTask = job.steps.at(-1)?.group === undefined;
  const value = endsWithTask ? rowUnits(sizes) - 1 : 0;
  const counts = addCounts(own, { "w:jobs": value }, counter.members(root, 1));
  return { ...workCountOf(counts), height: counter.height, headerReads: counter.headerReads };
}

/** Counts the work of a group below a row: the two writes of the waiting row, the group, and its members. */
export function countGroup(group: GroupShape, protocol: Protocol, sizes: Sizes = DEFAULT_SIZES): WorkCount {
  const counter = new WorkCounter(protocol, sizes);
  const counts = counter.group(group, 1);
  return { ...workCountOf(counts), height: counter.height, headerReads: counter.headerReads };
}

/** Returns the write units of a run's row, or of a job item, that holds its value. */
function rowUnits({ valueBytes }: Sizes): number {
  return valueBytes > INLINE_BYTES ? 1 : Math.ceil((ROW_BYTES + valueBytes) / 1_024);
}

/** Counts the parts of one job. Equal leaves and equal packs are counted once and scaled. */
class WorkCounter {
  readonly #protocol: Protocol;
  readonly #sizes: Sizes;
  readonly #ids = new Map<object, number>();
  height = 0;
  headerReads = 0;

  constructor(protocol: Protocol, sizes: Sizes) {
    this.#protocol = protocol;
    this.#sizes = sizes;
  }

  /** Counts a group from its expansion to the last mark of its ledger. */
  members(group: GroupShape, depth: number): Counts {
    const { width, expandRange, packSize } = this.#protocol;
    const total = memberCount(group);
    const scope = {
      tracking: group.tracking,
      packSize: group.kind === "pages" ? 1 : packSize(total, group.tracking),
      depth,
    };
    this.height = Math.max(this.height, group.kind === "pages" ? 2 : ledgerHeight(total, width));
    const leaves = new Map<string, { counts: Counts; messages: Counts; times: number }>();
    const own: Counts[] = [];
    let packs = 0;
    for (const range of partsOf(group.members, expandRange)) {
      const sent: Record<string, number> = {};
      for (const leaf of partsOf(range, width)) {
        const key = leaf.map(({ strand, count }) => `${this.#idOf(strand)}x${count}`).join();
        let known = leaves.get(key);
        if (!known) leaves.set(key, (known = { ...this.#leaf(leaf, group, scope), times: 0 }));
        known.times++;
        for (const queue of Object.keys(known.messages))
          sent[queue] = (sent[queue] ?? 0) + (known.messages[queue] as number);
      }
      for (const [queue, messages] of Object.entries(sent)) {
        packs += messages;
        // Each page is put on its own, so its message is sent in a call of its own.
        own.push(group.kind === "pages" ? scaled(this.#sent(queue, 1), messages) : this.#sent(queue, messages));
      }
      const planned = group.kind === "members" && range.some(({ strand }) => tasksOf(strand) > 0);
      if (planned) own.push({ "w:jobs": 1 });
    }
    const ranges = group.kind === "members" ? Math.ceil(total / expandRange) : 0;
    if (ranges > 1) own.push(this.#sent(ENGINE_QUEUE, ranges), { reads: ranges * (depth + 2) });
    const upper = this.#upperMarks(group, total);
    this.headerReads = Math.max(this.headerReads, FOLLOW_READS * packs + upper);
    own.push({ members: total, "w:ledger": upper, reads: upper });
    return addCounts(...own, ...[...leaves.values()].map(({ counts, times }) => scaled(counts, times)));
  }

  /** Returns the marks above the leaves. Each full node is marked in its parent by a write of its own. */
  #upperMarks({ kind }: GroupShape, total: number): number {
    const { width } = this.#protocol;
    const height = kind === "pages" ? 2 : ledgerHeight(total, width);
    let marks = 0;
    for (let level = 1, nodes = total; level < height; level++) marks += nodes = Math.ceil(nodes / width);
    return marks;
  }

  /** Counts the messages of one leaf, packed as the engine packs them, and all work that follows from them. */
  #leaf(leaf: readonly MemberRuns[], group: GroupShape, scope: Scope): { counts: Counts; messages: Counts } {
    const rows = leaf.reduce((sum, { strand, count }) => {
      return sum + count * (this.#earlyWrites(strand, group, scope) + this.#dueWrites(strand.steps[0] as StepShape));
    }, 0);
    const packs = packsOf(leaf, (step) => (this.#isDue(step) ? 1 : scope.packSize));
    const messages: Record<string, number> = {};
    const equal = new Map<string, { pack: readonly MemberRuns[]; times: number }>();
    for (const pack of packs) {
      const { queue } = (pack[0] as MemberRuns).strand.steps[0] as StepShape;
      messages[queue] = (messages[queue] ?? 0) + 1;
      const key = pack.map(({ strand, count }) => `${this.#idOf(strand)}x${count}`).join();
      const same = equal.get(key);
      equal.set(key, { pack, times: (same?.times ?? 0) + 1 });
    }
    const rowReads = scope.tracking === "full" || group.kind === "pages" ? memberSum(leaf) : 0;
    const counts = [...equal.values()].map(({ pack, times }) => scaled(this.#pack(pack, 0, scope), times));
    return { counts: addCounts({ "w:rows": rows, reads: rowReads }, ...counts), messages };
  }

  /** Counts a message for members that are at the same step and on the same queue, and what follows from it. */
  #pack(pack: readonly MemberRuns[], at: number, scope: Scope, inPlace = 0): Counts {
    const members = memberSum(pack);
    // Reads of the group headers and of the plan pages. A later step also reads its row and the row before it.
    const read: Counts = { reads: scope.depth + 2 + (at > 0 ? 2 * members : 0) };
    const first = pack[0]?.strand.steps[at];
    if (first?.group) {
      const each = pack.map(({ strand, count }) => {
        const step = strand.steps[at] as StepShape & { readonly group: GroupShape };
        const following = this.#after([{ strand, count: 1 }], at, scope, { queue: endsOn(step.group), inPlace: 0 });
        return scaled(addCounts(this.group(step.group, scope.depth), following), count);
      });
      return addCounts(read, ...each);
    }
    const { valueBytes } = this.#sizes;
    const ledgerOnly =
      scope.tracking === "ledger" && pack.every(({ strand }) => writesOf(strand, "ledger") === TRACKING_WRITES.ledger);
    // The write that created the row of a step in place has claimed it too.
    const rows = pack.reduce((sum, { strand, count }) => {
      const { claim, end } = writesOf(strand, scope.tracking);
      return sum + count * ((inPlace > 0 ? 0 : claim) + end * rowUnits(this.#sizes));
    }, 0);
    const blobs = valueBytes > INLINE_BYTES ? members : ledgerOnly && valueBytes > 0 ? 1 : 0;
    // Runs that end together count progress in one write.
    const progress = ledgerOnly ? this.#protocol.ledgerProgress : 1;
    const own = { taskRuns: members, "w:rows": rows, "w:jobs": progress, blobs, reads: this.#collected(pack, at) };
    return addCounts(read, own, this.#after(pack, at, scope, { queue: first?.queue, inPlace }));
  }

  /** Counts the reads of the step after a group, which collects the results leaf by leaf. */
  #collected(pack: readonly MemberRuns[], at: number): number {
    return pack.reduce((sum, { strand, count }) => {
      const group = at > 0 ? strand.steps[at - 1]?.group : undefined;
      return group ? sum + count * this.#resultReads(group) : sum;
    }, 0);
  }
  #resultReads(group: GroupShape): number {
    const total = memberCount(group);
    const bytes = ROW_BYTES + (this.#sizes.valueBytes > INLINE_BYTES ? 0 : this.#sizes.valueBytes);
    const nested = group.members.reduce((sum, { strand, count }) => {
      const last = strand.steps.at(-1)?.group;
      return last ? sum + count * this.#resultReads(last) : sum;
    }, 0);
    return 1 + Math.ceil(total / this.#protocol.width) + Math.ceil((total * bytes) / 4_096) + nested;
  }

  /** Counts a row that waits for its child group: the two writes of the row, and the group. */
  group(group: GroupShape, depth: number): Counts {
    // The header is created (2), removed from the index of open groups (2), expanded or sealed (1), and decided (1).
    const own = { groups: 1, "w:rows": 2, "w:headers": 6, reads: 2 * depth + 5 };
    // The answer travels through the queue of the engine. For an event, the wait and the event are stored as well.
    if (group.kind === "approval") return addCounts(own, this.#sent(ENGINE_QUEUE, 1));
    if (group.kind === "event") return addCounts(own, { "w:jobs": 2 }, this.#sent(ENGINE_QUEUE, 1));
    // Input is opened together with its job. The message of the waiting step then finds its row, which costs one write.
    return addCounts(own, { "w:rows": group.kind === "pages" ? 1 : 0 }, this.members(group, depth + 1));
  }

  /** Counts what follows when members have ended a step together: callbacks, the next step, or the mark. */
  #after(ended: readonly MemberRuns[], at: number, scope: Scope, via: Via): Counts {
    const counts: Counts[] = [{ reads: 1 }];
    const next = new Map<string, MemberRuns[]>();
    let marked = 0;
    for (const member of ended) {
      const { strand, count } = member;
      const links = strand.steps[at]?.links;
      if (links) counts.push(scaled(this.#links(links, scope), count));
      const step = strand.steps[at + 1];
      if (step) {
        const key = `${step.queue}|${step.delaySeconds}`;
        next.set(key, [...(next.get(key) ?? []), member]);
      } else if (links) {
        // Each member is marked alone, once its callbacks have ended. Its follow-up is repeated then, and finds the
        // group of callbacks again.
        counts.push(
          scaled({ "w:ledger": 1, "w:headers": 1, "w:jobs": strand.steps[at]?.group ? 0 : 1, reads: 4 }, count),
        );
      } else marked += count;
    }
    if (marked > 0) counts.push({ "w:ledger": Math.ceil(marked / MARKS_PER_WRITE), reads: 1 });
    const only = memberSum([...next.values()].flat()) === 1;
    for (const pack of next.values()) counts.push(this.#next(pack, at + 1, scope, only ? via : undefined));
    return addCounts(...counts);
  }
  /** Counts the next step. `via` is set only when exactly one step follows. */
  #next(pack: readonly MemberRuns[], at: number, scope: Scope, via: Via | undefined): Counts {
    const members = memberSum(pack);
    const step = pack[0]?.strand.steps[at] as StepShape;
    const inPlace =
      via !== undefined &&
      via.queue === step.queue &&
      !step.group &&
      step.delaySeconds === 0 &&
      via.inPlace < this.#protocol.inPlaceSteps;
    if (inPlace) return addCounts({ "w:rows": 1 }, this.#pack(pack, at, scope, via.inPlace + 1));
    const rows = { "w:rows": members * (1 + this.#dueWrites(step)) };
    if (!this.#isDue(step)) return addCounts(rows, this.#sent(step.queue, 1), this.#pack(pack, at, scope));
    const alone = pack.map(({ strand, count }) =>
      scaled(addCounts(this.#sent(step.queue, 1), this.#pack([{ strand, count: 1 }], at, scope)), count),
    );
    return addCounts(rows, ...alone);
  }
  #links(group: GroupShape, { depth }: Scope): Counts {
    return addCounts({ groups: 1, "w:headers": 6, reads: depth + 6 }, this.members(group, depth + 1));
  }

  /**
   * Returns the writes of rows before their members are sent. A lazy member with a start time is claimed as if it had
   * none, and that claim is refused once.
   */
  #earlyWrites(strand: StrandShape, { kind }: GroupShape, { tracking }: Scope): number {
    if (kind === "pages") return 1;
    const { expansion } = writesOf(strand, tracking);
    return expansion === 0 && (strand.steps[0]?.delaySeconds ?? 0) > 0 ? 2 : expansion;
  }
  #isDue({ delaySeconds }: StepShape): boolean {
    return delaySeconds > this.#protocol.maxDelaySeconds;
  }
  /**
   * Returns the writes for a due row. It enters the index with the row. The sweeper removes it (2), and sends its
   * message alone.
   */
  #dueWrites(step: StepShape): number {
    return this.#isDue(step) ? 1 + 2 : 0;
  }
  /** Counts the messages that one call sends to one queue. */
  #sent(queue: string, messages: number): Counts {
    return {
      [`m:${queue}`]: messages,
      send: Math.ceil(messages / BATCH),
      receive: Math.ceil(messages / this.#sizes.messagesPerReceive),
    };
  }
  #idOf(shape: object): number {
    const known = this.#ids.get(shape);
    if (known !== undefined) return known;
    this.#ids.set(shape, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** Returns the queue of the message that ends a group: the queue of the last step of its last member. */
function endsOn(group: GroupShape): string | undefined {
  const step = group.members.at(-1)?.strand.steps.at(-1);
  return step?.group ? endsOn(step.group) : step?.queue;
}
function scaled(counts: Counts, by: number): Counts {
  if (by === 1) return counts;
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count * by]));
}
function workCountOf(counts: Counts): Omit<WorkCount, "height" | "headerReads"> {
  const of = (name: string): number => Math.round(counts[name] ?? 0);
  const messages = Object.entries(counts).filter(([name]) => name.startsWith("m:"));
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
