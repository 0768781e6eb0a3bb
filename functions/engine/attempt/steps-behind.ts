import { FanfoldError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { isGroupStep, type Strand } from "../../core/plan/plan.ts";
import type { Context } from "../context.ts";
import { withPaths } from "../plan/chunk-strand.ts";
import { strandOf } from "../plan/strands.ts";
import type { Attempt } from "./live-attempt.ts";

/** Makes the strand of a child that runs the steps behind its owner on some items. */
export type StrandOf = (paths: readonly JsonObject[]) => Strand;

/**
 * Returns what makes children of the steps behind a run. The first one must be a path task, which is given the items.
 * The error is `no_next_step`.
 */
export async function stepsBehind(context: Context, { header, run, info }: Attempt): Promise<StrandOf | FanfoldError> {
  const refuse = (problem: string): FanfoldError =>
    new FanfoldError(
      "no_next_step",
      `${info.name} hands items to its next step, ${problem}: give their key a template in the settings of its submitter`,
      { details: { task: info.name } },
    );
  if (header.repeat) return refuse("and in a loop the step behind it may be that of the next time");
  const { strand } = await strandOf(context, header, run);
  const behind = strand.slice(run.stepIndex + 1);
  const [first] = behind;
  if (!first) return refuse("and there is none");
  if (isGroupStep(first) || first.each || !context.registry.info(first.task)?.paths)
    return refuse("which is no path task");
  if (first.kwargs?.["paths"] !== undefined) return refuse("which has items of its own");
  return (paths) => withPaths(behind, paths);
}
