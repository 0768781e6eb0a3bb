import type { FailurePolicy, SignatureOptions, Tracking } from "../canvas/canvas.ts";
import type { ValueCondition } from "../canvas/value-condition.ts";
import type { Parents } from "../dag/order.ts";
import type { Json, JsonObject } from "../json.ts";

/**
 * A plan is the immutable form of a canvas that runs refer to. It consists of strands of steps. A chain is a strand, a
 * group is a step whose members are strands, a chord is a group step followed by its body (docs/protocol-rules.md, section
 * 4).
 */
export type Strand = readonly PlanStep[];
export type PlanStep = TaskStep | GroupStep;

/** A step that runs user code. Field names are short, because plans of big groups consist mostly of these. */
export interface TaskStep {
  readonly task: string;
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly immutable?: true;
  readonly options?: SignatureOptions;
  /** Set only when the task is called for each item of the list that is its argument. */
  readonly each?: "map" | "starmap";
  /** Callbacks that receive its value. */
  readonly links?: GroupStep;
  /** Callbacks that receive its error. */
  readonly errors?: GroupStep;
}

/**
 * A step that the engine runs. It opens a child group, waits for it, and takes its results as value. Members are
 * inline, or in pages of one leaf each.
 */
export interface GroupStep {
  readonly policy: FailurePolicy;
  readonly tracking: Tracking;
  readonly members: readonly Strand[] | PagedMembers | InputMembers;
  /** Seconds after its end for which the group can be read. */
  readonly ttlSeconds?: number;
  /**
   * Set only for a branch. Runs the first member when the condition holds for the input of the group, else the second.
   * The value is the group's.
   */
  readonly choose?: ValueCondition;
  /** Set only for a loop. Repeats the only member until `until` holds for its value. That value is the group's. */
  readonly repeat?: { readonly until: ValueCondition; readonly most: number };
  /**
   * Set only for a graph: for each member the members that it follows. A member is a linear part of the graph. The
   * results of the group are those of the members that none follows.
   */
  readonly parents?: Parents;
  /** Set only for a step without members, which waits for an answer, an event or an execution. */
  readonly wait?: WaitStep;
  readonly links?: GroupStep;
  /** Callbacks for its failure: its own, or those of the step that would have followed. */
  readonly errors?: GroupStep;
}
/**
 * What a step waits for. `name` is the name of the event, the label of the approval, or the state machine of the
 * execution. `expires` is in seconds.
 */
export type WaitStep =
  | { readonly of: "approval" | "event"; readonly name: string; readonly expires?: number }
  | {
      readonly of: "execution";
      readonly name: string;
      readonly expires?: number;
      readonly input: Json;
      readonly ignoreResult?: true;
    };
/** Members that are stored in pages. Page k holds the strands of members k*256 .. k*256+255 under `<pages>/<k>`. */
export interface PagedMembers {
  readonly pages: string;
  readonly count: number;
  /**
   * Set only when every member is this task, once, with nothing but arguments. The sender of the members then need not
   * read the pages.
   */
  readonly only?: string;
}

/** Members of an open group, which arrive from outside in pages until the group is sealed. */
export interface InputMembers {
  readonly input: true;
  /** Set only when the pages hold items of path tasks. Absent when they hold canvases. */
  readonly items?: ItemChunks;
}
/** What becomes of items that arrive from outside: a member for each chunk of them. */
export interface ItemChunks {
  /** The strand of each member. Its first step is a path task, which is given the items of the chunk. */
  readonly each: Strand;
  /** Items of a chunk. */
  readonly size: number;
}

export function isGroupStep(step: PlanStep): step is GroupStep {
  return "members" in step;
}
export function isPaged(members: GroupStep["members"]): members is PagedMembers {
  return "pages" in members;
}
export function isInput(members: GroupStep["members"]): members is InputMembers {
  return "input" in members;
}
/** Returns whether a strand is one task without callbacks, so that only its mark follows when its run ends. */
export function isSingle(strand: Strand): strand is readonly [TaskStep] {
  const step = strand[0];
  return (
    strand.length === 1 &&
    step !== undefined &&
    !isGroupStep(step) &&
    step.links === undefined &&
    step.errors === undefined
  );
}
/** Returns the task of a strand that is a task with arguments only. Returns undefined for any other strand. */
export function plainTask(strand: Strand): string | undefined {
  return isSingle(strand) && strand[0].options === undefined ? strand[0].task : undefined;
}
/**
 * Returns the runs of user code in a strand, groups apart. A member adds this many to the planned runs of its job
 * before it spawns anything.
 */
export function taskSteps(strand: Strand): number {
  return strand.reduce((count, step) => (isGroupStep(step) ? count : count + 1), 0);
}
/**
 * Returns the runs of user code that are known when a job starts: those of its strand, and of the groups in it. Branches
 * and loops count when their group is opened, and so do deeper groups.
 */
export function plannedAhead(strand: Strand): number {
  return strand.reduce((count, step) => {
    if (!isGroupStep(step)) return count + 1;
    if (!Array.isArray(step.members) || step.choose || step.repeat) return count;
    return (step.members as readonly Strand[]).reduce((sum, member) => sum + taskSteps(member), count);
  }, 0);
}
