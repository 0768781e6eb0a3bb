import { leafOf, localIndex } from "../../core/plan/ledger.ts";
import { childGroupOf, parseRunId, runIdOf, type RunRef } from "../../core/plan/run-id.ts";
import { isSuccess } from "../../core/plan/run-state.ts";
import type { Context } from "../context.ts";
import { asRun, DUE_SHARDS, dueShard, leafPartition, type Run, type RunAttributes, runKey, runSort, shardOf } from "../item-kinds.ts";
import type { Item } from "../ports.ts";
import { allOf } from "./all-of.ts";

/** Reading runs, and finding in the plan what they do. */

export function identify(ref: RunRef): RunRef & { runId: string } {
  return { gid: ref.gid, index: ref.index, stepIndex: ref.stepIndex, runId: runIdOf(ref.gid, ref.index, ref.stepIndex) };
}
export async function readRun(context: Context, ref: RunRef): Promise<Run | undefined> {
  return asRun(await context.store.get(runKey(ref, context.config.width), { consistent: true }), identify(ref));
}
export async function readRunById(context: Context, runId: string): Promise<Run | undefined> {
  const ref = parseRunId(runId);
  return ref && readRun(context, ref);
}
export async function readRuns(context: Context, refs: readonly RunRef[]): Promise<(Run | undefined)[]> {
  const runs: (Run | undefined)[] = [];
  for (let from = 0; from < refs.length; from += 100) {
    const slice = refs.slice(from, from + 100);
    const items = await context.store.getMany(slice.map((ref) => runKey(ref, context.config.width)));
    items.forEach((item, k) => runs.push(asRun(item, identify(slice[k] as RunRef))));
  }
  return runs;
}
/** All rows of a leaf, in order of member and step. */
export async function readLeaf(context: Context, gid: string, leaf: number): Promise<Run[]> {
  const runs: Run[] = [];
  for await (const { items } of allOf((after) => context.store.query("tasks", leafPartition(gid, leaf), after))) {
    for (const item of items) runs.push(runOfLeaf(context, gid, leaf, item));
  }
  return runs;
}
function runOfLeaf(context: Context, gid: string, leaf: number, item: Item): Run {
  const [, local, step] = item.key.sort.split("#");
  return asRun(item, identify({ gid, index: leaf * context.config.width + Number(local), stepIndex: Number(step) })) as Run;
}
/** The last step of a member that has a row: its state is the member's. */
export async function readLastStep(context: Context, gid: string, index: number): Promise<Run | undefined> {
  const { width } = context.config;
  const leaf = leafOf(index, width);
  const local = localIndex(index, width);
  const range = { from: runSort(local, 0), to: runSort(local, 9_999), limit: 1, descending: true };
  const { items } = await context.store.query("tasks", leafPartition(gid, leaf), range);
  return items[0] && runOfLeaf(context, gid, leaf, items[0]);
}

/** The child group that a run has opened or may have: one that streams joins it only when it waits, and one that failed while streaming never. */
export function openedGroup(run: Run): string | undefined {
  if (run.joins !== undefined) return run.joins;
  return run.attempt > 0 && !isSuccess(run.status) ? childGroup(run) : undefined;
}
export const childGroup = (run: Run): string => childGroupOf(run.runId);

/** Attributes that bring a run back later than now: by its message's delay when that can reach, else by the due index. */
export function duePart(context: Context, runId: string, notBefore: number, now: number): Partial<RunAttributes> {
  if (notBefore - now <= context.queue.maxDelaySeconds * 1_000) return { notBefore };
  return { notBefore, due: notBefore, dueShard: dueShard(shardOf(runId, DUE_SHARDS)) };
}
/** The value attributes of a terminal run, for a run or job that takes its value over. */
export function copyOfValue(run: Run | undefined): Partial<Pick<RunAttributes, "value" | "valueRef" | "collects">> {
  return {
    ...(run?.value !== undefined && { value: run.value }),
    ...(run?.valueRef !== undefined && { valueRef: run.valueRef }),
    ...(run?.collects !== undefined && { collects: run.collects }),
  };
}
