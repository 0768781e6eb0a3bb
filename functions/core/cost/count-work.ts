import { ENGINE_QUEUE } from "../names/queue-name.ts";
import type { Counts } from "../plan/counts.ts";
import { ledgerHeight } from "../plan/ledger.ts";
import { poolWork, skipRepetitions, Tally, type Turn, workCountOf } from "./tally.ts";
import { DEFAULT_SIZES, type PlanPages, type Protocol, type Sizes, type WorkCount } from "./work-count.ts";
import {
  endsOn,
  type GroupShape,
  memberCount,
  type MemberRuns,
  memberSum,
  packsOf,
  partsOf,
  stepAt,
  type StepShape,
  type StrandShape,
  tasksOf,
  TRACKING_WRITES,
  type TrackingLevel,
  isPlainTask,
  writesOf,
} from "./work-shape.ts";

/** Messages that one call of a queue carries at most. */
const BATCH = 10;
/** Marks that one write of a ledger node takes at most. */
const MARKS_PER_WRITE = 100;
/** A follow-up reads the header before its mark and after it. */
const FOLLOW_READS = 2;
/** Reads that a job of one task saves: of its plan, its ledger, its end and its header after that. */
const SOLO_READS = 3;
/** A member looks at its run before and after it waits. The run is checked, claimed and followed by a message of its own. */
const SHARED_READS = 15;
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
/** A walk along the strands of one message: the count so far, and the turns that are still to be counted. */
interface Walk {
  readonly scope: Scope;
  readonly sum: Tally;
  readonly open: Turn[];
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
  // The root header is created (2), and ended, decided and closed with one write (2). The job enters two lists.
  const own: Counts = {
    "w:headers": 4,
    "w:jobs": 2,
    "w:plan": pages.writes,
    blobs: pages.blobs,
    members: -1,
    reads: 2,
  };
  const endsWithTask = job.steps.at(-1)?.group === undefined;
  const value = endsWithTask ? rowUnits(sizes) - 1 : 0;
  const sum = new Tally();
  sum.add(own);
  sum.add({ "w:headers": value });
  sum.addAll(counter.members(root, 1));
  return { ...workCountOf(sum), height: counter.height, headerReads: counter.headerReads };
}

/** Counts the work of a group below a row: the two writes of the waiting row, the group, and its members. */
export function countGroup(group: GroupShape, protocol: Protocol, sizes: Sizes = DEFAULT_SIZES): WorkCount {
  const counter = new WorkCounter(protocol, sizes);
  return { ...workCountOf(counter.group(group, 1)), height: counter.height, headerReads: counter.headerReads };
}

/** Returns the write units of a run's row, or of a job item, that holds its value. */
function rowUnits({ valueBytes }: Sizes): number {
  return valueBytes > INLINE_BYTES ? 1 : Math.ceil((ROW_BYTES + valueBytes) / 1_024);
}

/** Counts the parts of one job. Equal groups, equal leaves and equal packs are counted once and scaled. */
class WorkCounter {
  readonly #protocol: Protocol;
  readonly #sizes: Sizes;
  readonly #ids = new Map<object, number>();
  /** Counts of groups that have been met, by group and depth. */
  readonly #members = new Map<string, Tally>();
  readonly #reads = new Map<GroupShape, number>();
  height = 0;
  headerReads = 0;

  constructor(protocol: Protocol, sizes: Sizes) {
    this.#protocol = protocol;
    this.#sizes = sizes;
  }

  /** Counts a group from its expansion to the last mark of its ledger. */
  members(group: GroupShape, depth: number): Tally {
    const key = `${this.#idOf(group)}|${depth}`;
    const known = this.#members.get(key);
    if (known) return known;
    const counts = this.#countMembers(group, depth);
    this.#members.set(key, counts);
    return counts;
  }
  #countMembers(group: GroupShape, depth: number): Tally {
    const { width, expandRange, packSize } = this.#protocol;
    const total = memberCount(group);
    const scope = {
      tracking: group.tracking,
      packSize: group.kind === "pages" ? 1 : packSize(total, group.tracking),
      depth,
    };
    this.height = Math.max(this.height, group.kind === "pages" ? 2 : ledgerHeight(total, width));
    const leaves = new Map<string, { readonly sum: Tally; readonly messages: Tally }>();
    const sum = new Tally();
    let packs = 0;
    for (const range of partsOf(group.members, expandRange)) {
      const sent = new Tally();
      for (const leaf of partsOf(range, width)) {
        const key = this.#keyOf(leaf);
        let known = leaves.get(key);
        if (!known) leaves.set(key, (known = this.#leaf(leaf, group, scope)));
        sum.addAll(known.sum);
        sent.addAll(known.messages);
      }
      for (const [queue, messages] of sent.entries()) {
        packs += messages;
        // Each page is put on its own, so its message is sent in a call of its own.
        if (group.kind === "pages") this.#send(sum, queue, 1, messages);
        else this.#send(sum, queue, messages);
      }
      // The start of the job has counted the root, and the groups in its strand.
      const planned = group.kind === "members" && (depth > 2 || group.later === true);
      if (planned && range.some(({ strand }) => tasksOf(strand) > 0)) sum.add({ "w:jobs": 1 });
    }
    const ranges = group.kind === "members" ? Math.ceil(total / expandRange) : 0;
    if (ranges > 1) {
      this.#send(sum, ENGINE_QUEUE, ranges);
      sum.add({ reads: ranges * (depth + 2) });
    }
    const upper = this.#upperMarks(group, total);
    this.headerReads = Math.max(this.headerReads, FOLLOW_READS * packs + upper);
    sum.add({ members: total, "w:ledger": upper, reads: upper });
    return sum;
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
  #leaf(leaf: readonly MemberRuns[], group: GroupShape, scope: Scope): { sum: Tally; messages: Tally } {
    const sum = new Tally();
    for (const { strand, count } of leaf)
      sum.add({
        [isRoot(scope) ? "w:headers" : "w:rows"]:
          count * (this.#earlyWrites(strand, group, scope) + this.#dueWrites(strand.steps[0] as StepShape)),
      });
    sum.add({ reads: scope.tracking === "full" || group.kind === "pages" ? memberSum(leaf) : 0 });
    const messages = new Tally();
    const equal = new Map<string, Tally>();
    for (const pack of packsOf(leaf, (step) => (this.#isDue(step) ? 1 : scope.packSize))) {
      const { steps, follows } = (pack[0] as MemberRuns).strand;
      if (follows === undefined) messages.addOne((steps[0] as StepShape).queue, 1);
      else this.#send(sum, (steps[0] as StepShape).queue, 1);
      // Whoever it follows reads and changes its row, and it reads their rows for their values.
      sum.add({ "w:rows": follows ?? 0, reads: 4 * (follows ?? 0) });
      const key = this.#keyOf(pack);
      let counts = equal.get(key);
      if (!counts) equal.set(key, (counts = this.#strands(pack, scope)));
      sum.addAll(counts);
    }
    return { sum, messages };
  }

  /** Counts a message for members at their first step, and what follows until each of them is marked. */
  #strands(pack: readonly MemberRuns[], scope: Scope): Tally {
    const sum = new Tally();
    // A list and no recursion, because a strand has up to 9,999 steps.
    const open: Turn[] = [{ pack, at: 0, inPlace: 0, times: 1 }];
    const walk = { scope, sum, open };
    const skip = skipRepetitions((pack[0] as MemberRuns).strand, sum);
    for (let turn = open.pop(); turn !== undefined; turn = open.pop()) this.#turn(skip(turn), walk);
    return sum;
  }
  /** Counts a message, or a step in place, for members that are at the same step and on the same queue. */
  #turn({ pack, at, inPlace, times }: Turn, walk: Walk): void {
    const { scope, sum } = walk;
    const members = memberSum(pack);
    // Reads of the group headers and of the plan pages. A later step also reads its row and the row before it.
    sum.add({ reads: scope.depth + 2 + (at > 0 ? 2 * members : 0) }, times);
    const first = stepAt((pack[0] as MemberRuns).strand, at);
    if (first?.group) {
      for (const { strand, count } of pack) {
        const { group } = stepAt(strand, at) as StepShape & { readonly group: GroupShape };
        sum.addAll(this.group(group, scope.depth), times * count);
        // The first row of a job is part of its header, and created with it.
        if (isRoot(scope) && at === 0) sum.add({ "w:rows": -2, "w:headers": 1 }, times * count);
        this.#after([{ strand, count: 1 }], at, times * count, { queue: endsOn(group), inPlace: 0 }, walk);
      }
      return;
    }
    const { valueBytes } = this.#sizes;
    const ledgerOnly =
      scope.tracking === "ledger" && pack.every(({ strand }) => writesOf(strand, "ledger") === TRACKING_WRITES.ledger);
    // The write that created the row of a step in place has claimed it too.
    const rows = pack.reduce((all, { strand, count }) => {
      const { claim, end } = writesOf(strand, scope.tracking);
      return all + count * ((inPlace > 0 ? 0 : claim) + end * rowUnits(this.#sizes));
    }, 0);
    const blobs = valueBytes > INLINE_BYTES ? members : ledgerOnly && valueBytes > 0 ? 1 : 0;
    // Runs that end together, as those of a call, count progress in one write.
    const calls = first?.bulk ? members / first.bulk.maxItems : 1;
    const progress = ledgerOnly ? this.#protocol.ledgerProgress : calls;
    const reads = this.#collected(pack, at);
    // The first row of a job is part of its header. It is no progress, and the only one ends with its job.
    const own = isRoot(scope) && at === 0;
    const solo = own && pack.every(({ strand }) => isPlainTask(strand));
    const written: Counts = own
      ? { "w:headers": rows - (solo ? rowUnits(this.#sizes) : 0) }
      : { "w:rows": rows, "w:jobs": progress };
    sum.add({ taskRuns: members, ...written, blobs, reads: solo ? reads - SOLO_READS : reads }, times);
    if (first?.shared) return this.#shared(pack, at, times, first.queue, walk);
    if (first?.bulk) sum.addAll(poolWork(calls, first.queue), times);
    for (const { strand, count } of pack) {
      const { limits } = stepAt(strand, at) as StepShape;
      if (limits) sum.add({ "w:rows": count * limits.writes, reads: count * limits.reads }, times);
    }
    this.#after(pack, at, times, { queue: first?.queue, inPlace }, walk);
  }

  /**
   * Counts the runs whose ends members take over. Each member subscribes; each run is created, claimed and committed,
   * and its message ends its member.
   */
  #shared(pack: readonly MemberRuns[], at: number, times: number, queue: string, walk: Walk): void {
    const { scope, sum } = walk;
    const members = memberSum(pack);
    const apart = isRoot(scope) && at === 0 ? 0 : members - 1;
    sum.add(
      { "w:headers": (2 + rowUnits(this.#sizes)) * members, "w:jobs": members + apart, reads: SHARED_READS * members },
      times,
    );
    this.#send(sum, queue, members, times);
    for (const { strand, count } of pack)
      this.#after([{ strand, count: 1 }], at, times * count, { queue, inPlace: 0 }, walk);
  }
  /** Counts the reads of the step after a group, which collects the results leaf by leaf. */
  #collected(pack: readonly MemberRuns[], at: number): number {
    return pack.reduce((sum, { strand, count }) => {
      const group = at > 0 ? stepAt(strand, at - 1)?.group : undefined;
      return group ? sum + count * this.#resultReads(group) : sum;
    }, 0);
  }
  #resultReads(group: GroupShape): number {
    const known = this.#reads.get(group);
    if (known !== undefined) return known;
    const total = memberCount(group);
    const bytes = ROW_BYTES + (this.#sizes.valueBytes > INLINE_BYTES ? 0 : this.#sizes.valueBytes);
    const nested = group.members.reduce((sum, { strand, count }) => {
      const last = strand.steps.at(-1)?.group;
      return last ? sum + count * this.#resultReads(last) : sum;
    }, 0);
    const reads = 1 + Math.ceil(total / this.#protocol.width) + Math.ceil((total * bytes) / 4_096) + nested;
    this.#reads.set(group, reads);
    return reads;
  }

  /** Counts a row that waits for its child group: the two writes of the row, and the group. */
  group(group: GroupShape, depth: number): Tally {
    const sum = new Tally();
    // The header is created (2), removed from the index of open groups (2), expanded or sealed (1), and decided (1).
    sum.add({ groups: 1, "w:rows": 2, "w:headers": 6, reads: 2 * depth + 5 });
    // The answer travels through the queue of the engine. For an event, the wait and the event are stored as well.
    if (group.kind === "event") sum.add({ "w:jobs": 2 });
    if (group.kind === "approval" || group.kind === "event") this.#send(sum, ENGINE_QUEUE, 1);
    else sum.addAll(this.members(group, depth + 1));
    return sum;
  }

  /** Counts what follows when members have ended a step together: callbacks, the next step, or the mark. */
  #after(ended: readonly MemberRuns[], at: number, times: number, via: Via, walk: Walk): void {
    const { scope, sum } = walk;
    sum.add({ reads: 1 }, times);
    const next = new Map<string, MemberRuns[]>();
    let marked = 0;
    for (const member of ended) {
      const { strand, count } = member;
      const { links, group } = stepAt(strand, at) as StepShape;
      if (links) {
        sum.add({ groups: 1, "w:headers": 6, reads: scope.depth + 6 }, times * count);
        sum.addAll(this.members(links, scope.depth + 1), times * count);
      }
      const step = stepAt(strand, at + 1);
      if (step) {
        const key = `${step.queue}|${step.delaySeconds}`;
        next.set(key, [...(next.get(key) ?? []), member]);
      } else if (links) {
        // Each member is marked alone, once its callbacks have ended. Its follow-up is repeated then, and finds the
        // group of callbacks again.
        const first = isRoot(scope) && at === 0;
        sum.add({ "w:ledger": 1, "w:headers": 1, "w:jobs": group || first ? 0 : 1, reads: 4 }, times * count);
        if (isRoot(scope)) sum.add({ "w:ledger": -1 }, times * count);
      } else marked += count;
    }
    const bulk = stepAt((ended[0] as MemberRuns).strand, at)?.bulk;
    const marks = bulk ? marked / Math.min(MARKS_PER_WRITE, bulk.maxItems) : Math.ceil(marked / MARKS_PER_WRITE);
    if (marked > 0 && !isRoot(scope)) sum.add({ "w:ledger": marks, reads: 1 }, times);
    const only = memberSum([...next.values()].flat()) === 1;
    for (const pack of next.values()) this.#next(pack, at + 1, times, only ? via : undefined, walk);
  }
  /** Counts the next step. `via` is set only when exactly one step follows. */
  #next(pack: readonly MemberRuns[], at: number, times: number, via: Via | undefined, { sum, open }: Walk): void {
    const members = memberSum(pack);
    const step = stepAt((pack[0] as MemberRuns).strand, at) as StepShape;
    const inPlace =
      via !== undefined &&
      via.queue === step.queue &&
      !step.group &&
      !step.shared &&
      !step.bulk &&
      step.delaySeconds === 0 &&
      via.inPlace < this.#protocol.inPlaceSteps;
    if (inPlace) {
      sum.add({ "w:rows": 1 }, times);
      open.push({ pack, at, inPlace: via.inPlace + 1, times });
      return;
    }
    sum.add({ "w:rows": members * (1 + this.#dueWrites(step)) }, times);
    // What is due later is sent alone.
    const sent = this.#isDue(step)
      ? pack.map(({ strand, count }) => ({ pack: [{ strand, count: 1 }], times: times * count }))
      : [{ pack, times }];
    for (const each of sent) {
      this.#send(sum, step.queue, 1, each.times);
      open.push({ ...each, at, inPlace: 0 });
    }
  }

  /**
   * Returns the writes of rows before their members are sent. A lazy member with a start time is claimed as if it had
   * none, and that claim is refused once.
   */
  #earlyWrites(strand: StrandShape, { kind }: GroupShape, scope: Scope): number {
    if (kind === "pages") return 1;
    const { expansion } = writesOf(strand, scope.tracking);
    const delayed = expansion === 0 && (strand.steps[0]?.delaySeconds ?? 0) > 0;
    return delayed ? (isRoot(scope) ? 1 : 2) : expansion;
  }
  #isDue({ delaySeconds }: StepShape): boolean {
    return delaySeconds > this.#protocol.maxDelaySeconds;
  }
  /** Returns the writes for a due row. It enters the index with the row, and the sweeper removes it (2). */
  #dueWrites(step: StepShape): number {
    return this.#isDue(step) ? 1 + 2 : 0;
  }
  /** Counts the messages that one call sends to one queue. */
  #send(sum: Tally, queue: string, messages: number, times = 1): void {
    sum.addOne(`m:${queue}`, times * messages);
    sum.addOne("send", times * Math.ceil(messages / BATCH));
    sum.addOne("receive", times * Math.ceil(messages / this.#sizes.messagesPerReceive));
  }
  #keyOf(runs: readonly MemberRuns[]): string {
    return runs.map(({ strand, count }) => `${this.#idOf(strand)}x${count}`).join();
  }
  #idOf(shape: object): number {
    const known = this.#ids.get(shape);
    if (known !== undefined) return known;
    this.#ids.set(shape, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** Whether the members are those of the root, of which there is one. Its end decides without a mark. */
const isRoot = ({ depth }: Scope): boolean => depth === 1;
