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
 * Yields the pages of the leaves of big groups, innermost first, and returns the page of this name, which holds the step
 * itself. Pages are made one at a time, because together they take as much memory as the plan.
 */
export function* leafPages(name: string, step: GroupStep, width: number): Generator<PlanPage, PlanPage, undefined> {
  const paged = yield* new Paging(name, width).group(step);
  return { name, text: JSON.stringify([[paged]]) };
}
/** Yields all pages that hold a group step, the page of this name last. */
export function* planPages(name: string, step: GroupStep, width: number): Generator<PlanPage, void, undefined> {
  yield yield* leafPages(name, step, width);
}

/**
 * Returns the write of a page; undefined when the page is so large that it becomes a blob. Costs one write unit per
 * started KB.
 */
export function planPageItem({ name, text }: PlanPage, owned: Owned): PutOp | undefined {
  if (jsonBytes(text) > LIMITS.inlineBytes) return undefined;
  const attributes = { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, strands: text };
  return { op: "put", key: planPageKey(name), attributes, when: absent() };
}

/** Returns what a plan takes when it is stored, to the byte. */
export function unitsOf(pages: Iterable<PlanPage>, owned: Owned): PlanPages {
  let took = NO_PAGES;
  for (const page of pages) took = addPages(took, pageUnits(planPageItem(page, owned)));
  return took;
}
export const NO_PAGES: PlanPages = { writes: 0, blobs: 0 };
export const addPages = (a: PlanPages, b: PlanPages): PlanPages => ({
  writes: a.writes + b.writes,
  blobs: a.blobs + b.blobs,
});
/** Returns what one page takes. `item` is absent when the page becomes a blob. */
export function pageUnits(item: PutOp | undefined): PlanPages {
  if (!item) return { writes: 0, blobs: 1 };
  return {
    writes: writeUnits(0, keyBytes(item.key.partition, item.key.sort) + attributesBytes(item.attributes), undefined),
    blobs: 0,
  };
}

/** Replaces big groups, innermost first, by references to the pages that it yields. */
class Paging {
  readonly #name: string;
  readonly #width: number;
  /** Pages yielded so far. The number makes the names of the next group's pages unique. */
  #pages = 0;

  constructor(name: string, width: number) {
    this.#name = name;
    this.#width = width;
  }

  *group(step: GroupStep): Generator<PlanPage, GroupStep, undefined> {
    if (!Array.isArray(step.members)) return step;
    const members: Strand[] = [];
    for (const strand of step.members as readonly Strand[])
      members.push(strand.some(isGroupStep) ? yield* this.#strand(strand) : strand);
    const width = this.#width;
    if (members.length <= width && JSON.stringify(members).length <= INLINE_MEMBERS) return { ...step, members };
    const prefix = `${this.#name}!${this.#pages}`;
    let only = plainTask(members[0] as Strand);
    for (let leaf = 0; leaf * width < members.length; leaf++) {
      const inLeaf = members.slice(leaf * width, (leaf + 1) * width);
      if (!inLeaf.every((strand) => plainTask(strand) === only)) only = undefined;
      this.#pages++;
      yield { name: `${prefix}/${leaf}`, text: JSON.stringify(inLeaf) };
    }
    return { ...step, members: { pages: prefix, count: members.length, ...(only !== undefined && { only }) } };
  }
  *#strand(strand: Strand): Generator<PlanPage, Strand, undefined> {
    const steps: PlanStep[] = [];
    for (const step of strand) steps.push(isGroupStep(step) ? yield* this.group(step) : step);
    return steps;
  }
}

/** Characters of JSON. Members of a group that is larger leave the page of the strand that holds the group. */
const INLINE_MEMBERS = 16 * 1024;
