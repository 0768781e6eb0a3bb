import { type GroupStep, isGroupStep, type PlanStep, type Strand } from "../core/plan.ts";
import { LIMITS } from "../core/limits.ts";
import { absent } from "./conditions.ts";
import { ITEM_VERSION, type Owned, planPageKey } from "./items.ts";
import { jsonBytes } from "./payload.ts";
import type { PutOp } from "./ports.ts";

/** A page of a plan as text: an array of strands. */
export interface PlanPage {
  readonly name: string;
  readonly text: string;
}

/** The pages that hold a group step: members of big groups in pages of one leaf each, innermost first, and last the page of this name with the step itself. */
export function planPages(name: string, step: GroupStep, width: number): PlanPage[] {
  const pages: PlanPage[] = [];
  const paged = pageOut(step, name, width, pages);
  pages.push({ name, text: JSON.stringify([[paged]]) });
  return pages;
}

/** The item of a page; undefined: it is so large that it becomes a blob. Costs a write unit per started KB. */
export function planPageItem({ name, text }: PlanPage, owned: Owned): PutOp | undefined {
  if (jsonBytes(text) > LIMITS.inlineBytes) return undefined;
  const attributes = { v: ITEM_VERSION, jobId: owned.jobId, ttl: owned.ttl, strands: text };
  return { op: "put", key: planPageKey(name), attributes, when: absent() };
}

/** Replaces big groups, innermost first, by references to pages that are collected in `pages`. */
function pageOut(step: GroupStep, name: string, width: number, pages: PlanPage[]): GroupStep {
  if (!Array.isArray(step.members)) return step;
  const members = (step.members as readonly Strand[]).map((strand) =>
    strand.some(isGroupStep) ? strand.map((inner): PlanStep => (isGroupStep(inner) ? pageOut(inner, name, width, pages) : inner)) : strand,
  );
  if (members.length <= width && JSON.stringify(members).length <= INLINE_MEMBERS) return { ...step, members };
  const prefix = `${name}!${pages.length}`;
  for (let leaf = 0; leaf * width < members.length; leaf++) {
    pages.push({ name: `${prefix}/${leaf}`, text: JSON.stringify(members.slice(leaf * width, (leaf + 1) * width)) });
  }
  return { ...step, members: { pages: prefix, count: members.length } };
}

/** Characters of JSON: above this a group's members leave the page of the strand that holds them. */
const INLINE_MEMBERS = 16 * 1024;
