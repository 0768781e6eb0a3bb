/**
 * The shape of a job: its structure without names and arguments. Equal strands are one object, and adjacent members
 * with equal strands are one entry. So a hundred million equal members are counted as fast as ten.
 */
export interface StrandShape {
  readonly steps: readonly StepShape[];
  /** Set only for the strand of a loop: how often its steps run at most. */
  readonly times?: number;
  /** Set only for a part of a graph that follows others: how many. Each of them changes its first row. */
  readonly follows?: number;
}
export interface StepShape {
  /** Queue in text form. Steps that run no user code have the queue of the engine. */
  readonly queue: string;
  /** Seconds until the step may start. */
  readonly delaySeconds: number;
  /** The child group. Absent for a step that runs user code. */
  readonly group?: GroupShape;
  /** Callbacks for its success. */
  readonly links?: GroupShape;
  /** Set only when it takes over the end of a run that jobs share. Counted as if none could be taken that exists. */
  readonly shared?: true;
  /** Set only when its runs share calls: the most in one call. */
  readonly bulk?: { readonly maxItems: number };
  /** Work for the limits of its run, when nobody has to wait. */
  readonly limits?: { readonly writes: number; readonly reads: number };
  /** Set only when there are callbacks for its failure. They are not counted, since nothing fails. */
  readonly errors?: true;
}
export interface GroupShape {
  readonly tracking: TrackingLevel;
  readonly members: readonly MemberRuns[];
  /**
   * `pages` is an open group, whose members are put one by one and then sealed. `approval` and `event` have no members
   * and wait for an answer.
   */
  readonly kind: "members" | "pages" | "approval" | "event";
  /** Set only for branches, loops and callbacks. The start of the job does not count their members as planned. */
  readonly later?: true;
  /** Set only for graphs: the runs of user code on the longest path through the members that follow each other. */
  readonly path?: number;
}
/** Adjacent members with equal strands. */
export interface MemberRuns {
  readonly strand: StrandShape;
  readonly count: number;
}

/**
 * Row writes of a member that is a single task, by tracking level: before its message is sent, at its claim, and at its
 * end.
 */
export const TRACKING_WRITES = {
  full: { expansion: 1, claim: 1, end: 1 },
  lazy: { expansion: 0, claim: 1, end: 1 },
  result: { expansion: 0, claim: 0, end: 1 },
  ledger: { expansion: 0, claim: 0, end: 0 },
} as const;
export type TrackingLevel = keyof typeof TRACKING_WRITES;
export const TRACKING_LEVELS = Object.keys(TRACKING_WRITES) as readonly TrackingLevel[];

/** Returns the row writes of a member. Members that are more than one plain task have rows at every level. */
export function writesOf(strand: StrandShape, tracking: TrackingLevel): (typeof TRACKING_WRITES)[TrackingLevel] {
  const [step] = strand.steps;
  const isThin = isPlainTask(strand) && step?.delaySeconds === 0 && !step.limits && !step.bulk;
  return TRACKING_WRITES[isThin || tracking === "full" ? tracking : "lazy"];
}
/** Whether a strand is one task with a run of its own, and with nothing beside it. */
export function isPlainTask(strand: StrandShape): boolean {
  const step = strand.steps[0];
  return lengthOf(strand) === 1 && step !== undefined && !step.group && !step.links && !step.errors && !step.shared;
}
/** Returns the number of members of a group. */
export function memberCount(group: GroupShape): number {
  return memberSum(group.members);
}
/** Returns the queue of the message that ends a group: the queue of the last step of its last member. */
export function endsOn(group: GroupShape): string | undefined {
  const step = group.members.at(-1)?.strand.steps.at(-1);
  return step?.group ? endsOn(step.group) : step?.queue;
}
/** Returns how many members these entries stand for. */
export function memberSum(runs: readonly MemberRuns[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}
/** Returns the number of steps that run one after the other, repetitions included. */
function lengthOf({ steps, times = 1 }: StrandShape): number {
  return steps.length * times;
}
/** Returns a step of a strand by its number, which counts repetitions; undefined after the last. */
export function stepAt(strand: StrandShape, index: number): StepShape | undefined {
  return index < lengthOf(strand) ? strand.steps[index % strand.steps.length] : undefined;
}
/** Returns the runs of user code in a strand, without those in its groups. */
export function tasksOf({ steps, times = 1 }: StrandShape): number {
  return times * steps.reduce((count, { group }) => (group ? count : count + 1), 0);
}
/** Returns the runs of user code in a strand and in its groups. */
export function tasksBelow(strand: StrandShape, known = new Map<StrandShape, number>()): number {
  const before = known.get(strand);
  if (before !== undefined) return before;
  const { steps, times = 1 } = strand;
  const inGroups = steps.reduce(
    (sum, { group }) =>
      sum + (group?.members.reduce((all, member) => all + member.count * tasksBelow(member.strand, known), 0) ?? 0),
    0,
  );
  const tasks = tasksOf(strand) + times * inGroups;
  known.set(strand, tasks);
  return tasks;
}
/** Yields the same members, cut into parts of at most `size` members. */
export function* partsOf(
  members: readonly MemberRuns[],
  size: number,
): Generator<readonly MemberRuns[], void, undefined> {
  let part: MemberRuns[] = [];
  let room = size;
  for (const { strand, count } of members) {
    for (let left = count; left > 0;) {
      const taken = Math.min(left, room);
      part.push({ strand, count: taken });
      left -= taken;
      room -= taken;
      if (room > 0) continue;
      yield part;
      part = [];
      room = size;
    }
  }
  if (part.length > 0) yield part;
}
/**
 * Packs members into messages as the engine does. Members share a message when their first steps have the same queue
 * and delay. `sizeOf` returns the largest number of members of one message. A part of a graph that follows others is sent
 * alone.
 */
export function packsOf(
  members: readonly MemberRuns[],
  sizeOf: (step: StepShape) => number,
): readonly (readonly MemberRuns[])[] {
  const packs: (readonly MemberRuns[])[] = [];
  const open = new Map<string, MemberRuns[]>();
  for (const { strand, count } of members) {
    const step = strand.steps[0] as StepShape;
    const key = `${step.queue}|${step.delaySeconds}|${strand.follows ?? ""}`;
    const size = strand.follows === undefined ? sizeOf(step) : 1;
    for (let left = count; left > 0;) {
      const pack = open.get(key) ?? [];
      open.set(key, pack);
      const taken = Math.min(left, size - memberSum(pack));
      pack.push({ strand, count: taken });
      left -= taken;
      if (memberSum(pack) < size) continue;
      packs.push(pack);
      open.delete(key);
    }
  }
  packs.push(...open.values());
  return packs;
}
/** Returns the number of runs of user code on the longest path through the strand. */
export function longestPath(strand: StrandShape, known = new Map<StrandShape, number>()): number {
  const before = known.get(strand);
  if (before !== undefined) return before;
  const { steps, times = 1 } = strand;
  const once = steps.reduce((sum, { group }) => {
    if (!group) return sum + 1;
    return (
      sum + (group.path ?? group.members.reduce((most, member) => Math.max(most, longestPath(member.strand, known)), 0))
    );
  }, 0);
  const length = times * once;
  known.set(strand, length);
  return length;
}
