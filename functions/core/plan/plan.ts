import type { FailurePolicy, SignatureOptions, Tracking } from "../canvas/canvas.ts";
import type { ValueCondition } from "../canvas/value-condition.ts";
import type { Json, JsonObject } from "../json.ts";

/**
 * A plan is the immutable form of a canvas that runs point into: strands of steps. A chain is a strand, a group is a step whose
 * members are strands, a chord is a group step followed by its body (docs/protocol.md, section 4).
 */
export type Strand = readonly PlanStep[];
export type PlanStep = TaskStep | GroupStep;

/** Runs user code. Field names are short because plans of big groups are mostly this. */
export interface TaskStep {
  readonly task: string;
  readonly args?: readonly Json[];
  readonly kwargs?: JsonObject;
  readonly immutable?: true;
  readonly options?: SignatureOptions;
  /** Called for each item of the list that is its argument. */
  readonly each?: "map" | "starmap";
  /** Callbacks that are given its value. */
  readonly links?: GroupStep;
  /** Callbacks that are given its error. */
  readonly errors?: GroupStep;
}

/** Run by the engine: opens a child group and waits for it. Its value is the group. Members are inline, or in pages of one leaf each. */
export interface GroupStep {
  readonly policy: FailurePolicy;
  readonly tracking: Tracking;
  readonly members: readonly Strand[] | PagedMembers | InputMembers;
  /** Only one of two members runs, by what the group is given: the first when this holds. Its value is the group's. */
  readonly choose?: ValueCondition;
  /** The only member runs again and again, until its value is such. Its value is the group's. */
  readonly repeat?: { readonly until: ValueCondition; readonly most: number };
  /** There are no members: somebody answers. */
  readonly wait?: WaitStep;
  readonly links?: GroupStep;
  /** Callbacks, its own or those of what would have followed it. */
  readonly errors?: GroupStep;
}
/** `name`: of the event; of an approval, for people; of an execution, its state machine. `expires`: seconds. */
export type WaitStep =
  | { readonly of: "approval" | "event"; readonly name: string; readonly expires?: number }
  | { readonly of: "execution"; readonly name: string; readonly expires?: number; readonly input: Json; readonly ignoreResult?: true };
/** Page k holds the strands of members k*256 .. k*256+255 and is stored under `<pages>/<k>`. */
export interface PagedMembers {
  readonly pages: string;
  readonly count: number;
  /** Every member is this task, once, with arguments of its own and nothing else: who sends them need not read the pages. */
  readonly only?: string;
}

/** An open group whose members are pages that come from outside, until they are sealed. */
export interface InputMembers {
  readonly input: true;
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
/** One task, and nothing that hangs on it: a run that ends has nothing to follow but its mark. */
export function isSingle(strand: Strand): strand is readonly [TaskStep] {
  const step = strand[0];
  return strand.length === 1 && step !== undefined && !isGroupStep(step) && step.links === undefined && step.errors === undefined;
}
/** The task of a strand that is nothing but a task and its arguments. */
export function plainTask(strand: Strand): string | undefined {
  return isSingle(strand) && strand[0].options === undefined ? strand[0].task : undefined;
}
/** Runs of user code in a strand, groups apart: what a member adds to the planned runs of its job before it spawns anything. */
export function taskSteps(strand: Strand): number {
  return strand.reduce((count, step) => (isGroupStep(step) ? count : count + 1), 0);
}
