/**
 * The shape of a job: what it is made of, without names and arguments. Equal strands are one object, and members that follow each other with equal
 * strands are one entry, so that a hundred million of them are as quickly counted as ten.
 */
export interface StrandShape {
  readonly steps: readonly StepShape[];
}
export interface StepShape {
  /** Text form; the engine's own for steps that run no user code. */
  readonly queue: string;
  /** Seconds that it must wait before it may start. */
  readonly delaySeconds: number;
  /** Absent: runs user code. */
  readonly group?: GroupShape;
  /** Callbacks beside it, once it has succeeded. */
  readonly links?: GroupShape;
  /** Callbacks for its failure, of which none is counted. */
  readonly errors?: true;
}
export interface GroupShape {
  readonly tracking: TrackingLevel;
  readonly members: readonly MemberRuns[];
  /** `pages`: an open group; its members are put one by one and then sealed. `approval`, `event`: somebody answers, there are no members. */
  readonly kind: "members" | "pages" | "approval" | "event";
}
/** So many members in a row that are alike. */
export interface MemberRuns {
  readonly strand: StrandShape;
  readonly count: number;
}

/** Writes of one member that is one task, by tracking level: before it is sent, when it is claimed, when it ends. */
export const TRACKING_WRITES = {
  full: { expansion: 1, claim: 1, end: 1 },
  lazy: { expansion: 0, claim: 1, end: 1 },
  result: { expansion: 0, claim: 0, end: 1 },
  ledger: { expansion: 0, claim: 0, end: 0 },
} as const;
export type TrackingLevel = keyof typeof TRACKING_WRITES;
export const TRACKING_LEVELS = Object.keys(TRACKING_WRITES) as readonly TrackingLevel[];

/** Members that are more than one plain task have rows at every level. */
export function writesOf({ steps }: StrandShape, tracking: TrackingLevel): (typeof TRACKING_WRITES)[TrackingLevel] {
  const step = steps[0];
  const thin = steps.length === 1 && step !== undefined && !step.group && !step.links && !step.errors && step.delaySeconds === 0;
  return TRACKING_WRITES[thin || tracking === "full" ? tracking : "lazy"];
}
export function memberCount(group: GroupShape): number {
  return memberSum(group.members);
}
export function memberSum(runs: readonly MemberRuns[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}
/** Runs of user code in a strand, groups apart. */
export function tasksOf({ steps }: StrandShape): number {
  return steps.reduce((count, { group }) => (group ? count : count + 1), 0);
}
/** The same members, cut into parts of at most `size` members. */
export function* partsOf(members: readonly MemberRuns[], size: number): Generator<readonly MemberRuns[], void, undefined> {
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
 * Packs members into messages as the engine does. Members share a message when their first steps have the same queue and delay. `sizeOf` limits
 * the members of one message.
 */
export function packsOf(members: readonly MemberRuns[], sizeOf: (step: StepShape) => number): readonly (readonly MemberRuns[])[] {
  const packs: (readonly MemberRuns[])[] = [];
  const open = new Map<string, MemberRuns[]>();
  for (const { strand, count } of members) {
    const step = strand.steps[0] as StepShape;
    const key = `${step.queue}|${step.delaySeconds}`;
    const size = sizeOf(step);
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
/** Runs of user code that follow each other on the longest way through. */
export function longestWay(strand: StrandShape, known = new Map<StrandShape, number>()): number {
  const before = known.get(strand);
  if (before !== undefined) return before;
  const way = strand.steps.reduce((sum, { group }) => {
    if (!group) return sum + 1;
    return sum + group.members.reduce((most, member) => Math.max(most, longestWay(member.strand, known)), 0);
  }, 0);
  known.set(strand, way);
  return way;
}
