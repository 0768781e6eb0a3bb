import { jsonPointer } from "../json-pointer.ts";
import { STREAM_RESULTS } from "../task/streaming-handlers.ts";
import {
  type GroupStep,
  isGroupStep,
  isInput,
  isPaged,
  isSingle,
  type PlanStep,
  type Strand,
  type TaskStep,
} from "./plan.ts";

/**
 * Yields the first step of each task of a strand, and of each other queue that a signature names for it, with its
 * pointer. A task that is asked to stream its results is another one. The pointer leads into a wire form of chains and
 * groups only, where a chord reads as a chain. Members in pages are not read.
 */
export function* strandTasks(strand: Strand): Generator<readonly [step: TaskStep, field: string], void, undefined> {
  yield* newTasks(strand, [], new Set());
}

function* newTasks(
  strand: Strand,
  path: (string | number)[],
  seen: Set<string>,
): Generator<readonly [step: TaskStep, field: string], void, undefined> {
  for (let index = 0; index < strand.length; index++) {
    const step = strand[index] as PlanStep;
    const at = strand.length === 1 ? path : [...path, "chain", index];
    if (isGroupStep(step)) yield* memberTasks(step, [...at, "group"], seen);
    else {
      const key = placed(step);
      if (!seen.has(key)) {
        seen.add(key);
        yield [step, jsonPointer(at)];
      }
    }
    if (step.links) yield* memberTasks(step.links, [...at, "link"], seen);
    if (step.errors) yield* memberTasks(step.errors, [...at, "link_error"], seen);
  }
}
/** Returns the task of a step, with the queue that the signature names, and whether it must stream its results. */
function placed({ task, options, kwargs }: TaskStep): string {
  const at = options?.queue === undefined ? task : `${task}\n${options.queue}`;
  return kwargs?.[STREAM_RESULTS] === true ? `${at}\nstreams` : at;
}
function* memberTasks(
  { members }: GroupStep,
  path: readonly (string | number)[],
  seen: Set<string>,
): Generator<readonly [step: TaskStep, field: string], void, undefined> {
  if (isPaged(members) || isInput(members)) return;
  for (let member = 0; member < members.length; member++) {
    const strand = members[member] as Strand;
    if (!isSingle(strand) || !seen.has(placed(strand[0]))) yield* newTasks(strand, [...path, member], seen);
  }
}
