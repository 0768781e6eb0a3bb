import type { PlanPages } from "../../core/cost/work-count.ts";
import { attributesBytes, keyBytes, writeUnits } from "../../core/items/item-size.ts";
import { LIMITS } from "../../core/limits.ts";
import { type GroupStep, isGroupStep, plainTask, type PlanStep, type Strand } from "../../core/plan/plan.ts";
import { ITEM_VERSION, type Owned, planPageKey } from "../item-kinds.ts";
import { absent } from "../items/conditions.ts";
import { jsonBytes } from "../items/values.ts";
import type { PutOp } from "../ports.ts";

/** A page of a plan as text: an array of strands. */
export interface PlanPage {
  readonly name: string;
  readonly text: string;
}

/**
 * The pages that hold a group step: members of big groups in pages of one leaf each, innermost first, and last the page of this name with the step itself. One at a
 * time: together they take as much memory as the plan.
 */
export function* planPages(name: string, step: GroupStep, width: number): Generator<PlanPage, void, undefined> {
  const paged = yield* pageOut(step, name, width, { pages: 0 });
  yield { name, text: JSON.stringify([[paged]]) };
}

/** The item of a page; undefined: it is so large that it becomes a blob. Costs a write unit per started KB. */
export function planPageItem({ name, text }: PlanPage, owned: Owned): PutOp | undefined {
  if (jsonBytes(text) > LIMITS.inlineBytes) return undefined;
  const attributes = { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, strands: text };
  return { op: "put", key: planPageKey(name), attributes, when: absent() };
}

/** What a plan takes when it is stored, to the byte. */
export function unitsOf(pages: Iterable<PlanPage>, owned: Owned): PlanPages {
  const took = { writes: 0, blobs: 0 };
  for (const page of pages) addUnits(took, planPageItem(page, owned));
  return took;
}
export function addUnits(took: { writes: number; blobs: number }, item: PutOp | undefined): void {
  if (!item) took.blobs++;
  else took.writes += writeUnits(0, keyBytes(item.key.partition, item.key.sort) + attributesBytes(item.attributes), undefined);
}

/** Replaces big groups, innermost first, by references to the pages that it yields. */
function* pageOut(step: GroupStep, name: string, width: number, counter: { pages: number }): Generator<PlanPage, GroupStep, undefined> {
  if (!Array.isArray(step.members)) return step;
  const members: Strand[] = [];
  for (const strand of step.members as readonly Strand[]) members.push(strand.some(isGroupStep) ? yield* pageOutInside(strand, name, width, counter) : strand);
  if (members.length <= width && JSON.stringify(members).length <= INLINE_MEMBERS) return { ...step, members };
  const prefix = `${name}!${counter.pages}`;
  let only = plainTask(members[0] as Strand);
  for (let leaf = 0; leaf * width < members.length; leaf++) {
    const inLeaf = members.slice(leaf * width, (leaf + 1) * width);
    if (!inLeaf.every((strand) => plainTask(strand) === only)) only = undefined;
    counter.pages++;
    yield { name: `${prefix}/${leaf}`, text: JSON.stringify(inLeaf) };
  }
  return { ...step, members: { pages: prefix, count: members.length, ...(only !== undefined && { only }) } };
}
function* pageOutInside(strand: Strand, name: string, width: number, counter: { pages: number }): Generator<PlanPage, Strand, undefined> {
  const steps: PlanStep[] = [];
  for (const step of strand) steps.push(isGroupStep(step) ? yield* pageOut(step, name, width, counter) : step);
  return steps;
}

/** Characters of JSON: above this a group's members leave the page of the strand that holds them. */
const INLINE_MEMBERS = 16 * 1024;
