import { isGroupStep } from "../../core/plan/plan.ts";
import type { TaskLoad } from "../../core/task/invocation.ts";
import type { Context } from "../context.ts";
import { queueOf } from "../plan/step-placement.ts";
import { strandOf } from "../plan/strands.ts";
import { meanSecondsOf } from "../views/statistics.ts";
import type { Attempt } from "./live-attempt.ts";

/**
 * Returns what is known of the work of a task, of all jobs; without a name, of the next step of a run. Costs nine queries
 * and a call of the queue.
 */
export async function loadOf(
  context: Context,
  { header, run }: Pick<Attempt, "header" | "run">,
  task: string | undefined,
  queue: string | undefined,
): Promise<TaskLoad> {
  const step =
    task === undefined
      ? (await strandOf(context, header, run)).strand[run.stepIndex + 1]
      : { task, options: queue === undefined ? {} : { queue } };
  if (!step || isGroupStep(step)) return {};
  const [secondsPerRun, depth] = await Promise.all([
    meanSecondsOf(context, step.task),
    context.queue.depth(queueOf(context, step)),
  ]);
  return {
    ...(secondsPerRun !== undefined && { secondsPerRun }),
    ...(depth && { waiting: depth.ready }),
  };
}
