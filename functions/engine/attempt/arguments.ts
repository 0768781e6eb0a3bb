import { FanfoldError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import { LIMITS } from "../../core/limits.ts";
import { isGroupStep, type PlanStep, type Strand } from "../../core/plan/plan.ts";
import { runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { GroupHandle } from "../../core/task/invocation.ts";
import { eachOf } from "../concurrently.ts";
import type { Context } from "../context.ts";
import { givesError } from "../groups/create-group.ts";
import { errorValue } from "../items/short-error.ts";
import type { Header, Run, RunError } from "../item-kinds.ts";
import { readHeader } from "../items/header-reads.ts";
import { stackOf } from "../items/run-log.ts";
import { readRunById } from "../items/run-reads.ts";
import { loadValue } from "../items/values.ts";
import { strandOf } from "../plan/strands.ts";
import { lastRunId, parentsOf } from "../waits/nodes.ts";
import { memberEnds, toEntry } from "../views/results.ts";
import type { Attempt } from "./live-attempt.ts";

/** Returns whether a run receives a value beside the arguments of its signature. */
export const takesInput = (header: Header, run: Run): boolean =>
  run.stepIndex > 0 || header.input !== undefined || header.graph === true;
/**
 * Returns the arguments of a run: those of its signature, with the value of the step before prepended unless the
 * signature is immutable. The value is read from the row of the step before, which is terminal and does not change.
 * The first step of a member receives the value of the step before the group. The results of a group become an array,
 * unless the task streams them.
 */
export async function argumentsOf(
  context: Context,
  {
    header,
    run,
    step,
    info,
  }: Pick<Attempt, "header" | "step" | "info"> & { readonly run: RunRef & Pick<Run, "runId"> },
): Promise<{ args: readonly Json[]; collects: string | undefined; group?: GroupHandle | undefined }> {
  const own = step.args ?? [];
  const parents = run.stepIndex > 0 ? [] : await parentsOf(context, header, run.index);
  if (parents.length > 1) {
    if (step.immutable) return { args: own, collects: undefined };
    return { args: [await valuesOf(context, header, parents, info.name), ...own], collects: undefined };
  }
  const [parent] = parents;
  const from =
    run.stepIndex > 0
      ? runIdOf(run.gid, run.index, run.stepIndex - 1)
      : parent === undefined
        ? header.input
        : await lastRunId(context, header, parent);
  if (from === undefined) return { args: own, collects: undefined };
  const before = await readRunById(context, from);
  if (!before) throw new FanfoldError("internal", `the step before ${run.runId} is gone`);
  const collects = before.collects;
  const group = collects === undefined ? undefined : (before.value as GroupHandle | undefined);
  if (step.immutable) return { args: own, collects, group };
  if (run.stepIndex === 0 && parent === undefined && givesError(header))
    return { args: [...(await failureOf(context, before)), ...own], collects: undefined };
  if (collects === undefined || info.streamsResults)
    return { args: [await loadValue(context, before), ...own], collects, group };
  return { args: [await collectResults(context, collects, info.name), ...own], collects, group };
}

/** Returns the values of several members of a graph, in this order. Results of a group are a nested list. */
async function valuesOf(
  context: Context,
  header: Header,
  members: readonly number[],
  task: string,
): Promise<readonly Json[]> {
  const budget = { bytes: 0 };
  const values: Json[] = [];
  for (const index of members) {
    const runId = await lastRunId(context, header, index);
    const run = await readRunById(context, runId);
    if (!run) throw new FanfoldError("internal", `${runId}, whose value is needed, is gone`);
    if (run.collects === undefined) {
      const value = await loadValue(context, run);
      spend(budget, value, task, header.gid);
      values.push(value);
    } else values.push(await collectResults(context, run.collects, task, budget));
  }
  return values;
}

/**
 * Returns what an error link receives: the request of the signature that it hangs on, the error, and its stack. The error
 * of a failed group is that of the run that failed first in it. A failed group notifies the error links of what would
 * have run next, so their request is of a run that will never be.
 */
async function failureOf(context: Context, failed: Run): Promise<readonly Json[]> {
  const { error, runId, jobId } = failed;
  const origin = error?.runId ?? runId;
  const header = await readHeader(context, failed.gid);
  const strand = header ? (await strandOf(context, header, failed)).strand : [];
  const isGroup = isPlainGroupStep(strand[failed.stepIndex]);
  const raised = isGroup
    ? { ...error, name: "ChordError", message: `${origin} raised ${error?.name}: ${error?.message}` }
    : { ...error };
  const hostIndex = isGroup ? hostAfter(strand, failed.stepIndex) : failed.stepIndex;
  const own = hostIndex === failed.stepIndex;
  const host = strand[hostIndex];
  const task = own ? failed.task : host && !isGroupStep(host) ? host.task : undefined;
  const request: JsonObject = {
    runId: own ? runId : runIdOf(failed.gid, failed.index, hostIndex),
    jobId,
    attempt: own ? failed.attempt : 0,
    ...(task !== undefined && { task }),
    ...(host &&
      !isGroupStep(host) && {
        args: host.args ?? [],
        kwargs: host.kwargs ?? {},
        ...(host.options?.stamps && { stamps: host.options.stamps }),
      }),
  };
  return [request, errorValue({ ...raised, runId: origin } as RunError), (await stackOf(context, origin)) ?? null];
}
const isPlainGroupStep = (step: PlanStep | undefined): boolean =>
  step !== undefined && isGroupStep(step) && !step.wait && !step.choose && !step.repeat && !step.parents;
/**
 * Returns the index of the step that carries the error links of a group before it: the next one that is not itself the
 * header of what follows (core/canvas/canvas-links.ts).
 */
function hostAfter(strand: Strand, stepIndex: number): number {
  for (let at = stepIndex + 1; at < strand.length; at++)
    if (at === strand.length - 1 || !isPlainGroupStep(strand[at])) return at;
  return stepIndex;
}

/**
 * Returns all results of a group as one array, in member order. A failed member is `{ "$error": ... }`, and a nested
 * group is a nested array. Throws `results_too_large` above the size of one value.
 */
export async function collectResults(
  context: Context,
  gid: string,
  task: string,
  budget = { bytes: 0 },
): Promise<Json[]> {
  const results: Json[] = [];
  for await (const end of eachOf(memberEnds(context, gid), (each) => each)) {
    if (end.run?.collects !== undefined && isSuccess(end.status)) {
      results.push(await collectResults(context, end.run.collects, task, budget));
      continue;
    }
    const { value, error, runId, status } = await toEntry(context, end);
    const result: Json =
      error === undefined ? (value ?? null) : { $error: { runId, ...(errorValue(error) as JsonObject), status } };
    spend(budget, result, task, gid);
    results.push(result);
  }
  return results;
}
function spend(budget: { bytes: number }, result: Json, task: string, group: string): void {
  budget.bytes += JSON.stringify(result).length + 1;
  if (budget.bytes <= LIMITS.valueBytes) return;
  throw new FanfoldError(
    "results_too_large",
    `the results for ${task} are over ${LIMITS.valueBytes} bytes: set streamsResults on the task and read them with ctx.results()`,
    { details: { group, limit: LIMITS.valueBytes } },
  );
}
