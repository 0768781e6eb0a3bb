import { FanfoldError } from "../core/errors.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { isGroupStep, type PlanStep, type Strand } from "../core/plan.ts";
import { runIdOf } from "../core/run-id.ts";
import { isSuccess } from "../core/run-state.ts";
import type { Attempt } from "./claimed.ts";
import { eachOf } from "./concurrently.ts";
import type { Context } from "./context.ts";
import { loadValue } from "./payload.ts";
import { givesError } from "./child-groups.ts";
import { readHeader } from "./gate.ts";
import type { Header, Run } from "./items.ts";
import { memberEnds, toEntry } from "./results.ts";
import { stackOf } from "./run-log.ts";
import { readRunById, strandOf } from "./runs.ts";

/** Whether a run is given more than what its signature says. */
export const takesInput = (header: Header, run: Run): boolean => run.step > 0 || header.input !== undefined;
/**
 * Arguments of a run: those of its signature, with the value of the step before prepended unless it is immutable. That value is read from the row of the
 * step before, which is terminal and does not change; the first step of a group's member is given the value of the step before the group. A group's results are filled in as an array, unless the task asked for the handle.
 */
export async function argumentsOf(
  context: Context,
  { header, run, step, info }: Pick<Attempt, "header" | "run" | "step" | "info">,
): Promise<{ args: readonly Json[]; collects: string | undefined }> {
  const own = step.args ?? [];
  const from = run.step > 0 ? runIdOf(run.gid, run.index, run.step - 1) : header.input;
  if (from === undefined) return { args: own, collects: undefined };
  const before = await readRunById(context, from);
  if (!before) throw new FanfoldError("internal", `the step before ${run.runId} is gone`);
  const collects = before.collects;
  if (step.immutable) return { args: own, collects };
  if (run.step === 0 && givesError(header)) return { args: [...(await failureOf(context, before)), ...own], collects: undefined };
  if (collects === undefined || info.streamsResults) return { args: [await loadValue(context, before), ...own], collects };
  return { args: [await collectResults(context, collects, info.name), ...own], collects };
}

/**
 * What an error link is given: the request whose link it is, the error, and the trace. A group that failed did so for the run that failed first in it, and tells the error links
 * of what would have run next: theirs is the request, of a run that will never be.
 */
async function failureOf(context: Context, failed: Run): Promise<readonly Json[]> {
  const { error, runId, jobId, gid, index } = failed;
  const origin = error?.runId ?? runId;
  const header = await readHeader(context, gid);
  const strand = header ? (await strandOf(context, header, failed)).strand : [];
  const failedStep = strand[failed.step];
  const ofGroup = failedStep !== undefined && isPlainGroupStep(failedStep);
  const told = ofGroup ? { ...error, name: "ChordError", message: `${origin} raised ${error?.name}: ${error?.message}` } : { ...error };
  const at = ofGroup ? hostAfter(strand, failed.step) : failed.step;
  const step = strand[at];
  const own = at === failed.step;
  const task = own ? failed.task : step && !isGroupStep(step) ? step.task : undefined;
  const request = {
    runId: own ? runId : runIdOf(gid, index, at),
    jobId,
    attempt: own ? failed.attempt : 0,
    ...(task === undefined ? {} : { task }),
    ...(step && !isGroupStep(step) ? { args: step.args ?? [], kwargs: step.kwargs ?? {}, ...(step.options?.stamps && { stamps: step.options.stamps }) } : {}),
  };
  return [request as unknown as Json, { ...told, runId: origin } as unknown as Json, (await stackOf(context, origin)) ?? null];
}
const isPlainGroupStep = (step: PlanStep): boolean => isGroupStep(step) && !step.wait && !step.choose && !step.repeat;
/** The step whose error links a group before it carries: the next one that is not itself the header of what follows it (core/canvas-algebra.ts). */
function hostAfter(strand: Strand, index: number): number {
  for (let at = index + 1; at < strand.length; at++) {
    if (at === strand.length - 1 || !isPlainGroupStep(strand[at] as PlanStep)) return at;
  }
  return index;
}

/** All results of a group as one array, in member order; a failed member is `{ "$error": ... }`, a nested group is a nested array. Bounded. */
async function collectResults(context: Context, gid: string, task: string, budget = { bytes: 0 }): Promise<Json[]> {
  const results: Json[] = [];
  for await (const end of eachOf(memberEnds(context, gid), (each) => each)) {
    if (end.run?.collects !== undefined && isSuccess(end.status)) {
      results.push(await collectResults(context, end.run.collects, task, budget));
      continue;
    }
    const { value, error, runId, status } = await toEntry(context, end);
    const result: Json = error === undefined ? (value ?? null) : ({ $error: { runId, ...error, status } } as unknown as Json);
    budget.bytes += JSON.stringify(result).length + 1;
    if (budget.bytes > LIMITS.valueBytes) {
      throw new FanfoldError(
        "results_too_large",
        `the results for ${task} are over ${LIMITS.valueBytes} bytes: set streamsResults on the task and read them with ctx.results()`,
        {
          details: { group: gid, limit: LIMITS.valueBytes },
        },
      );
    }
    results.push(result);
  }
  return results;
}
