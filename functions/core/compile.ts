import type { Canvas, Group, Signature } from "./canvas.ts";
import { assertNever, FanfoldError, type ErrorCode } from "./errors.ts";
import { jsonPointer } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";
import { isGroupStep, isInput, isPaged, type PlanStep, type Strand, type TaskStep } from "./plan.ts";

/**
 * A canvas becomes a strand: a signature is one step, a chain the steps of its items one after the other, a group one step whose members are
 * strands, a chord a group step followed by the steps of its body. Throws `invalid_canvas` (an empty chain), `too_deep` (groups nested beyond
 * `LIMITS.groupDepth`) or `too_many_children` (steps, members), with `details.field` as pointer into the wire form.
 */
export function compileCanvas(canvas: Canvas): Strand {
  return compileStrand(canvas, { path: [], groupDepth: 0 });
}

interface Place {
  /** Pushed and popped on the way: a pointer is only built for an error. */
  readonly path: (string | number)[];
  readonly groupDepth: number;
}

function compileStrand(canvas: Canvas, place: Place): Strand {
  const steps: PlanStep[] = [];
  appendSteps(canvas, steps, place);
  return steps;
}

function appendSteps(canvas: Canvas, steps: PlanStep[], place: Place): void {
  // Chains nested in chains do not deepen the tree of groups, but they do deepen the stack. The same bound as on the wire.
  if (place.path.length > LIMITS.jsonDepth) refuse("too_deep", `the canvas is nested more than ${LIMITS.jsonDepth} levels deep`, []);
  switch (canvas.kind) {
    case "task":
      appendStep(taskStep(canvas), steps, place);
      return;
    case "chain":
      if (canvas.items.length === 0) refuse("invalid_canvas", "a chain must not be empty", [...place.path, "chain"]);
      canvas.items.forEach((item, index) => within(place, ["chain", index], () => appendSteps(item, steps, place)));
      return;
    case "group":
      appendGroup(canvas, steps, place, ["group"]);
      return;
    case "chord":
      appendGroup(canvas.header, steps, place, headerKeys(canvas.header));
      within(place, ["chord", "body"], () => appendSteps(canvas.body, steps, place));
      return;
    default:
      assertNever(canvas);
  }
}

/** Where the members of a chord stand on the wire: a header without options is written as a plain array. */
function headerKeys(header: Group): readonly string[] {
  return Object.keys(header.options).length === 0 ? ["chord", "header"] : ["chord", "header", "group"];
}

function appendGroup(group: Group, steps: PlanStep[], place: Place, keys: readonly string[]): void {
  const inside: Place = { path: place.path, groupDepth: place.groupDepth + 1 };
  if (inside.groupDepth > LIMITS.groupDepth) refuse("too_deep", `groups are nested more than ${LIMITS.groupDepth} levels deep`, place.path);
  if (group.members.length > LIMITS.groupMembers) {
    refuse("too_many_children", `a group of ${group.members.length} members is given at once; at most ${LIMITS.groupMembers} are allowed`, [
      ...place.path,
      ...keys,
    ]);
  }
  const members = group.members.map((member, index) => within(place, [...keys, index], () => compileStrand(member, inside)));
  appendStep({ policy: group.options.policy ?? "allSuccess", tracking: group.options.tracking ?? "lazy", members }, steps, place);
}

function appendStep(step: PlanStep, steps: PlanStep[], place: Place): void {
  if (steps.length >= LIMITS.strandSteps) refuse("too_many_children", `more than ${LIMITS.strandSteps} steps run one after the other`, place.path);
  steps.push(step);
}

function taskStep(signature: Signature): TaskStep {
  const { task, args, kwargs, immutable, options } = signature;
  return {
    task,
    ...(args.length > 0 && { args }),
    ...(Object.keys(kwargs).length > 0 && { kwargs }),
    ...(immutable && { immutable }),
    ...(Object.keys(options).length > 0 && { options }),
  };
}

function within<T>(place: Place, keys: readonly (string | number)[], work: () => T): T {
  place.path.push(...keys);
  const result = work();
  place.path.length -= keys.length;
  return result;
}

function refuse(code: ErrorCode, message: string, path: readonly (string | number)[]): never {
  throw new FanfoldError(code, message, { details: { field: jsonPointer(path) } });
}

/**
 * Every distinct task name of a strand with the pointer of its first use, into the wire form that is nothing but chains and groups (a chord
 * reads there as a chain). Members in pages are not looked into.
 */
export function* strandTasks(strand: Strand): Generator<readonly [task: string, field: string], void, undefined> {
  yield* newTasks(strand, [], new Set());
}

function* newTasks(strand: Strand, path: (string | number)[], seen: Set<string>): Generator<readonly [task: string, field: string], void, undefined> {
  for (let index = 0; index < strand.length; index++) {
    const step = strand[index] as PlanStep;
    const at = strand.length === 1 ? path : [...path, "chain", index];
    if (!isGroupStep(step)) {
      if (seen.has(step.task)) continue;
      seen.add(step.task);
      yield [step.task, jsonPointer([...at, "task"])];
    } else if (!isPaged(step.members) && !isInput(step.members)) {
      for (let member = 0; member < step.members.length; member++) yield* newTasks(step.members[member] as Strand, [...at, "group", member], seen);
    }
  }
}
