import { type Estimate, estimateOf, type JobCost, jobCost } from "../../core/cost/job-cost.ts";
import { DEFAULT_SECONDS_PER_TASK, type JobEstimate, jobEstimate } from "../../core/cost/job-estimate.ts";
import { countGroup, countWork } from "../../core/cost/count-work.ts";
import type { PlanPages, WorkCount } from "../../core/cost/work-count.ts";
import { longestPath, type StrandShape } from "../../core/cost/work-shape.ts";
import { ENGINE_QUEUE } from "../../core/names/queue-name.ts";
import { type Counts, endedRuns, failedRuns } from "../../core/plan/counts.ts";
import { isSingle, type Strand, type TaskStep } from "../../core/plan/plan.ts";
import type { Context } from "../context.ts";
import { ITEM_VERSION } from "../item-kinds.ts";
import { inlineStep, protocolOf, rootStep, ShapeBuilder, type Unknowns } from "./job-shape.ts";
import { NO_PAGES, planPages, unitsOf } from "./plan-pages.ts";

/** Counts what a job of this strand will take, and notes what cannot be known yet. Stores nothing. */
export function estimateJob(context: Context, strand: Strand, secondsPerTask = DEFAULT_SECONDS_PER_TASK): JobEstimate {
  const owned = { v: ITEM_VERSION, jobId: context.ids.job(), ttl: Math.ceil(context.clock.now() / 1_000) };
  const pages = inlineStep(strand)
    ? NO_PAGES
    : unitsOf(planPages(owned.jobId, rootStep(strand), context.config.width), owned);
  const { count, shape, unknowns } = countStrand(context, strand, pages);
  const grows = unknowns.streaming.size > 0 || unknowns.inputs > 0;
  return jobEstimate({
    count,
    tasksInRow: longestPath(shape),
    secondsPerTask,
    notes: notesOf(unknowns, count.taskRuns),
    grows,
  });
}

/**
 * Returns the figures of a plan that its job stores. Those of one task without options are the same for every job, and
 * most jobs are like that.
 */
export function keptEstimate(context: Context, strand: Strand, pages: PlanPages): Estimate {
  const task = pages === NO_PAGES && isSingle(strand) && isBare(strand[0]) ? strand[0].task : undefined;
  const known = task === undefined ? undefined : context.estimates.get(task);
  if (known) return known;
  const estimate = estimateOf(countStrand(context, strand, pages).count);
  if (task !== undefined) context.estimates.set(task, estimate);
  return estimate;
}
/** Whether a step has nothing beside its task and its arguments. */
const isBare = (step: TaskStep): boolean => Object.keys(step).every((name) => BARE.has(name));
const BARE: ReadonlySet<string> = new Set(["task", "args", "kwargs"]);
/** Returns what an ended job has cost. `rerun` counts the runs of earlier rounds, whose ends do not count any more. */
export function costOf({ config, queue }: Context, estimate: Estimate, counts: Counts, rerun: number): JobCost {
  const task: StrandShape = { steps: [{ queue: ENGINE_QUEUE, delaySeconds: 0 }] };
  return jobCost(estimate, { taskRuns: endedRuns(counts) + rerun, failed: failedRuns(counts) + rerun }, (taskRuns) =>
    countGroup(
      { tracking: "lazy", members: [{ strand: task, count: taskRuns }], kind: "members" },
      protocolOf(config, queue.maxDelaySeconds),
    ),
  );
}

function countStrand(
  context: Context,
  strand: Strand,
  pages: PlanPages,
): { readonly count: WorkCount; readonly shape: StrandShape; readonly unknowns: Unknowns } {
  const builder = new ShapeBuilder(context);
  const shape = builder.strand(strand);
  const { config, queue } = context;
  return {
    count: countWork(shape, pages, protocolOf(config, queue.maxDelaySeconds)),
    shape,
    unknowns: builder.unknowns,
  };
}

function notesOf(unknowns: Unknowns, taskRuns: number): string[] {
  const { streaming, shared, dependent, bulk, branches, loops, inputs, links, limits } = unknowns;
  const known = `${taskRuns} task ${taskRuns === 1 ? "run is" : "runs are"} known`;
  const notes: string[] = [];
  if (streaming.size > 0)
    notes.push(
      `grows while it runs: ${known}; how many children ${[...streaming].join(", ")} will stream cannot be known ahead`,
    );
  if (inputs > 0) notes.push(`grows while it runs: ${known}; the items follow in pages`);
  if (shared.size > 0)
    notes.push(`runs of ${[...shared].join(", ")} may be shared with other jobs; they are counted as if none were`);
  if (dependent.size > 0)
    notes.push(
      `runs of ${[...dependent].join(", ")} depend on others, which are not counted: about 7 write units for each`,
    );
  if (bulk.size > 0)
    notes.push(
      `runs of ${[...bulk].join(", ")} share calls, which are counted as full; how often their pool is looked at depends on when they come`,
    );
  if (branches > 0) notes.push("of each branch the way with more task runs is counted");
  if (loops > 0) notes.push("each loop is counted as often as it may run at most");
  if (links > 0)
    notes.push("callbacks beside a step in the middle of a chain: which of both ends first decides about a few writes");
  if (limits > 0)
    notes.push(
      "runs with limits: each wait for a lock costs 5 write units more, and waiting takes time that is not counted",
    );
  return notes;
}
