import type { PlanPages } from "../../core/cost/work-count.ts";
import type { GroupShape, StepShape, StrandShape, TrackingLevel } from "../../core/cost/work-shape.ts";
import { LIMITS } from "../../core/limits.ts";
import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import type { GroupStep, Strand } from "../../core/plan/plan.ts";
import { ITEM_VERSION } from "../item-kinds.ts";
import { rootStep } from "./job-shape.ts";
import { planPages, unitsOf } from "./plan-pages.ts";

/** A chord of equal children. */
export interface ChordOf {
  readonly children: number;
  readonly level: TrackingLevel;
  /** Children of one input page. Absent when all are in one group. */
  readonly perPage?: number;
}
const TASK_QUEUE = "local.default#worker";
const CHILD: Strand = [{ task: "noop" }];

/**
 * Returns the shape of a chord of tasks without arguments, and the plan pages that it stores. The children are given in
 * one piece, or as any number of input pages.
 */
export function chordShape(
  { children, level, perPage }: ChordOf,
  width: number,
): { readonly job: StrandShape; readonly pages: PlanPages } {
  const task: StepShape = { queue: TASK_QUEUE, delaySeconds: 0 };
  const child: StrandShape = { steps: [task] };
  const groupOf = (members: GroupShape["members"], kind: GroupShape["kind"]): StepShape => ({
    queue: ENGINE_QUEUE,
    delaySeconds: 0,
    group: { tracking: level, members, kind },
  });
  const jobOf = (header: StepShape): StrandShape => ({ steps: [header, task] });
  if (perPage === undefined) {
    const step: GroupStep = {
      policy: "allSuccess",
      tracking: "lazy",
      members: Array.from({ length: children }, () => CHILD),
    };
    return {
      job: jobOf(groupOf([{ strand: child, count: children }], "members")),
      pages: storedPages(rootStep([step, ...CHILD]), width),
    };
  }
  const full = Math.floor(children / perPage);
  const sizes = [
    ...(full > 0 ? [{ size: perPage, count: full }] : []),
    ...(children % perPage > 0 ? [{ size: children % perPage, count: 1 }] : []),
  ];
  const members = sizes.map(({ size, count }) => ({
    strand: { steps: [groupOf([{ strand: child, count: size }], "members")] },
    count,
  }));
  const own = storedPages(
    rootStep([{ policy: "allSuccess", tracking: "lazy", members: { input: true } }, ...CHILD]),
    width,
  );
  let { writes, blobs } = own;
  for (const { size, count } of sizes) {
    const page = storedPages(
      { policy: "settled", tracking: "lazy", members: Array.from({ length: size }, () => CHILD) },
      width,
      `.0.g.9999!${"0".repeat(32)}`,
    );
    writes += count * page.writes;
    blobs += count * page.blobs;
  }
  return { job: jobOf(groupOf(members, "pages")), pages: { writes, blobs } };
}
/**
 * Counts the plan pages of a step, under names of the usual length: the id of a job, and for input pages the content
 * hash.
 */
function storedPages(step: GroupStep, width: number, page = ""): PlanPages {
  return unitsOf(planPages(`${"0".repeat(26)}${page}`, step, width), {
    v: ITEM_VERSION,
    jobId: "0".repeat(26),
    ttl: 1_800_000_000,
  });
}
/** The most children of one input page. */
export const FULL_PAGE = LIMITS.pageItems;
